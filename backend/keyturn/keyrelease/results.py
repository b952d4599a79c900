"""The EAR's submodules: what an appraisal that met every rule affirms, device by device.

Source: draft-ietf-rats-ar4si: 2 affirming. Only a grant has an EAR, so every value is one that
a policy demanded and evidence met; what evidence cannot show is absent (0, no claim) and caveats
name it (I11).
"""

from keyturn.base.encoding import Digest
from keyturn.keyrelease.ear import AFFIRMING, Submodule
from keyturn.keyrelease.evidence import VerifiedEvidence

_CPU = {"instance-identity": 2, "configuration": 2, "executables": 2, "hardware": 2}
_GPU = {"instance-identity": 2, "executables": 2, "hardware": 2}
_TPM = {"instance-identity": 2, "executables": 2}


def submodules(
    evidence: VerifiedEvidence, policy: Digest, *, tpm_asked: bool = False
) -> tuple[Submodule, ...]:
    """One of the CPU, one of each GPU in order, one of the TPM where the policy asked for it."""
    gpus = tuple(
        Submodule(f"gpu{place}", AFFIRMING, _GPU, policy) for place in range(len(evidence.gpus))
    )
    tpm = (Submodule("tpm0", AFFIRMING, _TPM, policy),) if tpm_asked and evidence.tpm else ()
    return (Submodule("cpu0", AFFIRMING, _CPU, policy), *gpus, *tpm)
