"""An attestation policy as a statement's body (our protocol §2.6). What it means is in `policy`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import unhex
from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.tpm_bodies import TpmRule, read_tpm_rule

# A grant names every statement that it rests on, 64 at most (our protocol §5.5).
MAX_BASELINES = 32
MAX_PLATFORM_LISTS = 16


class Caveat(Enum):
    """A named limit of what a verdict proves (I11)."""

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
class MinTcb:
    """Lowest accepted security version numbers of one product, each 0–255; `fmc`: Turin only."""

    fmc: int
    bootloader: int
    tee: int
    snp: int
    microcode: int


@dataclass(frozen=True, slots=True)
class SnpRule:
    products: frozenset[str]
    min_tcb: Mapping[str, MinTcb]
    debug: bool
    migrate_ma: bool
    smt: bool
    alias_check: bool  # required, not allowed
    vlek: bool
    max_vmpl: int


@dataclass(frozen=True, slots=True)
class Policy:
    """`None` for workloads and platforms is the written `any`; `tpm` None asks for no TPM."""

    snp: SnpRule
    gpu_count: int
    baselines: tuple[str, ...]
    workloads: frozenset[str] | None
    platforms: tuple[str, ...] | None
    lease_seconds: int
    accepted_caveats: frozenset[Caveat]
    tpm: TpmRule | None = None


def parse_policy(body: Fields) -> Policy:
    """Raises MalformedError. A rule that nothing can satisfy or that names nothing is malformed."""
    if body.texts("tees") != ("snp",):
        raise MalformedStatement("policy: tees", expected='["snp"]')
    snp = _snp(body.fields("snp"))
    gpu = body.fields("gpu")
    count = gpu.integer("count", high=64)
    gpu.done()
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
    lease = body.integer("lease_seconds", low=5, high=86_400)
    caveats = frozenset(_caveat(name) for name in body.texts("accepted_caveats"))
    tpm = read_tpm_rule(body.fields("tpm")) if body.has("tpm") else None
    body.done()
    workload_set = None if workloads is None else frozenset(workloads)
    return Policy(snp, count, baselines, workload_set, platforms, lease, caveats, tpm)


def _snp(fields: Fields) -> SnpRule:
    products = frozenset(fields.texts("products", limit=16))
    table = fields.fields("min_tcb")
    min_tcb = {product: _min_tcb(table.fields(product)) for product in table.names()}
    if not products or set(min_tcb) != products:
        raise MalformedStatement(
            "policy: products and min_tcb",
            found=str(sorted(min_tcb)),
            expected=str(sorted(products)),
        )
    rule = SnpRule(
        products,
        min_tcb,
        debug=fields.boolean("debug"),
        migrate_ma=fields.boolean("migrate_ma"),
        smt=fields.boolean("smt"),
        alias_check=fields.boolean("alias_check"),
        vlek=fields.boolean("vlek"),
        max_vmpl=fields.integer("max_vmpl", high=3),
    )
    fields.done()
    return rule


def _min_tcb(fields: Fields) -> MinTcb:
    names = ("fmc", "bootloader", "tee", "snp", "microcode")
    values = [fields.integer(name, high=255) for name in names]
    fields.done()
    return MinTcb(*values)


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
