"""A simulated NVIDIA GPU: reports as an SPDM 1.1 responder in confidential mode makes them.

Source: NVIDIA nvtrust (opaque fields); written independently of the verifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn_sim.pki import der_tlv, der_uint
from keyturn_sim.spdm import signed_report

BLOCKS = 64
SPT, PPCIE = 0, 2
"""Feature flag: a GPU alone, and one of a protected PCIe set."""
_SHA384_OID = bytes.fromhex("0609608648016503040202")
_ON, _OFF = b"\x55", b"\xaa"
_LINKS = 18
"""NVLinks of a GH100, each led to a switch in PPCIE."""


@dataclass(frozen=True, slots=True)
class SimGpu:
    """One GPU. `measurements`: index from 0 to 48 bytes; unnamed indexes are zero.

    `chain` is leaf first, five DER certificates; `key` is the leaf's. `pdi`: 8 bytes as switches
    report it, empty where the boot ROM's certificate names none. `switches`: the PDIs that its
    links lead to; with any, it reports PPCIE.
    """

    driver: str
    vbios: str
    measurements: Mapping[int, bytes] = field(hash=False)
    fwid: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    nvdec0: bool = True
    pdi: bytes = b""
    switches: tuple[bytes, ...] = ()

    def report(self, nonce: bytes, responder_nonce: bytes) -> bytes:
        """Request and signed response over two nonces of 32 bytes."""
        opaque = self._opaque()
        return signed_report(self.key, (nonce, responder_nonce), self.measurements, BLOCKS, opaque)

    def _opaque(self) -> dict[int, bytes]:
        feature = PPCIE if self.switches else SPT
        links = [self.switches[at % len(self.switches)] for at in range(_LINKS if feature else 0)]
        return {
            3: self.driver.encode("ascii") + b"\0",
            4: bytes(8),
            6: _vbios_bytes(self.vbios),
            14: bytes.fromhex("37040000"),
            15: b"885".ljust(9, b"\0"),
            17: b"G520\0",
            18: b"0200\0",
            11: _ON if self.nvdec0 else _OFF,
            20: self.fwid,
            21: _OFF if feature else _ON,
            **({22: b"".join(pdi[::-1] for pdi in links)} if links else {}),
            34: b"\x01\0",
            36: feature.to_bytes(2, "little"),
        }


def composite_device_id(key: ec.EllipticCurvePublicKey, fwid: bytes) -> bytes:
    """Extension 2.23.133.5.4.1 of a Hopper leaf: version 1, a key, SHA-384 of the firmware."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = der_tlv(0x30, _SHA384_OID + der_tlv(0x04, fwid))
    return der_tlv(0x30, der_uint(1) + spki + digest)


def _vbios_bytes(text: str) -> bytes:
    """`96.00.A5.00.01`: the first four lie reversed in bytes 0 to 3, the fifth in byte 4."""
    parts = bytes(int(part, 16) for part in text.split("."))
    if len(parts) != 5:
        raise ValueError(f"VBIOS version {text!r} has not five parts")
    return parts[3::-1] + parts[4:] + bytes(3)
