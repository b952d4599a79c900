"""What a statement says, read out as sentences: of every kind, from the parsed body. No Qt.

Nothing is left out that has a meaning, only lists are cut where they get long, with how many
there are besides. What is signed are the exact bytes, a click away.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from keyturn.quorum.bodies import (
    Admission,
    Body,
    Keys,
    Platforms,
    Purpose,
    Revocation,
    TrustAnchorsBody,
)
from keyturn.quorum.ceremony_body import Ceremony, CeremonyKind, Concern, Restore, concern_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.statements import Statement
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.baseline_words import baseline_words
from keyturn_app.screens.approvals.naming import kind_word, target_word
from keyturn_app.statements.lettering import visible
from keyturn_app.statements.listing import SHOWN, brief, left_over, listed
from keyturn_app.statements.policy_words import policy_words


def sentences(statement: Statement, roster: Roster) -> tuple[str, ...]:
    """`roster`: the one in force, for the names of officers."""
    found = READ_OUT[statement.kind](statement.body, statement.subject, roster)
    return tuple(visible(each) for each in found)


def ceremony_word(kind: CeremonyKind) -> str:
    return {
        CeremonyKind.GENESIS: _("genesis"),
        CeremonyKind.UNSEAL: _("unseal"),
        CeremonyKind.KEK_ROTATION: _("rotation of the KEK"),
        CeremonyKind.BACKUP: _("backup of the KEK"),
        CeremonyKind.RESTORE_DRILL: _("restore drill"),
        CeremonyKind.CUSTODIAN_CHANGE: _("change of custodians"),
        CeremonyKind.OFFICER_KEY_LOSS: _("loss of an officer's key"),
        CeremonyKind.MODEL_KEY_DESTRUCTION: _("destruction of a model's key"),
        CeremonyKind.KEY_IMPORT: _("import of a key"),
        CeremonyKind.HSM_REPLACEMENT: _("replacement of the HSM"),
    }[kind]


def person(officer: OfficerId, roster: Roster) -> str:
    """`Ada (ada)`; the bare id of somebody whom the roster does not have."""
    found = roster.officers.get(officer)
    return str(officer) if found is None else f"{found.name} ({officer})"


def people(officers: Iterable[OfficerId], roster: Roster) -> str:
    return ", ".join(person(each, roster) for each in officers)


# ---- each kind ----


def _roster(body: Body, _subject: str, _in_force: Roster) -> Iterator[str]:
    assert isinstance(body, Roster)
    if body.simulation:
        yield _("This authority is a simulation.")
    yield n_("{count} officer:", "{count} officers:", len(body.officers))
    for officer in body.officers.values():
        yield _officer(officer)
    needed = (f"{kind_word(kind)} {count}" for kind, count in body.thresholds.items())
    yield _("Approvals needed: {list}.").format(list=", ".join(needed))
    if body.proposer_may_approve:
        kinds = sorted(kind_word(kind) for kind in body.proposer_may_approve)
        yield _("Who proposes may also approve: {kinds}.").format(kinds=", ".join(kinds))
    else:
        yield _("Who proposes never approves.")
    yield from _duties(body)
    if body.witnesses.k:
        yield _(
            "A release needs cosignatures of {k} of {all} witnesses, none older than {seconds} s."
        ).format(k=body.witnesses.k, all=len(body.witnesses.keys), seconds=body.witnesses.t_seconds)
    else:
        yield _("A release needs no witness.")
    for key in body.witnesses.keys:
        yield _("Witness key {id}.").format(id=wording.grouped(key.key_id))
    if body.compromised:
        yield _("Named compromised, for ever: {keys}.").format(keys=listed(body.compromised))


def _officer(officer: Officer) -> str:
    text = _("{name} ({id}): {roles}; {keys}; {shares}.")
    if officer.hpke is None:
        shares = _("no share key")
    else:
        shares = _("share key {id}").format(id=wording.grouped(officer.hpke.hex()))
    return text.format(
        name=officer.name,
        id=officer.id,
        roles=", ".join(sorted(role.value for role in officer.roles)) or _("no role"),
        keys=", ".join(
            _("key {algorithm} {id}").format(
                algorithm=key.algorithm.value, id=wording.grouped(key.key_id)
            )
            for key in officer.keys
        ),
        shares=shares,
    )


def _duties(body: Roster) -> Iterator[str]:
    for pair in sorted(" + ".join(sorted(r.value for r in each)) for each in body.separation.apart):
        yield _("No officer is both: {roles}.").format(roles=pair)
    for role, count in body.separation.required.items():
        officers = n_("{count} officer", "{count} officers", count)
        yield _("{role}: at least {officers}.").format(role=role.value, officers=officers)


def _keys(body: Body, _subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, Keys)
    yield _("The keyholder's log is called {origin}.").format(origin=body.origin)
    if body.assurance == "software":
        yield _("Its keys are in software: software assurance.")
    else:
        yield _("Its keys are said to be in hardware.")
    for purpose in (each for each in Purpose if each in body.keys):
        key = body.keys[purpose]
        oaep = f" ({key.oaep_hash.value})" if key.oaep_hash else ""
        yield _("{purpose} key: {algorithm}{oaep} {id}.").format(
            purpose=purpose.value,
            algorithm=key.algorithm.value,
            oaep=oaep,
            id=wording.grouped(key.key_id),
        )
        if key.in_software:
            yield _("It is a software log key: the token keeps it, and does not sign with it.")


def _policy(body: Body, subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, Policy)
    yield from policy_words(body, subject)


def _reference_values(body: Body, subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, ReferenceValues)
    yield from baseline_words(body, subject)


def _platforms(body: Body, subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, Platforms)
    count = n_("{count} machine", "{count} machines", len(body.platforms))
    yield _("List {name}: {count}.").format(name=subject, count=count)
    for each in islice(body.platforms.values(), SHOWN):
        note = f" ({brief(each.note)})" if each.note else ""
        yield _("{id} at {site}{note}.").format(id=each.id, site=each.site, note=note)
    yield from left_over(len(body.platforms))


def _trust_anchors(body: Body, _subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, TrustAnchorsBody)
    if body.hardware is None:
        yield _("Hardware evidence counts by the vendors' pinned roots only.")
    else:
        yield _(
            "Hardware evidence counts by these of the vendors' pinned roots only: {list}."
        ).format(list=listed(body.hardware))
    if not body.simulated:
        yield _("No simulated root counts.")
    for each in body.simulated:
        yield _("A simulated root counts: {vendor} {product} {id}.").format(
            vendor=each.vendor, product=each.product, id=wording.grouped(each.spki_sha256)
        )
    for issuer in body.tpm:
        yield _("An issuer of TPMs counts: {name} {id}.").format(
            name=issuer.name, id=wording.grouped(issuer.spki_sha256)
        )


def _model(body: Body, _subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, Admission)
    yield _("Model {digest} is admitted under policy {policy}.").format(
        digest=wording.grouped(body.model), policy=body.policy
    )
    yield _("Its key has the tag {tag}.").format(tag=wording.grouped(body.tag.hex()))
    yield _("It is called {name}, version {version}: said, not proved.").format(
        name=body.name, version=body.version
    )


def _ceremony(body: Body, subject: str, roster: Roster) -> Iterator[str]:
    assert isinstance(body, Ceremony)
    who = body.participants
    yield _("Ceremony {id}: {what}.").format(id=subject, what=ceremony_word(body.ceremony))
    yield _between(body)
    yield _("{name} administers it.").format(name=person(who.administrator, roster))
    yield _("Custodians who take part: {names}.").format(names=people(who.custodians, roster))
    yield _("{name} is the witness and has no other part.").format(name=person(who.witness, roster))
    if who.scribe is None:
        yield _("Nobody is named to take notes.")
    else:
        yield _("{name} takes notes.").format(name=person(who.scribe, roster))
    yield _("They follow the script {digest}.").format(digest=wording.grouped(body.script))
    if body.token is None:
        yield _("No token is named.")
    else:
        yield _("On the token with serial {serial}.").format(serial=body.token)
    yield from (_concern(each, roster) for each in body.concerns)


def _concern(text: str, roster: Roster) -> str:
    shape = concern_of(text)
    if shape is Concern.OFFICER:
        return _("It concerns {name}.").format(name=person(OfficerId(text), roster))
    if shape is Concern.MODEL:
        return _("It concerns model {digest}.").format(digest=wording.grouped(text))
    return _("It concerns key {id}.").format(id=wording.grouped(text))


def _restore(body: Body, _subject: str, roster: Roster) -> Iterator[str]:
    assert isinstance(body, Restore)
    yield _("The KEK {id} is restored.").format(id=wording.grouped(body.kek))
    yield _("From the backup {digest}.").format(digest=wording.grouped(body.backup))
    yield _("Into the token with serial {serial}, at the host {host}.").format(
        serial=body.token, host=body.host
    )
    yield _("By the custodians {names}.").format(names=people(body.custodians, roster))
    yield _between(body)


def _between(body: Ceremony | Restore) -> str:
    return _("It may be done from {start} until {end}, and at no other time.").format(
        start=wording.moment(body.window.not_before), end=wording.moment(body.window.not_after)
    )


def _revocation(body: Body, _subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, Revocation)
    yield _("Nothing about {kind} {target} is in force any more.").format(
        kind=target_word(body.target_kind), target=body.target
    )
    yield _("It never expires.")


READ_OUT: Mapping[Kind, Callable[[Body, str, Roster], Iterator[str]]] = {
    Kind.ROSTER: _roster,
    Kind.KEYS: _keys,
    Kind.POLICY: _policy,
    Kind.REFERENCE_VALUES: _reference_values,
    Kind.PLATFORMS: _platforms,
    Kind.TRUST_ANCHORS: _trust_anchors,
    Kind.MODEL: _model,
    Kind.CEREMONY: _ceremony,
    Kind.REVOCATION: _revocation,
    Kind.RESTORE: _restore,
}
