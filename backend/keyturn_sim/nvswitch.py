"""A simulated NVSwitch (LS10) of a protected PCIe set: it names itself and the GPUs that it sees.

Sources: NVIDIA nvtrust ppcie-verifier (topology), attestation-sdk (opaque fields of switches).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from keyturn_sim.spdm import signed_report

BLOCKS = 31
BIOS = "96.10.73.00.01"
_PLACES = 8
_UNUSED = b"\xff" * 8
_LOCKED = b"\x01\0"


@dataclass(frozen=True, slots=True)
class SimSwitch:
    """One switch. `pdi` and each of `gpus`: 8 bytes; at most 8 GPUs. The rest is as a GPU's."""

    pdi: bytes
    gpus: tuple[bytes, ...]
    measurements: Mapping[int, bytes] = field(hash=False)
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    bios: str = BIOS

    def report(self, nonce: bytes, responder_nonce: bytes) -> bytes:
        """Request and signed response over two nonces of 32 bytes."""
        places = (*self.gpus, *([_UNUSED] * _PLACES))[:_PLACES]
        opaque = {
            6: self.bios.encode("ascii"),
            22: self.pdi,
            24: b"\0\0",
            25: _LOCKED,
            26: b"".join(places) + bytes(range(64)),
        }
        return signed_report(self.key, (nonce, responder_nonce), self.measurements, BLOCKS, opaque)
