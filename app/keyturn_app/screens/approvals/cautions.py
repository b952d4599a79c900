"""What a careful officer would ask about: wide rules, long leases, weaker demands than before."""

from collections.abc import Iterator

from keyturn.quorum.bodies import Keys, TrustAnchorsBody
from keyturn.quorum.policy_body import MinTcb, Policy
from keyturn.quorum.roster import Roster
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.outcome import Check, met, not_met, warning

LONG_LEASE = 900
"""Seconds. A revocation takes up to a lease to reach a node that hears nothing (DESIGN §5.6)."""


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
    elif isinstance(body, TrustAnchorsBody) and body.simulated:
        yield _simulated(case)


def _policy(body: Policy, before: Policy | None) -> Iterator[Check]:
    if body.snp.debug:
        yield warning(
            _("Debugging is allowed: the host can read the node's memory"), "debug: true", "false"
        )
    if body.snp.migrate_ma:
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
    for product, lowest in sorted(body.snp.min_tcb.items()):
        was = before.snp.min_tcb.get(product)
        if was is not None and any(n < o for n, o in zip(_tcb(lowest), _tcb(was), strict=True)):
            yield warning(
                _("Older firmware of {product} would pass").format(product=product),
                ".".join(map(str, _tcb(lowest))),
                ".".join(map(str, _tcb(was))),
            )
    if body.gpu_count < before.gpu_count:
        yield warning(_("Fewer GPUs are checked"), str(body.gpu_count), str(before.gpu_count))
    added = sorted(each.value for each in body.accepted_caveats - before.accepted_caveats)
    if added:
        yield warning(_("Accepts caveats that the version before did not"), ", ".join(added))


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
    for title, names in (
        (_("Officers who come"), set(body.officers) - set(before.officers)),
        (_("Officers who go"), set(before.officers) - set(body.officers)),
    ):
        if names:
            yield warning(title, ", ".join(sorted(names)))
    for officer in sorted(set(body.officers) & set(before.officers)):
        if body.officers[officer].keys != before.officers[officer].keys:
            yield warning(_("{officer} gets other keys").format(officer=officer))


def _keys(body: Keys, before: Keys | None) -> Iterator[Check]:
    if body.assurance == "software":
        yield warning(_("The keys are in software"), "software", "hardware")
    if before is not None and body.origin != before.origin:
        yield warning(_("A new log begins"), body.origin, before.origin)


def _simulated(case: Case) -> Check:
    if case.roster.simulation:
        return warning(_("Simulated roots: evidence signed by them proves nothing"))
    return not_met(_("Simulated roots under an authority that is not a simulation"))
