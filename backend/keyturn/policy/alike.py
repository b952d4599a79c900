"""What of a node's claims rules look at, so that nodes that showed the same are judged once.

Left out is what only says which machine, boot or challenge it was: ids, nonces, signatures. What
rules make of those is judged node by node (`appraise_place`, `appraise_together`, revocations,
the evidence's age). A field that is not named here counts.
"""

from collections.abc import Callable, Hashable
from dataclasses import fields
from operator import attrgetter

from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_report import SnpReport
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_quote import TdReport
from keyturn.attest.tpm import TpmClaims
from keyturn.policy.shown import Shown, collateral_issued

_SNP_OWN = {"report_data", "chip_id", "report_id", "report_id_ma", "r", "s", "signed"}
_TD_OWN = {"report_data"}


def _all_but(kind: type, own: set[str]) -> Callable[[object], tuple[object, ...]]:
    names = [each.name for each in fields(kind)]
    return attrgetter(*(name for name in names if name not in own))


_OF_SNP_REPORT = _all_but(SnpReport, _SNP_OWN)
_OF_TD_REPORT = _all_but(TdReport, _TD_OWN)
_OF_SNP = attrgetter(
    "product", "current_tcb", "reported_tcb", "committed_tcb", "launch_tcb", "vek.kind"
)


def alike(shown: Shown) -> Hashable:
    """Equal for two nodes of which every rule but those of single machines says the same."""
    cpu = shown.cpu
    return (
        _snp(cpu) if isinstance(cpu, SnpClaims) else _tdx(cpu),
        tuple(_device(each) for each in shown.devices),
        None if shown.tpm is None else _tpm(shown.tpm),
        (shown.gpu_count, shown.switch_count, len(shown.gpus), shown.tpm_shown),
        tuple(collateral_issued(shown).items()),
    )


def _snp(claims: SnpClaims) -> Hashable:
    return (_OF_SNP(claims), _OF_SNP_REPORT(claims.report))


def _tdx(claims: TdxClaims) -> Hashable:
    tcb = claims.tcb
    return (
        _OF_TD_REPORT(claims.report),
        claims.pck.configuration,
        (tcb.status, tcb.current, tcb.advisories),
        claims.evaluation_number,
    )


def _device(claims: DeviceClaims) -> Hashable:
    values = tuple(claims.measurements.items())
    if not isinstance(claims, GpuClaims):
        return (claims.arch, claims.vbios, claims.nvdec0_enabled, values)
    return (
        claims.arch,
        claims.vbios,
        claims.nvdec0_enabled,
        values,
        claims.driver,
        claims.mode,
    )


def _tpm(claims: TpmClaims) -> Hashable:
    values = tuple((bank, tuple(each.items())) for bank, each in claims.pcrs.items())
    log = claims.log
    return (values, None if log is None else (log.events, log.startup_locality))
