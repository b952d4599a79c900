"""The EAR's submodules: what an appraisal that met every rule affirms, device by device.

Source: draft-ietf-rats-ar4si: 2 affirming. Only a grant has an EAR, so every value is one that
a policy demanded and evidence met; what evidence cannot show is absent (0, no claim) and caveats
name it (I11).
"""

from keyturn.base.encoding import Digest
from keyturn.keyrelease.ear import AFFIRMING, Submodule
from keyturn.keyrelease.evidence import VerifiedEvidence

_CPU = {"instance-identity": 2, "configuration": 2, "executables": 2, "hardware": 2}
_DEVICE = {"instance-identity": 2, "executables": 2, "hardware": 2}
_TPM = {"instance-identity": 2, "executables": 2}


def submodules(
    evidence: VerifiedEvidence, policy: Digest, *, tpm_asked: bool = False
) -> tuple[Submodule, ...]:
    """The CPU, each GPU and each switch in order, the TPM where the policy asked for it."""
    devices = (
        *(f"gpu{place}" for place in range(len(evidence.gpus))),
        *(f"nvswitch{place}" for place in range(len(evidence.switches))),
    )
    tpm = (Submodule("tpm0", AFFIRMING, _TPM, policy),) if tpm_asked and evidence.tpm else ()
    return (
        Submodule("cpu0", AFFIRMING, _CPU, policy),
        *(Submodule(name, AFFIRMING, _DEVICE, policy) for name in devices),
        *tpm,
    )
