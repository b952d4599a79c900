"""Whether any machine can pass a policy's rules about processors, TEE by TEE."""

from collections.abc import Iterator

from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.policy.lint_around import Around
from keyturn.policy.remarks import LintCode, LintRemark, Severity, note, remark, warning
from keyturn.policy.shown import HIDDEN_PLATFORM
from keyturn.quorum.kinds import TargetKind
from keyturn.quorum.origin import Origin
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import TdxReference
from keyturn.quorum.tee_rules import MinTcb, SnpRule, TdRegister, TdxRule, TdxStatus, Tee

_WEAK = (
    TdxStatus.OUT_OF_DATE,
    TdxStatus.OUT_OF_DATE_CONFIGURATION_NEEDED,
    TdxStatus.TD_RELAUNCH_ADVISED,
    TdxStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
)
_XFAM_ALWAYS = 0b11  # x87 and SSE (TDX Module ABI, table "XFAM")
_PRODUCTS = frozenset(each.value for each in SnpProduct)
_Dead = tuple[str, LintCode, dict[str, object]]


def lint_tees(policy: Policy, around: Around) -> Iterator[LintRemark]:
    """A TEE of which no machine can pass is an error only where there is no other."""
    dead = {
        Tee.SNP: list(_dead_snp(policy, around)) if policy.snp else [],
        Tee.TDX: list(_dead_tdx(policy, around)) if policy.tdx else [],
    }
    hopeless = all(dead[tee] for tee in policy.tees)
    severity = Severity.ERROR if hopeless else Severity.WARNING
    for tee in policy.tees:
        for place, code, values in dead[tee]:
            yield remark(place, severity, code, **values)
    if policy.snp is not None:
        yield from _weak_snp(policy.snp, around)
    if policy.tdx is not None:
        yield from _weak_tdx(policy.tdx, around)


def _dead_snp(policy: Policy, around: Around) -> Iterator[_Dead]:
    """Why no machine with SEV-SNP can pass; nothing where one might."""
    assert policy.snp is not None
    values: list[tuple[str, Origin]] = [
        each for baseline in around.baselines(policy) for each in baseline.snp.items()
    ]
    living = [value for value, origin in values if not origin.ended(around.now)]
    yield from _no_values("snp", Tee.SNP, values, living, around)
    if not policy.snp.products & _PRODUCTS:
        products = ", ".join(sorted(policy.snp.products))
        yield "snp.products", LintCode.UNKNOWN_PRODUCT, {"product": products}
    prefixes = tuple(f"amd-{each.lower()}-" for each in policy.snp.products)
    if policy.snp.vlek:
        prefixes = (*prefixes, HIDDEN_PLATFORM)
    yield from _no_platform(policy, around, Tee.SNP, prefixes)


def _dead_tdx(policy: Policy, around: Around) -> Iterator[_Dead]:
    assert policy.tdx is not None
    known = [each for baseline in around.baselines(policy) for each in baseline.tdx]
    living = around.living(known)
    mrtds = [value for each in living for value in each.registers[TdRegister.MRTD]]
    yield from _no_values("tdx", Tee.TDX, known, mrtds, around)
    missing = min((_lacking(policy.tdx, each) for each in living), key=len, default=())
    if missing:
        registers = ", ".join(missing)
        yield "tdx.registers", LintCode.REGISTER_WITHOUT_VALUE, {"registers": registers}
    xfam = policy.tdx.xfam
    if xfam is not None and xfam & _XFAM_ALWAYS != _XFAM_ALWAYS:
        yield "tdx.xfam", LintCode.XFAM_WITHOUT_BASE, {"asked": f"{xfam:#x}"}
    yield from _no_platform(policy, around, Tee.TDX, ("intel-",))


def _lacking(rule: TdxRule, reference: TdxReference) -> tuple[str, ...]:
    return tuple(sorted(e.value for e in rule.registers if not reference.registers.get(e)))


def _no_values(
    place: str,
    tee: Tee,
    known: list[object] | list[TdxReference] | list[tuple[str, Origin]],
    living: list[str],
    around: Around,
) -> Iterator[_Dead]:
    if not known:
        yield place, LintCode.NO_VALUE_OF_TEE, {"tee": tee.value}
    elif not living:
        yield place, LintCode.VALUES_ENDED, {"what": tee.value}
    elif all(around.revoked(TargetKind.MEASUREMENT, value) for value in living):
        yield place, LintCode.REVOKED, {"target": ", ".join(sorted(living)[:3])}


