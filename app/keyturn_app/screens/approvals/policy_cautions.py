"""What is wide in a policy, and what it demands less of than the version before did. No Qt."""

from collections.abc import Collection, Iterable, Iterator

from keyturn.quorum.policy_body import Policy
from keyturn.quorum.tee_rules import GpuRule, MinTcb, SnpRule, TdxRule, TdxStatus
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.outcome import Check, met, warning
from keyturn_app.statements.lettering import visible
from keyturn_app.statements.policy_words import document_word

LONG_LEASE = 900
"""Seconds. A revocation takes up to a lease to reach a node that hears nothing (DESIGN §5.6)."""

SHOWN = 8
"""Names in one line; how many there are besides is said."""

_BEHIND = frozenset(
    {
        TdxStatus.OUT_OF_DATE,
        TdxStatus.OUT_OF_DATE_CONFIGURATION_NEEDED,
        TdxStatus.TD_RELAUNCH_ADVISED,
        TdxStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
    }
)


def policy_cautions(body: Policy, before: Policy | None) -> Iterator[Check]:
    """`before`: what it is compared with, if anything."""
    if body.snp is not None:
        yield from _wide_snp(body.snp)
    if body.tdx is not None:
        yield from _wide_tdx(body.tdx)
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


def some(names: Iterable[str]) -> str:
    """The first few, in order; how many there are besides."""
    listed = sorted(visible(each[:200]) for each in names)
    left = len(listed) - SHOWN
    text = ", ".join(listed[:SHOWN])
    return text + " " + n_("and {count} more", "and {count} more", left) if left > 0 else text


# ---- wide by itself ----


def _wide_snp(snp: SnpRule) -> Iterator[Check]:
    if snp.debug:
        yield warning(
            _("Debugging is allowed: the host can read the node's memory"), "debug: true", "false"
        )
    if snp.migrate_ma:
        yield warning(_("A migration agent is allowed"), "migrate_ma: true", "false")


def _wide_tdx(tdx: TdxRule) -> Iterator[Check]:
    if tdx.debug:
        yield warning(
            _("TDs under debug are allowed: the host can read their memory"), "debug: true", "false"
        )
    if tdx.migratable:
        yield warning(_("TDs that can be migrated are allowed"), "migratable: true", "false")
    if tdx.service_tds:
        yield warning(_("Service TDs may be bound"), some(tdx.service_tds), _("none"))
    if not tdx.sept_ve_disable:
        yield warning(
            _("The host may raise exceptions in TDs on memory of its choice"),
            "sept_ve_disable: false",
            "true",
        )
    if tdx.advisories is None:
        yield warning(_("Any advisory of Intel is accepted"), "advisories: any", _("a list"))
    if behind := tdx.statuses & _BEHIND:
        yield warning(
            _("Firmware that Intel calls out of date is accepted"),
            some(each.value for each in behind),
        )


# ---- weaker than before ----


def _weaker(body: Policy, before: Policy) -> Iterator[Check]:
    """What was demanded, and would not be any more."""
    tees = {each.value for each in set(body.tees) - set(before.tees)}
    if tees:
        yield warning(_("More kinds of TEE would pass"), some(tees))
    if body.snp is not None and before.snp is not None:
        yield from _weaker_snp(body.snp, before.snp)
    if body.tdx is not None and before.tdx is not None:
        yield from _weaker_tdx(body.tdx, before.tdx)
    yield from _weaker_gpu(body.gpu, before.gpu)
    for text, now, then in (
        (_("A longer lease than before"), body.lease_seconds, before.lease_seconds),
        (_("Older evidence would pass"), body.evidence_seconds, before.evidence_seconds),
        (_("A release would need fewer witnesses"), before.witnesses, body.witnesses),
    ):
        if now > then:
            yield warning(text)
    asked = before.tpm.demands if before.tpm is not None else frozenset[str]()
    less = asked - (body.tpm.demands if body.tpm is not None else frozenset[str]())
    if less:
        yield warning(_("Less of a TPM's boot would be checked"), some(less))
    caveats = {each.value for each in body.accepted_caveats - before.accepted_caveats}
    for text, added in (
        (_("Accepts caveats that the version before did not"), caveats),
        (_("More baselines would pass"), set(body.baselines) - set(before.baselines)),
        (_("More workloads would pass"), _added(body.workloads, before.workloads)),
        (_("More lists of machines would pass"), _added(body.platforms, before.platforms)),
        (_("Machines at more sites would pass"), _wider(body.sites, before.sites)),
    ):
        if added:
            yield warning(text, some(added))
    yield from _older_collateral(body, before)


