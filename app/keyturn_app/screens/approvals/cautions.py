"""What a careful officer would ask about: wide rules, long leases, weaker demands than before."""

from collections.abc import Iterator
from datetime import datetime

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.quorum.bodies import (
    Admission,
    Body,
    Keys,
    Platforms,
    Purpose,
    TrustAnchorsBody,
)
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.roster import Officer, Roster
from keyturn_app.i18n import _
from keyturn_app.screens.approvals.baseline_cautions import baseline_cautions
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.outcome import Check, not_met, warning
from keyturn_app.screens.approvals.policy_cautions import policy_cautions, some
from keyturn_app.statements.lettering import foreign, texts_in, unseen, visible

LONG_NAME, LONG_TARGET = 40, 24
"""Characters of a subject, and of what is revoked: longer ones are cut where they are shown."""


def cautions(case: Case, now: datetime) -> Iterator[Check]:
    body = case.statement.body
    compared = case.compared_with()
    before = None if compared is None else compared.statement.body
    if isinstance(body, Policy):
        yield from policy_cautions(body, before if isinstance(before, Policy) else None)
    elif isinstance(body, ReferenceValues):
        known = before if isinstance(before, ReferenceValues) else None
        yield from baseline_cautions(body, known, now)
    elif isinstance(body, Roster):
        yield from _roster(body, before if isinstance(before, Roster) else case.roster)
    elif isinstance(body, Keys):
        yield from _keys(body, before if isinstance(before, Keys) else None)
    elif isinstance(body, TrustAnchorsBody):
        yield from [_simulated(case)] if body.simulated else []
        known_roots = before if isinstance(before, TrustAnchorsBody) else None
        yield from _issuers(body, known_roots)
        yield from _hardware(body, known_roots)
        yield from () if before is None else _what_comes(body, before)
    elif isinstance(body, Admission):
        yield from _admission(body, before)
    else:
        yield from _hidden(body)
        yield from () if before is None else _what_comes(body, before)
    yield from _lettering(case)


def _roster(body: Roster, before: Roster) -> Iterator[Check]:
    if body.simulation != before.simulation:
        yield not_met(
            _("Simulation is fixed by the first roster"),
            str(body.simulation).lower(),
            str(before.simulation).lower(),
        )
    for kind, needed in body.thresholds.items():
        if needed < before.thresholds[kind]:
            yield warning(
                _("Fewer must agree to {kind}").format(kind=kind.value),
                str(needed),
                str(before.thresholds[kind]),
            )
    wider = sorted(each.value for each in body.proposer_may_approve - before.proposer_may_approve)
    if wider:
        yield warning(_("Proposers may newly approve their own"), ", ".join(wider))
    yield from _separation(body, before)
    for title, names in (
        (_("Officers who come"), set(body.officers) - set(before.officers)),
        (_("Officers who go"), set(before.officers) - set(body.officers)),
    ):
        if names:
            yield warning(title, some(names))
    for officer in sorted(set(body.officers) & set(before.officers)):
        yield from _officer(body.officers[officer], before.officers[officer])
    if body.witnesses.k < before.witnesses.k:
        yield warning(
            _("A release needs fewer witnesses"), str(body.witnesses.k), str(before.witnesses.k)
        )


def _separation(body: Roster, before: Roster) -> Iterator[Check]:
    """Roles that one officer may newly hold together, and roles that fewer must hold."""
    together = before.separation.apart - body.separation.apart
    if together:
        yield warning(
            _("One officer may newly hold both roles"),
            "; ".join(sorted(" + ".join(sorted(role.value for role in pair)) for pair in together)),
        )
    for role, needed in before.separation.required.items():
        now = body.separation.required.get(role, 0)
        if now < needed:
            yield warning(
                _("Fewer officers must hold the role {role}").format(role=role.value),
                str(now),
                str(needed),
            )


def _officer(now: Officer, then: Officer) -> Iterator[Check]:
    if now.keys != then.keys:
        yield warning(_("{officer} gets other keys").format(officer=now.id))
    added = now.roles - then.roles
    if added:
        yield warning(
            _("{officer} gets more to say").format(officer=now.id),
            ", ".join(sorted(each.value for each in added)),
        )


def _keys(body: Keys, before: Keys | None) -> Iterator[Check]:
    if body.assurance == "software":
        yield warning(_("The keys are in software"), "software", "hardware")
    if body.keys[Purpose.LOG].in_software:
        yield warning(
            _("Software log key: whoever reads a worker's memory can sign another history"),
            _("in software"),
            _("in the token"),
        )
    if before is None:
        return
    if body.origin != before.origin:
        yield warning(_("The log goes on under another name"), body.origin, before.origin)
    for purpose in Purpose:
        new, old = body.keys.get(purpose), before.keys.get(purpose)
        if new != old:
            yield warning(
                _("Another key of the keyholder for {purpose}").format(purpose=purpose.value),
                new.key_id[:16] if new else _("none"),
                old.key_id[:16] if old else _("none"),
            )


