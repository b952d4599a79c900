"""What a careful officer would ask about: wide rules, long leases, weaker demands than before."""

from collections.abc import Collection, Iterable, Iterator

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
from keyturn.quorum.reference_bodies import (
    ReferenceValues,
)
from keyturn.quorum.roster import Officer, Roster
from keyturn.quorum.tee_rules import MinTcb, SnpRule
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.lettering import foreign, texts_in, unseen, visible
from keyturn_app.screens.approvals.outcome import Check, met, not_met, warning

LONG_LEASE = 900
"""Seconds. A revocation takes up to a lease to reach a node that hears nothing (DESIGN §5.6)."""

SHOWN = 8
"""Names in one line; how many there are besides is said."""


LONG_NAME, LONG_TARGET = 40, 24
"""Characters of a subject, and of what is revoked: longer ones are cut where they are shown."""


def cautions(case: Case) -> Iterator[Check]:
    body = case.statement.body
    compared = case.compared_with()
    before = None if compared is None else compared.statement.body
    if isinstance(body, Policy):
        yield from _policy(body, before if isinstance(before, Policy) else None)
    elif isinstance(body, Roster):
        yield from _roster(body, before if isinstance(before, Roster) else case.roster)
    elif isinstance(body, Keys):
        yield from _keys(body, before if isinstance(before, Keys) else None)
    elif isinstance(body, TrustAnchorsBody):
        yield from [_simulated(case)] if body.simulated else []
        yield from _issuers(body, before if isinstance(before, TrustAnchorsBody) else None)
        yield from () if before is None else _what_comes(body, before)
    elif isinstance(body, Admission):
        yield from _admission(body, before)
    else:
        yield from _hidden(body)
        yield from () if before is None else _what_comes(body, before)
    yield from _lettering(case)


def _policy(body: Policy, before: Policy | None) -> Iterator[Check]:
    if body.snp is not None and body.snp.debug:
        yield warning(
            _("Debugging is allowed: the host can read the node's memory"), "debug: true", "false"
        )
    if body.snp is not None and body.snp.migrate_ma:
        yield warning(_("A migration agent is allowed"), "migrate_ma: true", "false")
    if body.platforms is None:
        yield warning(_("Any machine anywhere is accepted"), "platforms: any", _("a list"))
    if body.workloads is None:
        yield warning(_("Any workload is accepted"), "workloads: any", _("a list"))
    if body.lease_seconds > LONG_LEASE:
        yield warning(
            _("A long lease: a revoked node may serve that long"),
            n_("{count} second", "{count} seconds", body.lease_seconds),
            n_("at most {count} second", "at most {count} seconds", LONG_LEASE),
        )
    if body.accepted_caveats:
        yield warning(
            n_("{count} caveat accepted", "{count} caveats accepted", len(body.accepted_caveats)),
            ", ".join(sorted(each.value for each in body.accepted_caveats)),
        )
    else:
        yield met(_("No caveat is accepted"))
    if before is not None:
        yield from _weaker(body, before)


def _weaker(body: Policy, before: Policy) -> Iterator[Check]:
    """What was demanded, and would not be any more."""
    if body.snp is not None and before.snp is not None:
        yield from _weaker_snp(body.snp, before.snp)
    for text, now, then in (
        (_("Fewer GPUs are checked"), -body.gpu_count, -before.gpu_count),
        (_("A longer lease than before"), body.lease_seconds, before.lease_seconds),
    ):
        if now > then:
            yield warning(text)
    asked = before.tpm.demands if before.tpm is not None else frozenset[str]()
    less = asked - (body.tpm.demands if body.tpm is not None else frozenset[str]())
    if less:
        yield warning(_("Less of a TPM's boot would be checked"), _some(less))
    caveats = {each.value for each in body.accepted_caveats - before.accepted_caveats}
    for text, added in (
        (_("Accepts caveats that the version before did not"), caveats),
        (_("More baselines would pass"), set(body.baselines) - set(before.baselines)),
        (_("More workloads would pass"), _added(body.workloads, before.workloads)),
        (_("More lists of machines would pass"), _added(body.platforms, before.platforms)),
    ):
        if added:
            yield warning(text, _some(added))


