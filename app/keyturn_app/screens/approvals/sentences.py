"""What a statement says, read out as sentences: of every kind, from the parsed body. No Qt.

Nothing is left out that has a meaning, only lists are cut where they get long, with how many
there are besides. What is signed are the exact bytes, a click away.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
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
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
)
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.statements import Statement
from keyturn.quorum.tee_rules import SnpRule
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.lettering import visible
from keyturn_app.screens.approvals.naming import kind_word, target_word

SHOWN = 40
"""Items of one list."""
_LONGEST = 200
_HEX = re.compile(r"(?:[0-9a-f]{2}){16,}")


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
        yield _("Named compromised, for ever: {keys}.").format(keys=_list(body.compromised))


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
    for purpose in Purpose:
        key = body.keys[purpose]
        oaep = f" ({key.oaep_hash.value})" if key.oaep_hash else ""
        yield _("{purpose} key: {algorithm}{oaep} {id}.").format(
            purpose=purpose.value,
            algorithm=key.algorithm.value,
            oaep=oaep,
            id=wording.grouped(key.key_id),
        )


def _policy(body: Body, subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, Policy)
    yield _("Keys of models admitted under {policy} go to nodes that satisfy all of this:").format(
        policy=subject
    )
    if body.snp is not None:
        yield from _machine(body.snp)
    yield n_("{count} GPU is checked.", "{count} GPUs are checked.", body.gpu_count)
    yield _("Measured as in: {baselines}.").format(baselines=_list(body.baselines))
    yield _or_any(body.workloads, _("Any workload."), _("Workload one of: {list}."))
    yield _or_any(body.platforms, _("Any machine."), _("A machine of: {list}."))
    yield n_("A lease lasts {count} second.", "A lease lasts {count} seconds.", body.lease_seconds)
    caveats = [each.value for each in body.accepted_caveats]
    yield (
        _("Accepted caveats: {list}.").format(list=_list(caveats))
        if caveats
        else _("No caveat is accepted.")
    )


def _machine(snp: SnpRule) -> Iterator[str]:
    yield _("AMD SEV-SNP on {products}.").format(products=_list(snp.products))
    for product, tcb in sorted(snp.min_tcb.items()):
        yield _(
            "Firmware of {product} from: bootloader {bootloader}, TEE {tee}, SNP {snp}, microcode "
            "{microcode}, FMC {fmc}."
        ).format(
            product=product,
            bootloader=tcb.bootloader,
            tee=tcb.tee,
            snp=tcb.snp,
            microcode=tcb.microcode,
            fmc=tcb.fmc,
        )
    yield _("Debugging is allowed.") if snp.debug else _("Debugging is not allowed.")
    yield _("A migration agent is allowed.") if snp.migrate_ma else _("No migration agent.")
    yield _("SMT is allowed.") if snp.smt else _("SMT is not allowed.")
    yield _("The alias check is required.") if snp.alias_check else _("No alias check is required.")
    yield _("VLEK is allowed.") if snp.vlek else _("VLEK is not allowed.")
    yield _("VMPL at most {vmpl}.").format(vmpl=snp.max_vmpl)


def _reference_values(body: Body, subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, ReferenceValues)
    yield _("Baseline {name}: what counts as known-good.").format(name=subject)
    for value, origin in islice(body.snp.items(), SHOWN):
        yield _("Launch measurement {value}, from: {source}.").format(
            value=wording.grouped(value), source=_short(origin.source)
        )
    yield from _left(len(body.snp))
    for gpu in body.gpu[:SHOWN]:
        yield _gpu(gpu)
    yield from _left(len(body.gpu))
    if not body.gpu:
        yield _("No GPU firmware.")


def _gpu(gpu: GpuReference) -> str:
    places = n_("{count} measurement", "{count} measurements", len(gpu.measurements))
    return _(
        "GPU {architecture}, driver {driver}, VBIOS {vbios}: {places}, from: {source}."
    ).format(
        architecture=gpu.architecture,
        driver=gpu.driver,
        vbios=gpu.vbios,
        places=places,
        source=_short(gpu.origin.source),
    )


def _platforms(body: Body, subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, Platforms)
    count = n_("{count} machine", "{count} machines", len(body.platforms))
    yield _("List {name}: {count}.").format(name=subject, count=count)
    for each in islice(body.platforms.values(), SHOWN):
        note = f" ({_short(each.note)})" if each.note else ""
        yield _("{id} at {site}{note}.").format(id=each.id, site=each.site, note=note)
    yield from _left(len(body.platforms))


def _trust_anchors(body: Body, _subject: str, _roster: Roster) -> Iterator[str]:
    assert isinstance(body, TrustAnchorsBody)
    yield _("Hardware evidence counts by the vendors' pinned roots only.")
    if not body.simulated:
        yield _("No simulated root counts.")
    for each in body.simulated:
        yield _("A simulated root counts: {vendor} {product} {id}.").format(
            vendor=each.vendor, product=each.product, id=wording.grouped(each.spki_sha256)
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


# ---- lists ----


def _or_any(names: Collection[str] | None, anything: str, listed: str) -> str:
    return anything if names is None else listed.format(list=_list(names))


def _list(names: Collection[str]) -> str:
    found = [_value(each) for each in sorted(names)]
    left = len(found) - SHOWN
    text = ", ".join(found[:SHOWN])
    return text + " " + n_("and {count} more", "and {count} more", left) if left > 0 else text


def _left(count: int) -> Iterator[str]:
    if count > SHOWN:
        yield n_("and {count} more", "and {count} more", count - SHOWN)


def _value(text: str) -> str:
    """Digits in groups, names as they are."""
    return wording.grouped(text) if _HEX.fullmatch(text) else _short(text)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
