"""The CPU's evidence behind a paravisor (Azure): its HCL report in the vTPM (our protocol §4.3).

The paravisor keeps report data for itself, so that nothing can be asked of the CPU; what is fresh
is the vTPM's quote, by the AK that the report's runtime data names.
"""

from pathlib import Path

from keyturn.agent.tpm import Tpm
from keyturn.agent.tpmline import tpm_line
from keyturn.attest.azure import HclTee, hcl_tee, unwrap_hcl
from keyturn.attest.errors import MalformedEvidence
from keyturn.guest.cpucertificates import CpuCertificates
from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable
from keyturn.keyrelease.request import SnpEvidence
from keyturn.quorum.tee_rules import Tee

HCL_REPORT = 0x01400001
"""NV index of the report."""
AK_HANDLE = 0x81000003
"""Persistent handle of the AK that the runtime data names."""


class ParavisorCpu:
    """`tpm`: the vTPM's device or socket; `certificates`: of the chip, as the cloud gives them."""

    paravisor = True

    def __init__(self, tpm: Path, certificates: CpuCertificates) -> None:
        self._tpm = tpm
        self._certificates = certificates

    def tee(self) -> Tee:
        """Raises DeviceUnreachable, DeviceAnswerMalformed."""
        self.cpu(b"")
        return Tee.SNP

    def cpu(self, _report_data: bytes, /) -> SnpEvidence:
        """The report as it stands, whatever is asked.

        Raises DeviceUnreachable, DeviceAnswerMalformed.
        """
        with tpm_line(self._tpm) as line:
            raw = Tpm(line).stored(HCL_REPORT)
        if raw is None:
            raise DeviceUnreachable(
                f"the TPM has no HCL report at NV index {HCL_REPORT:#x}",
                hint="is this machine behind a paravisor? Else leave the setting 'cpu' out",
            )
        try:
            if hcl_tee(raw) is HclTee.TDX:
                raise DeviceAnswerMalformed(
                    "a TD behind a paravisor is not known here", found="TDX", expected="SEV-SNP"
                )
            report = unwrap_hcl(raw)
        except MalformedEvidence as error:
            raise DeviceAnswerMalformed(
                f"HCL report: {error.message}", found=error.found, expected=error.expected
            ) from error
        chip = self._certificates
        return SnpEvidence(
            report.report, chip.vek, chip.intermediate, chip.root, report.runtime_data
        )