def _no_platform(
    policy: Policy, around: Around, tee: Tee, prefixes: tuple[str, ...]
) -> Iterator[_Dead]:
    """No list has a machine of this kind, at a site that is allowed by every list that has it."""
    if policy.platforms is None:
        return
    sites: dict[str, set[str]] = {}
    for _, each in around.lists(policy):
        for platform in each.platforms.values():
            sites.setdefault(platform.id, set()).add(platform.site)
    allowed = policy.sites
    for platform_id, at in sites.items():
        here = allowed is None or (at <= allowed and platform_id != HIDDEN_PLATFORM)
        possible = here and platform_id.startswith(prefixes)
        if possible and not around.revoked(TargetKind.PLATFORM, platform_id):
            return
    yield "platforms", LintCode.NO_PLATFORM_OF_TEE, {"tee": tee.value}


def _weak_snp(rule: SnpRule, around: Around) -> Iterator[LintRemark]:
    if rule.products & _PRODUCTS:
        for product in sorted(rule.products - _PRODUCTS):
            yield warning(f"snp.min_tcb.{product}", LintCode.UNKNOWN_PRODUCT, product=product)
    for product, floor in sorted(rule.min_tcb.items()):
        place = f"snp.min_tcb.{product}"
        if floor == MinTcb(0, 0, 0, 0, 0):
            yield warning(place, LintCode.NO_FLOOR, product=product)
        yield from _above_seen(place, product, floor, around)
    for place, code, weak in (
        ("snp.debug", LintCode.DEBUG_ALLOWED, rule.debug),
        ("snp.migrate_ma", LintCode.MIGRATION_ALLOWED, rule.migrate_ma),
    ):
        if weak:
            yield warning(place, code)
    if rule.max_vmpl == 3:
        yield warning("snp.max_vmpl", LintCode.ANY_VMPL, vmpl=rule.max_vmpl)
    if rule.vlek:
        yield note("snp.vlek", LintCode.VLEK_ALLOWED)


def _above_seen(place: str, product: str, floor: MinTcb, around: Around) -> Iterator[LintRemark]:
    """No node that was seen reaches the floor, though nodes of the product were."""
    cpus = [each.shown.cpu for each in around.observed if each.shown is not None]
    seen = [c for c in cpus if isinstance(c, SnpClaims) and c.product.value == product]
    fmc = floor.fmc if product == SnpProduct.TURIN.value else 0
    asked = (fmc, floor.bootloader, floor.tee, floor.snp, floor.microcode)
    tcbs = [each.committed_tcb.parts for each in seen]
    if tcbs and not any(
        all(has >= low for has, low in zip(parts, asked, strict=True)) for parts in tcbs
    ):
        yield warning(
            place,
            LintCode.FLOOR_ABOVE_SEEN,
            product=product,
            asked=".".join(map(str, asked)),
            seen=".".join(map(str, max(tcbs))),
        )


def _weak_tdx(rule: TdxRule, around: Around) -> Iterator[LintRemark]:
    for status in _WEAK:
        if status in rule.statuses:
            yield warning("tdx.tcb_statuses", LintCode.WEAK_STATUS, status=status.value)
    if rule.advisories is None:
        yield warning("tdx.advisories", LintCode.ANY_ADVISORY)
    for place, code, weak in (
        ("tdx.debug", LintCode.DEBUG_ALLOWED, rule.debug),
        ("tdx.migratable", LintCode.MIGRATION_ALLOWED, rule.migratable),
        ("tdx.sept_ve_disable", LintCode.SEPT_VE_ALLOWED, not rule.sept_ve_disable),
        ("tdx.registers", LintCode.MRTD_ONLY, rule.registers == {TdRegister.MRTD}),
    ):
        if weak:
            yield warning(place, code)
    numbers = [
        each.shown.cpu.evaluation_number
        for each in around.observed
        if each.shown is not None and not isinstance(each.shown.cpu, SnpClaims)
    ]
    if numbers and max(numbers) < rule.min_evaluation_number:
        yield warning(
            "tdx.min_evaluation_number",
            LintCode.EVALUATION_ABOVE_SEEN,
            asked=rule.min_evaluation_number,
            seen=max(numbers),
        )
