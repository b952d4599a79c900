"""An attestation policy as a statement's body (our protocol §2.6). What it means is in `policy`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from keyturn.base.collateral import APPRAISED, CollateralKind
from keyturn.base.encoding import unhex
from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.tee_rules import (
    GpuRule,
    SnpRule,
    TdxRule,
    Tee,
    read_gpu_rule,
    read_snp_rule,
    read_tdx_rule,
)
from keyturn.quorum.tpm_bodies import TpmRule, read_tpm_rule

# A grant names every statement that it rests on, 64 at most (our protocol §5.5).
MAX_BASELINES = 32
MAX_PLATFORM_LISTS = 16
MAX_EVIDENCE_SECONDS = 120
"""A challenge is not valid for longer (our protocol §5.1)."""
MAX_AGE = 400 * 86_400


class Caveat(Enum):
    """A named limit of what a verdict proves (I11)."""

    __hash__ = object.__hash__  # by identity, as it is equal: Enum's own is a slow call

    KEYHOLDER_HOST_TRUSTED = "keyholder-host-trusted"
    SOFTWARE_ASSURANCE = "software-assurance"
    SIMULATED = "simulated"
    HOST_CONTROLLED_CLOCK = "host-controlled-clock"
    PARAVISOR = "paravisor"
    BOOT_TIME_ONLY = "boot-time-only"
    PPCIE_PLAINTEXT_NVLINK = "ppcie-plaintext-nvlink"
    NO_DEVICE_BINDING_HARDWARE = "no-device-binding-hardware"
    CLASSICAL_ONLY = "classical-only"
    NO_WITNESS = "no-witness"
    UNLOCKED_MEMORY = "unlocked-memory"
    PHYSICAL_ACCESS = "physical-access"


@dataclass(frozen=True, slots=True)
class Policy:
    """`None` for workloads and platforms is the written `any`; `tpm` None asks for no TPM.

    At least one of `snp` and `tdx` is there: the kinds of machine that may get keys. `sites` None:
    any site of the platform lists. `collateral`: the most that a kind's document may be old, in
    seconds since its maker issued it; a kind that stands there MUST be there. `evidence_seconds`:
    the most that a challenge may be old. `witnesses`: cosignatures asked for beyond the roster's.
    """

    snp: SnpRule | None
    gpu: GpuRule
    baselines: tuple[str, ...]
    workloads: frozenset[str] | None
    platforms: tuple[str, ...] | None
    lease_seconds: int
    accepted_caveats: frozenset[Caveat]
    tpm: TpmRule | None = None
    tdx: TdxRule | None = None
    sites: frozenset[str] | None = None
    collateral: Mapping[CollateralKind, int] = field(default_factory=dict)
    evidence_seconds: int = MAX_EVIDENCE_SECONDS
    witnesses: int = 0

    @property
    def gpu_count(self) -> int:
        return self.gpu.count

    @property
    def tees(self) -> tuple[Tee, ...]:
        both = ((Tee.SNP, self.snp), (Tee.TDX, self.tdx))
        return tuple(tee for tee, rule in both if rule is not None)


def parse_policy(body: Fields) -> Policy:
    """Raises MalformedError. A rule that nothing can satisfy or that names nothing is malformed."""
    tees = body.texts("tees")
    strange = sorted(set(tees) - {each.value for each in Tee})
    if strange or not tees:
        raise MalformedStatement(
            "policy: tees", found=repr(strange or "none"), expected="snp, tdx or both"
        )
    snp = read_snp_rule(body.fields("snp")) if Tee.SNP.value in tees else None
    tdx = read_tdx_rule(body.fields("tdx")) if Tee.TDX.value in tees else None
    gpu = read_gpu_rule(body.fields("gpu"))
    baselines = body.texts("baselines", limit=MAX_BASELINES)
    if not baselines:
        raise MalformedStatement("policy: no baseline", expected="at least one")
    workloads = _any_or(body, "workloads")
    for value in workloads or ():
        unhex(value, what="policy: workload", size=32)
    platforms = _any_or(body, "platforms")
    if len(platforms or ()) > MAX_PLATFORM_LISTS:
        raise MalformedStatement(
            "policy: platforms", found=str(len(platforms or ())), expected=f"{MAX_PLATFORM_LISTS}"
        )
    policy = Policy(
        snp,
        gpu,
        baselines,
        None if workloads is None else frozenset(workloads),
        platforms,
        lease_seconds=body.integer("lease_seconds", low=5, high=86_400),
        accepted_caveats=frozenset(_caveat(name) for name in body.texts("accepted_caveats")),
        tpm=read_tpm_rule(body.fields("tpm")) if body.has("tpm") else None,
        tdx=tdx,
        sites=_sites(body, platforms),
        collateral=_ages(body.fields("collateral")) if body.has("collateral") else {},
        evidence_seconds=_optional(body, "evidence_seconds", MAX_EVIDENCE_SECONDS, low=5),
        witnesses=_optional(body, "witnesses", 0, high=100),
    )
    body.done()
    return policy


def _sites(body: Fields, platforms: tuple[str, ...] | None) -> frozenset[str] | None:
    if not body.has("sites"):
        return None
    sites = frozenset(body.texts("sites", limit=1000))
    if not sites or platforms is None:
        raise MalformedStatement(
            "policy: sites",
            found="no site" if not sites else "sites without platform lists",
            expected="at least one site, of the platform lists that the policy names",
        )
    return sites


def _ages(table: Fields) -> dict[CollateralKind, int]:
    """Seconds by the name of a kind that verifiers use."""
    known = {each.value: each for each in APPRAISED}
    if not table.names() or not set(table.names()) <= set(known):
        raise MalformedStatement(
            "policy: collateral", found=str(table.names()), expected=" or ".join(sorted(known))
        )
    found = {known[name]: table.integer(name, low=60, high=MAX_AGE) for name in table.names()}
    table.done()
    return found


def _optional(
    body: Fields, name: str, default: int, *, low: int = 0, high: int | None = None
) -> int:
    """`default` is also the most, where `high` names no other."""
    if not body.has(name):
        return default
    return body.integer(name, low=low, high=default if high is None else high)


def _any_or(body: Fields, name: str) -> tuple[str, ...] | None:
    if body.raw(name) == "any":
        return None
    values = body.texts(name)
    if not values:
        raise MalformedStatement(f"policy: {name} is empty", expected='a list, or "any" in writing')
    return values


def _caveat(name: str) -> Caveat:
    try:
        return Caveat(name)
    except ValueError as error:
        raise MalformedStatement(f"policy: {error}") from error
