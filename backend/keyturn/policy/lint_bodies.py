"""Bodies other than a policy's: values, lists, roots, admissions and revocations."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations

from keyturn.attest.anchors import HARDWARE_ANCHORS, Vendor
from keyturn.policy.drafts import entered, made_up
from keyturn.policy.lint_around import Around
from keyturn.policy.lint_policy import cannot_pass
from keyturn.policy.remarks import LintCode, LintRemark, error, note, warning
from keyturn.policy.shown import HIDDEN_PLATFORM
from keyturn.quorum.bodies import (
    Admission,
    Body,
    Platforms,
    Revocation,
    TrustAnchorsBody,
)
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import ReferenceValues

_Measured = Mapping[int, frozenset[str]]


def lint_values(subject: str, values: ReferenceValues, around: Around) -> Iterator[LintRemark]:
    origins = list(_origins(values))
    if all(origin.ended(around.now) for _, origin in origins):
        yield error("", LintCode.VALUES_ENDED, what=subject)
    for place, origin in origins:
        yield from _origin(place, origin, around)
    for value in sorted(values.measurements):
        if around.revoked(TargetKind.MEASUREMENT, value):
            yield warning("", LintCode.REVOKED, target=value)
    gpus = [((e.architecture, e.driver, e.vbios), e.measurements) for e in values.gpu]
    yield from _shadowed("gpu", gpus)
    yield from _shadowed(
        "switches", [((e.architecture, e.bios), e.measurements) for e in values.switches]
    )
    for (at, one), (other_at, other) in permutations(enumerate(values.tdx), 2):
        if at > other_at and one.registers == other.registers:
            yield note(f"tdx.{at}", LintCode.DUPLICATE_VALUE, what=at, other=other_at)
    using = around.policies(lambda policy: policy.baselines, subject)
    yield from _use(Kind.REFERENCE_VALUES, subject, values, using, around)


def lint_platforms(subject: str, body: Platforms, around: Around) -> Iterator[LintRemark]:
    if all(each.startswith("nvidia-") for each in body.platforms):
        yield error("platforms", LintCode.GPU_IDS_ONLY)
    if HIDDEN_PLATFORM in body.platforms:
        yield warning("platforms", LintCode.HIDDEN_PLATFORM_LISTED, list=subject)
    elsewhere: dict[str, str] = {}
    for kind, name in around.state.newest:
        found = around.state.in_force(kind, name, around.now)
        if kind is Kind.PLATFORMS and name != subject and found is not None:
            assert isinstance(found.statement.body, Platforms)
            elsewhere |= {id_: p.site for id_, p in found.statement.body.platforms.items()}
    for place, platform in enumerate(body.platforms.values()):
        where = f"platforms.{place}"
        if around.revoked(TargetKind.PLATFORM, platform.id):
            yield warning(where, LintCode.REVOKED, target=platform.id)
        other = elsewhere.get(platform.id, platform.site)
        if other != platform.site:
            sites = f"{platform.site}, {other}"
            yield warning(where, LintCode.DISPUTED_SITE, platform=platform.id, sites=sites)
    using = around.policies(lambda policy: policy.platforms or (), subject)
    yield from _use(Kind.PLATFORMS, subject, body, using, around)


def lint_anchors(body: TrustAnchorsBody, around: Around) -> Iterator[LintRemark]:
    pinned = {each.spki: each.vendor for each in HARDWARE_ANCHORS.anchors}
    kept = frozenset(pinned) if body.hardware is None else body.hardware & pinned.keys()
    for spki in sorted((body.hardware or frozenset()) - pinned.keys()):
        yield warning("hardware", LintCode.NOT_PINNED, spki=spki)
    vendors = {pinned[each].value for each in pinned if each in kept}
    if body.simulated:
        yield warning("simulated", LintCode.SIMULATED_ROOTS)
    names = {"amd": Vendor.AMD_SEV, "intel": Vendor.INTEL_SGX, "nvidia": Vendor.NVIDIA_DEVICE}
    vendors |= {names[e.vendor].value for e in body.simulated if e.vendor in names}
    if body.tpm or any(each.vendor == "tpm" for each in body.simulated):
        vendors.add(Vendor.TPM.value)
    if not vendors:
        yield error("hardware", LintCode.VENDOR_WITHOUT_ROOT, vendor="any")
        return
    for vendor in sorted(_needed(around) - vendors):
        yield warning("", LintCode.VENDOR_WITHOUT_ROOT, vendor=vendor)


def lint_admission(body: Admission, around: Around) -> Iterator[LintRemark]:
    yield from around.named("policy", Kind.POLICY, body.policy)
    policy = around.state.policy(body.policy, around.now)
    if policy is not None and cannot_pass(body.policy, policy, around):
        yield error("policy", LintCode.POLICY_NEVER_MET, policy=body.policy)
    if around.revoked(TargetKind.MODEL, body.model):
        yield warning("model", LintCode.REVOKED, target=body.model)


def lint_revocation(body: Revocation, around: Around) -> Iterator[LintRemark]:
    if around.revoked(body.target_kind, body.target):
        yield note("target", LintCode.REVOKED, target=body.target)
    if not _known(body, around):
        yield warning("target", LintCode.UNKNOWN_TARGET, target=body.target)


def _known(body: Revocation, around: Around) -> bool:
    """Whether a statement or an observed node names the target."""
    state, target = around.state, body.target
    if body.target_kind is TargetKind.NODE:
        return not around.observed or any(each.node == target for each in around.observed)
    if body.target_kind is TargetKind.MODEL:
        return (Kind.MODEL, target) in state.newest
    if body.target_kind is TargetKind.POLICY:
        return (Kind.POLICY, target) in state.newest
    bodies = [each.statement.body for each in state.newest.values()]
    if body.target_kind is TargetKind.MEASUREMENT:
        return any(isinstance(e, ReferenceValues) and target in e.measurements for e in bodies)
    seen = any(each.platform == target for each in around.observed)
    return seen or any(isinstance(e, Platforms) and target in e.platforms for e in bodies)


def _origins(values: ReferenceValues) -> Iterator[tuple[str, Origin]]:
    for place, origin in enumerate(values.snp.values()):
        yield f"snp.measurements.{place}", origin
    lists: tuple[tuple[str, Sequence[object]], ...] = (
        ("gpu", values.gpu),
        ("tpm", values.tpm),
        ("tdx", values.tdx),
        ("switches", values.switches),
    )
    for name, each in lists:
        for place, reference in enumerate(each):
            yield f"{name}.{place}", reference.origin  # type: ignore[attr-defined]


def _origin(place: str, origin: Origin, around: Around) -> Iterator[LintRemark]:
    if origin.provenance is None:
        yield note(place, LintCode.NO_PROVENANCE, what=place)
        return
    if origin.provenance.method is Method.BY_HAND:
        yield note(place, LintCode.VALUE_BY_HAND, what=place)
    until = origin.provenance.until
    if until is None:
        return
    if origin.ended(around.now):
        yield warning(place, LintCode.VALUE_ENDED, what=place, until=until.isoformat())
    elif around.expires is not None and until < around.expires:
        ends = around.expires.isoformat()
        yield note(
            place, LintCode.VALUE_ENDS_BEFORE, what=place, until=until.isoformat(), ends=ends
        )


def _shadowed(
    place: str, references: Sequence[tuple[tuple[str, ...], _Measured]]
) -> Iterator[LintRemark]:
    """Of two for the same firmware, one that accepts all that the other does."""
    told = set[int]()
    for (at, one), (other_at, other) in permutations(enumerate(references), 2):
        if one[0] != other[0] or at in told or not _within(one[1], other[1]):
            continue
        if one[1] == other[1] and at < other_at:
            continue  # of two equal ones the later is told
        code = LintCode.DUPLICATE_VALUE if one[1] == other[1] else LintCode.SHADOWED_VALUE
        told.add(at)
        yield note(f"{place}.{at}", code, what=at, other=other_at)


def _within(one: _Measured, other: _Measured) -> bool:
    return all(index in one and one[index] <= allowed for index, allowed in other.items())


def _use(
    kind: Kind, subject: str, body: Body, using: Sequence[str], around: Around
) -> Iterator[LintRemark]:
    """Whether policies name it, and whether one that some evidence can pass would end so."""
    if not using:
        yield note("", LintCode.UNUSED, kind=kind.value, subject=subject)
    statement = made_up(kind, subject, body, around.state, around.now)
    after = Around(entered(around.state, statement, around.now), around.now, (), frozenset(), None)
    before = Around(around.state, around.now, (), frozenset(), None)
    for policy_id in using:
        policy = around.state.policy(policy_id, around.now)
        if policy is None or cannot_pass(policy_id, policy, before):
            continue
        if cannot_pass(policy_id, policy, after):
            yield warning("", LintCode.POLICY_NEVER_MET, policy=policy_id)


def _needed(around: Around) -> set[str]:
    """The vendors that policies in force need."""
    found = set()
    wants: tuple[tuple[Vendor, Callable[[Policy], bool]], ...] = (
        (Vendor.AMD_SEV, lambda policy: policy.snp is not None),
        (Vendor.INTEL_SGX, lambda policy: policy.tdx is not None),
        (Vendor.NVIDIA_DEVICE, lambda policy: policy.gpu.count > 0),
        (Vendor.TPM, lambda policy: policy.tpm is not None),
    )
    for kind, subject in around.state.newest:
        policy = around.state.policy(subject, around.now) if kind is Kind.POLICY else None
        if policy is not None:
            found |= {vendor.value for vendor, needs in wants if needs(policy)}
    return found