def _older_collateral(body: Policy, before: Policy) -> Iterator[Check]:
    dropped = before.collateral.keys() - body.collateral.keys()
    if dropped:
        yield warning(
            _("Vendors' documents would be asked for no more"),
            some(document_word(each) for each in dropped),
        )
    for kind in sorted(body.collateral.keys() & before.collateral.keys(), key=lambda e: e.value):
        now, then = body.collateral[kind], before.collateral[kind]
        if now > then:
            yield warning(
                _("An older document would pass: {document}").format(document=document_word(kind)),
                n_("{count} second", "{count} seconds", now),
                n_("{count} second", "{count} seconds", then),
            )


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
        yield warning(_("More processors would pass"), some(added))


def _weaker_tdx(body: TdxRule, before: TdxRule) -> Iterator[Check]:
    for text, now, then in (
        (_("With TDX, SMT would be allowed"), body.smt, before.smt),
        (
            _("Platforms with changing packages would pass"),
            body.dynamic_platform,
            before.dynamic_platform,
        ),
        (_("Platforms that cache their keys would pass"), body.cached_keys, before.cached_keys),
        (
            _("Older collateral of Intel would pass"),
            before.min_evaluation_number,
            body.min_evaluation_number,
        ),
        (_("More processor features would pass"), _more_bits(body.xfam, before.xfam), False),
    ):
        if now > then:
            yield warning(text)
    statuses = {each.value for each in body.statuses - before.statuses}
    registers = {each.value for each in before.registers - body.registers}
    for text, added in (
        (_("A weaker TCB of Intel's would pass"), statuses),
        (
            _("More advisories of Intel would be accepted"),
            _wider(body.advisories, before.advisories),
        ),
        (_("More service TDs could be bound"), set(body.service_tds - before.service_tds)),
        (_("Registers of a TD would be compared no more"), registers),
    ):
        if added:
            yield warning(text, some(added))


def _weaker_gpu(body: GpuRule, before: GpuRule) -> Iterator[Check]:
    modes = [
        None if each.modes is None else {mode.value for mode in each.modes}
        for each in (body, before)
    ]
    for text, now, then in (
        (_("Fewer GPUs are checked"), before.count, body.count),
        (_("Fewer NVSwitches are checked"), before.switches, body.switches),
        (_("Values need not come from signed RIMs any more"), before.rim, body.rim),
    ):
        if now > then:
            yield warning(text)
    for text, added in (
        (_("More GPU architectures would pass"), _wider(body.architectures, before.architectures)),
        (_("More GPU modes would pass"), _wider(modes[0], modes[1])),
        (_("More GPU drivers would pass"), _wider(body.drivers, before.drivers)),
        (_("More GPU VBIOSes would pass"), _wider(body.vbioses, before.vbioses)),
    ):
        if added:
            yield warning(text, some(added))


def _added(now: Collection[str] | None, then: Collection[str] | None) -> set[str]:
    """None is *any*, which is pointed at by itself."""
    return set() if now is None or then is None else set(now) - set(then)


def _wider(now: Collection[str] | None, then: Collection[str] | None) -> set[str]:
    """What would pass and did not; None is *any*, and *any* after some is wider."""
    if then is None:
        return set()
    return {"any"} if now is None else set(now) - set(then)


def _more_bits(now: int | None, then: int | None) -> bool:
    return then is not None and (now is None or bool(now & ~then))


def _tcb(value: MinTcb) -> tuple[int, ...]:
    return value.fmc, value.bootloader, value.tee, value.snp, value.microcode
