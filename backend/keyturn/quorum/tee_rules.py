"""What a policy asks of processors and devices (our protocol §2.6). What it means is in `policy`.

A field that may be absent asks for the strictest or for what baselines hold, never for anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from keyturn.base.encoding import unhex
from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement

MAX_NAMES = 64

E_ = TypeVar("E_", bound=Enum)


class Tee(Enum):
    SNP = "snp"
    TDX = "tdx"


class TdRegister(Enum):
    """What of a TD has reference values, each 48 bytes (TDX Module ABI, TDREPORT)."""

    MRTD = "mrtd"
    RTMR0 = "rtmr0"
    RTMR1 = "rtmr1"
    RTMR2 = "rtmr2"
    RTMR3 = "rtmr3"
    MRSEAM = "mrseam"
    MROWNER = "mrowner"
    MROWNERCONFIG = "mrownerconfig"


class TdxStatus(Enum):
    """How Intel may judge a TCB that a policy accepts (PCS API v4; QVL). Never `Revoked`."""

    UP_TO_DATE = "UpToDate"
    SW_HARDENING_NEEDED = "SWHardeningNeeded"
    CONFIGURATION_NEEDED = "ConfigurationNeeded"
    CONFIGURATION_AND_SW_HARDENING_NEEDED = "ConfigurationAndSWHardeningNeeded"
    OUT_OF_DATE = "OutOfDate"
    OUT_OF_DATE_CONFIGURATION_NEEDED = "OutOfDateConfigurationNeeded"
    TD_RELAUNCH_ADVISED = "TDRelaunchAdvised"
    TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED = "TDRelaunchAdvisedConfigurationNeeded"


class GpuMode(Enum):
    """Single GPU, several GPUs of one tenant, protected PCIe with switches."""

    SPT = "SPT"
    MPT = "MPT"
    PPCIE = "PPCIE"


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
class TdxRule:
    """Booleans say what is allowed, but `sept_ve_disable`, which is required.

    `service_tds`: SHA-384 in hex of those that may be bound; empty: none may. `advisories` None:
    the written `any`, else Intel's ids that may stand against the TCB. `xfam` None: the written
    `any`, else a mask. `registers` must all be as one baseline has them; MRTD is always one.
    """

    statuses: frozenset[TdxStatus]
    min_evaluation_number: int
    advisories: frozenset[str] | None
    debug: bool
    migratable: bool
    service_tds: frozenset[str]
    sept_ve_disable: bool
    dynamic_platform: bool
    cached_keys: bool
    smt: bool
    xfam: int | None
    registers: frozenset[TdRegister]


@dataclass(frozen=True, slots=True)
class GpuRule:
    """How many GPUs and switches there must be; sets that are None ask no more than baselines do.

    `rim`: only reference values that come from a signed RIM count.
    """

    count: int
    switches: int = 0
    architectures: frozenset[str] | None = None
    modes: frozenset[GpuMode] | None = None
    drivers: frozenset[str] | None = None
    vbioses: frozenset[str] | None = None
    rim: bool = False


def read_snp_rule(fields: Fields) -> SnpRule:
    """Raises MalformedError."""
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


def read_tdx_rule(fields: Fields) -> TdxRule:
    """Raises MalformedError."""
    service_tds = frozenset(fields.texts("service_tds", limit=MAX_NAMES))
    for each in service_tds:
        unhex(each, what="policy: service TD", size=48)
    rule = TdxRule(
        statuses=_set_of(fields, "tcb_statuses", TdxStatus),
        min_evaluation_number=fields.integer("min_evaluation_number", high=1 << 20),
        advisories=_any_or_names(fields, "advisories"),
        debug=fields.boolean("debug"),
        migratable=fields.boolean("migratable"),
        service_tds=service_tds,
        sept_ve_disable=fields.boolean("sept_ve_disable"),
        dynamic_platform=fields.boolean("dynamic_platform"),
        cached_keys=fields.boolean("cached_keys"),
        smt=fields.boolean("smt"),
        xfam=_xfam(fields),
        registers=_set_of(fields, "registers", TdRegister),
    )
    fields.done()
    if not rule.statuses:
        raise MalformedStatement("policy: tdx without an accepted TCB status")
    if TdRegister.MRTD not in rule.registers:
        raise MalformedStatement("policy: tdx registers", expected="mrtd among them")
    return rule


def read_gpu_rule(fields: Fields) -> GpuRule:
    """Raises MalformedError, also for sets of GPUs where none may be."""
    rule = GpuRule(
        fields.integer("count", high=64),
        fields.integer("switches", high=64) if fields.has("switches") else 0,
        _names(fields, "architectures"),
        _set_of(fields, "modes", GpuMode) if fields.has("modes") else None,
        _names(fields, "drivers"),
        _names(fields, "vbioses"),
        fields.boolean("rim") if fields.has("rim") else False,
    )
    fields.done()
    sets = (rule.architectures, rule.modes, rule.drivers, rule.vbioses)
    if any(each is not None and not each for each in sets):
        raise MalformedStatement("policy: gpu: an empty set", expected="absent, or at least one")
    if not rule.count and (rule.switches or rule.rim or any(each is not None for each in sets)):
        raise MalformedStatement("policy: gpu: rules about GPUs of which there are none")
    return rule


def _min_tcb(fields: Fields) -> MinTcb:
    names = ("fmc", "bootloader", "tee", "snp", "microcode")
    values = [fields.integer(name, high=255) for name in names]
    fields.done()
    return MinTcb(*values)


def _set_of(fields: Fields, name: str, kind: type[E_]) -> frozenset[E_]:
    known = {each.value: each for each in kind}
    texts = fields.texts(name, limit=MAX_NAMES)
    strange = sorted(set(texts) - set(known))
    if strange:
        raise MalformedStatement(
            f"policy: {name}", found=repr(strange[0][:80]), expected=" or ".join(sorted(known))
        )
    return frozenset(known[each] for each in texts)


def _names(fields: Fields, name: str) -> frozenset[str] | None:
    return frozenset(fields.texts(name, limit=MAX_NAMES)) if fields.has(name) else None


_ADVISORY = re.compile(r"[A-Z0-9-]{1,40}\Z")
_XFAM = re.compile(r"[0-9a-f]{16}\Z")
_XFAM_ALWAYS = 0b11  # TDX Module ABI, table "XFAM"


def _any_or_names(fields: Fields, name: str) -> frozenset[str] | None:
    """The written `any`, or Intel's ids; an empty list accepts none."""
    if fields.raw(name) == "any":
        return None
    names = fields.texts(name, limit=1000)
    for each in names:
        if not _ADVISORY.match(each):
            raise MalformedStatement(
                f"policy: {name}", found=repr(each[:80]), expected="such as INTEL-SA-00837"
            )
    return frozenset(names)


def _xfam(fields: Fields) -> int | None:
    text = fields.text("xfam", limit=16)
    if text == "any":
        return None
    if not _XFAM.match(text):
        raise MalformedStatement(
            "policy: xfam", found=repr(text), expected='16 hex digits, or "any" in writing'
        )
    mask = int(text, 16)
    if mask & _XFAM_ALWAYS != _XFAM_ALWAYS:
        raise MalformedStatement(
            "policy: xfam that no TD can have", found=text, expected="bits 0 and 1 set: x87 and SSE"
        )
    return mask
