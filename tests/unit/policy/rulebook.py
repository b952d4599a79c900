"""Proved claims of simulated machines, a baseline that fits each, and rules to break one by one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import read_collateral
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import dump
from keyturn.policy.appraisal import appraise
from keyturn.policy.findings import Finding, failing
from keyturn.policy.rules import Rules
from keyturn.policy.shown import CpuClaims, Shown
from keyturn.quorum.bodies import Platform, Platforms
from keyturn.quorum.origin import Method, Origin, Provenance
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.reference_bodies import GpuReference, ReferenceValues, TdxReference
from keyturn.quorum.tee_rules import GpuRule, MinTcb, SnpRule, TdRegister, TdxRule, TdxStatus
from keyturn_sim.tdx import SimIntel, SimTd
from unit.keyrelease.release_desk import Desk, simulated

POLICY, FIRMWARE, OTHER, LIST = (Digest("sha256:" + each * 64) for each in "1234")
NOW = datetime(2026, 11, 29, tzinfo=UTC)
ZERO = MinTcb(0, 0, 0, 0, 0)


@cache
def claims(gpus: int = 1) -> tuple[SnpClaims, tuple[GpuClaims, ...]]:
    """Of a simulated node, as `attest` proves them."""
    desk = Desk()
    desk.node = replace(desk.node, sim=simulated(gpus))
    found = desk.verified(desk.request())
    assert found.cpu is not None
    return found.cpu, found.gpus


SNP, (GPU,) = claims()
REFERENCE = GpuReference(
    GPU.arch,
    GPU.driver,
    GPU.vbios,
    {index: frozenset({value.hex()}) for index, value in GPU.measurements.items()},
    Origin("a test"),
)
BASELINE = ReferenceValues({SNP.measurement.hex(): Origin("a test")}, (REFERENCE,))
RULE = SnpRule(
    frozenset({"Genoa"}),
    {"Genoa": ZERO},
    debug=False,
    migrate_ma=False,
    smt=True,
    alias_check=False,
    vlek=False,
    max_vmpl=0,
)


def rules(
    baselines: Mapping[str, tuple[Digest, ReferenceValues]] | None = None,
    platforms: Mapping[str, tuple[Digest, Platforms]] | None = None,
    snp: Mapping[str, Any] | None = None,
    **policy: Any,
) -> Rules:
    given: dict[str, Any] = {
        "snp": replace(RULE, **(snp or {})),
        "gpu": GpuRule(1),
        "baselines": tuple(baselines or ("firmware",)),
        "workloads": None,
        "platforms": None if platforms is None else tuple(platforms),
        "lease_seconds": 60,
        "accepted_caveats": frozenset(Caveat),
    }
    return Rules(
        Policy(**{**given, **policy}),
        POLICY,
        {"firmware": (FIRMWARE, BASELINE)} if baselines is None else baselines,
        platforms or {},
    )


def failed(
    against: Rules,
    snp: CpuClaims = SNP,
    gpus: tuple[GpuClaims, ...] = (GPU,),
    shown: int = 1,
    **more: Any,
) -> tuple[Finding, ...]:
    now = more.pop("now", NOW)
    return failing(appraise(against, Shown(snp, gpus, gpus_shown=shown, **more), now))


def one(against: Rules, **node: Any) -> Finding:
    """The only rule that is broken."""
    (found,) = failed(against, **node)
    return found


def reasons(against: Rules, **node: Any) -> list[str | None]:
    return [each.reason for each in failed(against, **node)]


def listed(*ids: str, site: str = "Berlin") -> dict[str, tuple[Digest, Platforms]]:
    return {"eu": (LIST, Platforms({each: Platform(each, site, "") for each in ids}))}


def origin_until(until: datetime | None, method: Method = Method.CAPTURED) -> Origin:
    """Of a value that counts until then."""
    document = None if method is Method.BY_HAND else Digest("sha256:" + "dd" * 32)
    signer = "CN=a maker" if method in {Method.RIM, Method.CORIM} else None
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return Origin("a test", Provenance(method, document, signer, began, until))


# TDs

TD_TIME = datetime(2026, 11, 28, 8, tzinfo=UTC)
TDX_RULE = TdxRule(
    statuses=frozenset({TdxStatus.UP_TO_DATE}),
    min_evaluation_number=0,
    advisories=frozenset(),
    debug=False,
    migratable=False,
    service_tds=frozenset(),
    sept_ve_disable=True,
    dynamic_platform=False,
    cached_keys=False,
    smt=True,
    xfam=None,
    registers=frozenset({TdRegister.MRTD}),
)


@cache
def td(version: int = 5) -> TdxClaims:
    """Of a simulated TD, as `attest` proves them; version 4 has a report of TDX 1.0."""
    intel = SimIntel.create()
    roots = {Vendor.INTEL_SGX: [SpkiDigest(intel.root_spki)]}
    anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    sim = SimTd(tee_tcb_svn_2=SimTd().tee_tcb_svn) if version == 5 else SimTd()
    return verify_tdx(
        intel.certify().quote(sim, bytes(64), version=version),
        read_collateral(dump(intel.collateral(TD_TIME))),
        anchors=anchors,
        now=TD_TIME,
        expected_report_data=None,
    ).claims


def with_report(claims: TdxClaims, **changed: object) -> TdxClaims:
    report = replace(claims.report, **changed)  # type: ignore[arg-type]
    return replace(claims, quote=replace(claims.quote, report=report))


TD = td()
MRTD = TD.measurement.hex()
TD_REFERENCE = TdxReference({TdRegister.MRTD: frozenset({MRTD})}, Origin("a test"))
TD_BASELINE = ReferenceValues({}, (), tdx=(TD_REFERENCE,))


def td_rules(
    *references: TdxReference,
    tdx: Mapping[str, Any] | None = None,
    also: SnpRule | None = None,
    **policy: Any,
) -> Rules:
    """A policy for TDs without GPUs; `also`: for SNP machines too."""
    values = ReferenceValues({}, (), tdx=references or (TD_REFERENCE,))
    made = rules(
        **{
            "gpu": GpuRule(0),
            "tdx": replace(TDX_RULE, **(tdx or {})),
            "baselines": {"firmware": (FIRMWARE, values)},
            **policy,
        }
    )
    return replace(made, policy=replace(made.policy, snp=also))


def td_failed(against: Rules, claims: TdxClaims = TD, **more: Any) -> tuple[Finding, ...]:
    return failed(against, snp=claims, gpus=(), shown=0, **more)


def td_reasons(against: Rules, claims: TdxClaims = TD, **more: Any) -> list[str | None]:
    return [each.reason for each in td_failed(against, claims, **more)]