def _weaker_snp(body: SnpRule, before: SnpRule) -> Iterator[Check]:
    for product, lowest in sorted(body.min_tcb.items()):
        was = before.min_tcb.get(product)
        if was is not None and any(n < o for n, o in zip(_tcb(lowest), _tcb(was), strict=True)):
            yield warning(
                _("Older firmware of {product} would pass").format(product=product),
                ".".join(map(str, _tcb(lowest))),
                ".".join(map(str, _tcb(was))),
            )
    for text, now, then in (
        (_("SMT would be allowed"), body.smt, before.smt),
        (_("The alias check would be required no more"), before.alias_check, body.alias_check),
        (_("VLEK would be allowed"), body.vlek, before.vlek),
        (_("A higher VMPL would be allowed"), body.max_vmpl, before.max_vmpl),
    ):
        if now > then:
            yield warning(text)
    if added := body.products - before.products:
        yield warning(_("More processors would pass"), _some(added))


def _added(now: Collection[str] | None, then: Collection[str] | None) -> set[str]:
    """None is *any*, which is pointed at by itself."""
    return set() if now is None or then is None else set(now) - set(then)


def _some(names: Iterable[str]) -> str:
    """The first few, in order; how many there are besides."""
    listed = sorted(visible(each[:200]) for each in names)
    left = len(listed) - SHOWN
    text = ", ".join(listed[:SHOWN])
    return text + " " + n_("and {count} more", "and {count} more", left) if left > 0 else text


def _tcb(value: MinTcb) -> tuple[int, ...]:
    return value.fmc, value.bootloader, value.tee, value.snp, value.microcode


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
            yield warning(title, _some(names))
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
    if before is None:
        return
    if body.origin != before.origin:
        yield warning(_("A new log begins"), body.origin, before.origin)
    for purpose in Purpose:
        if body.keys[purpose] != before.keys[purpose]:
            yield warning(
                _("Another key of the keyholder for {purpose}").format(purpose=purpose.value),
                body.keys[purpose].key_id[:16],
                before.keys[purpose].key_id[:16],
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
        yield warning(_("Issuers of TPMs that would be believed"), _some(new))


def _hidden(body: Body) -> Iterator[Check]:
    """A VLEK hides which chip it is: the one name stands for them all (our protocol §2.6)."""
    if isinstance(body, Platforms) and "amd-hidden" in body.platforms:
        yield warning(_("Names every machine whose chip is hidden"), "amd-hidden")


def _what_comes(body: Body, before: Body) -> Iterator[Check]:
    """What would pass, and did not before."""
    added: set[str] = set()
    text = ""
    if isinstance(body, ReferenceValues) and isinstance(before, ReferenceValues):
        text, added = _("Measurements that come"), set(body.measurements - before.measurements)
        new = len([each for each in body.gpu if each not in before.gpu])
        if new:
            yield warning(n_("{count} other GPU firmware", "{count} other GPU firmwares", new))
        boots = len([each for each in body.tpm if each not in before.tpm])
        if boots:
            yield warning(n_("{count} other boot of a TPM", "{count} other boots of TPMs", boots))
    elif isinstance(body, Platforms) and isinstance(before, Platforms):
        text, added = _("Machines that come"), set(body.platforms) - set(before.platforms)
    elif isinstance(body, TrustAnchorsBody) and isinstance(before, TrustAnchorsBody):
        text = _("Simulated roots that come")
        added = {each.spki_sha256 for each in body.simulated} - {
            each.spki_sha256 for each in before.simulated
        }
    if added:
        yield warning(text, _some(added))


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