def _admission(body: Admission, before: Body | None) -> Iterator[Check]:
    """The same model again, otherwise."""
    if not isinstance(before, Admission):
        return
    if body.policy != before.policy:
        yield warning(_("Released under another policy"), body.policy, before.policy)
    if body.tag != before.tag:
        yield warning(
            _("Another key of the same model"), body.tag.hex()[:16], before.tag.hex()[:16]
        )
    if (body.name, body.version) != (before.name, before.version):
        yield warning(
            _("Called otherwise than before"),
            f"{body.name} {body.version}",
            f"{before.name} {before.version}",
        )


def _issuers(body: TrustAnchorsBody, before: TrustAnchorsBody | None) -> Iterator[Check]:
    """Makers of TPMs: the one kind of hardware root that a statement adds (our protocol §2.6)."""
    known = {each.spki_sha256 for each in before.tpm} if before is not None else set()
    new = {
        f"{each.name} ({each.spki_sha256[:16]})"
        for each in body.tpm
        if each.spki_sha256 not in known
    }
    if new:
        yield warning(_("Issuers of TPMs that would be believed"), some(new))


def _hardware(body: TrustAnchorsBody, before: TrustAnchorsBody | None) -> Iterator[Check]:
    """Pinned roots that were left out and would count again; names that are no pinned root's."""
    pinned = {str(each.spki) for each in HARDWARE_ANCHORS.anchors}
    if before is not None and before.hardware is not None:
        wider = (pinned if body.hardware is None else body.hardware & pinned) - before.hardware
        if wider:
            yield warning(_("More of the vendors' hardware roots would count"), some(wider))
    if body.hardware is not None and (strange := body.hardware - pinned):
        yield warning(_("No pinned root has this key: naming it adds nothing"), some(strange))


def _hidden(body: Body) -> Iterator[Check]:
    """A VLEK hides which chip it is: the one name stands for them all (our protocol §2.6)."""
    if isinstance(body, Platforms) and "amd-hidden" in body.platforms:
        yield warning(_("Names every machine whose chip is hidden"), "amd-hidden")


def _what_comes(body: Body, before: Body) -> Iterator[Check]:
    """What would pass, and did not before."""
    added: set[str] = set()
    text = ""
    if isinstance(body, Platforms) and isinstance(before, Platforms):
        text, added = _("Machines that come"), set(body.platforms) - set(before.platforms)
    elif isinstance(body, TrustAnchorsBody) and isinstance(before, TrustAnchorsBody):
        text = _("Simulated roots that come")
        added = {each.spki_sha256 for each in body.simulated} - {
            each.spki_sha256 for each in before.simulated
        }
    if added:
        yield warning(text, some(added))


def _lettering(case: Case) -> Iterator[Check]:
    """Characters that cannot be seen anywhere, and letters of other alphabets in names."""
    name, longest = case.statement.subject, LONG_NAME
    if case.statement.kind is Kind.REVOCATION:
        name, longest = name.partition(":")[2], LONG_TARGET
    if len(name) > longest and not isinstance(case.statement.body, Admission):
        yield warning(_("A long name, shown cut in the middle"), visible(name))
    payload = case.statement.envelope.payload
    if payload.isascii() and b"\\u" not in payload:
        return
    for text in texts_in([case.statement.subject, case.statement.reason, case.body()]):
        if found := unseen(text):
            yield warning(
                _("A text holds a character that cannot be seen"), f"{found}: {ascii(text)[:120]}"
            )
            break
    for name in _names(case):
        if found := foreign(name):
            yield warning(
                _("A name holds a letter that may look like another"),
                f"{found}: {ascii(name)[:120]}",
            )
            break


def _names(case: Case) -> Iterator[str]:
    """By which statements are found: two that look alike must not be two."""
    body = case.statement.body
    yield case.statement.subject
    if isinstance(body, Admission):
        yield body.policy
    elif isinstance(body, Policy):
        yield from body.baselines
        yield from body.platforms or ()
        yield from sorted(body.sites or ())
    elif isinstance(body, Roster):
        yield from body.officers
    elif isinstance(body, Restore):
        yield from (body.host, body.token)
    elif isinstance(body, Ceremony):
        yield body.token or ""


def _simulated(case: Case) -> Check:
    if case.roster.simulation:
        return warning(_("Simulated roots: evidence signed by them proves nothing"))
    return not_met(_("Simulated roots under an authority that is not a simulation"))
