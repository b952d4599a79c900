"""The EAR's submodules: what an appraisal that met every rule affirms, device by device.

Source: draft-ietf-rats-ar4si §2.3: 2 affirming, 32 warning. Only a grant has an EAR, so every
value is of what a policy demanded and evidence met. What a policy let pass although its maker warns
of it is a warning here; what was not measured is absent (0, no claim), and caveats name what
evidence cannot show (I11).
"""

from collections.abc import Iterator, Mapping

from keyturn.attest.nvidia_claims import DeviceClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_report import GuestPolicy
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import TcbStatus
from keyturn.attest.tdx_quote import UNDER_DEBUG, TdAttribute
from keyturn.base.encoding import Digest
from keyturn.keyrelease.ear import AFFIRMING, WARNING, Submodule, worst
from keyturn.keyrelease.evidence import VerifiedEvidence
from keyturn.policy.shown import CpuClaims
from keyturn.quorum.tpm_bodies import TpmRule

_IDENTITY, _CONFIGURATION = "instance-identity", "configuration"
_EXECUTABLES, _HARDWARE = "executables", "hardware"
_CONFIGURATION_PCRS = frozenset({1, 3, 5, 7})  # TCG PC Client Platform Firmware Profile §3.3.4

_WARNED = {
    TcbStatus.UP_TO_DATE: (),
    TcbStatus.SW_HARDENING_NEEDED: (_HARDWARE,),
    TcbStatus.CONFIGURATION_NEEDED: (_CONFIGURATION,),
}
"""Parts of which Intel warns, by the status; both for every other one."""


def submodules(
    evidence: VerifiedEvidence, policy: Digest, *, tpm: TpmRule | None = None
) -> tuple[Submodule, ...]:
    """The CPU, each GPU and each switch in order, the TPM where the policy asked for it."""
    named: list[tuple[str, Mapping[str, int]]] = []
    if evidence.cpu is not None:
        named.append(("cpu0", _cpu(evidence.cpu)))
    named += [(f"gpu{place}", _device(each)) for place, each in enumerate(evidence.gpus)]
    named += [(f"nvswitch{place}", _device(each)) for place, each in enumerate(evidence.switches)]
    if tpm is not None and evidence.tpm is not None:
        named.append(("tpm0", _tpm(tpm)))
    return tuple(
        Submodule(name, worst(tuple(vector.values())), vector, policy) for name, vector in named
    )


def _cpu(cpu: CpuClaims) -> dict[str, int]:
    vector = dict.fromkeys((_IDENTITY, _CONFIGURATION, _EXECUTABLES, _HARDWARE), AFFIRMING)
    warned = _warned_snp(cpu) if isinstance(cpu, SnpClaims) else _warned_tdx(cpu)
    vector |= dict.fromkeys(warned, WARNING)
    if isinstance(cpu, SnpClaims) and (not cpu.crls or cpu.vek.hwid is None):
        del vector[_IDENTITY]  # nothing said that it is not revoked, or which chip it is
    return vector


def _warned_snp(snp: SnpClaims) -> Iterator[str]:
    if snp.report.policy & (GuestPolicy.DEBUG | GuestPolicy.MIGRATE_MA):
        yield _CONFIGURATION


def _warned_tdx(tdx: TdxClaims) -> Iterator[str]:
    if tdx.report.attributes & (UNDER_DEBUG | TdAttribute.MIGRATABLE):
        yield _CONFIGURATION
    for status in (tdx.tcb.status, tdx.tcb.current):
        if status is not None:
            yield from _WARNED.get(status, (_CONFIGURATION, _HARDWARE))


def _device(device: DeviceClaims) -> dict[str, int]:
    vector = dict.fromkeys((_IDENTITY, _EXECUTABLES, _HARDWARE), AFFIRMING)
    if not device.ocsp:
        del vector[_IDENTITY]  # nothing said that it is not revoked
    return vector


def _tpm(rule: TpmRule) -> dict[str, int]:
    """Of what the policy asked: a rule about Secure Boot alone says nothing of what was run."""
    vector = {_IDENTITY: AFFIRMING}
    pcrs = set(rule.pcrs)
    if rule.applications or rule.authorities or pcrs - _CONFIGURATION_PCRS:
        vector[_EXECUTABLES] = AFFIRMING
    if rule.secure_boot or rule.variables or pcrs & _CONFIGURATION_PCRS:
        vector[_CONFIGURATION] = AFFIRMING
    return vector
