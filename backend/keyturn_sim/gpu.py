"""A simulated NVIDIA GPU: reports as an SPDM 1.1 responder in confidential mode makes them.

Sources: DMTF DSP0274 1.1; NVIDIA nvtrust (opaque fields); written independently of the verifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn_sim.pki import der_tlv, der_uint

BLOCKS = 64
VALUE_SIZE = 48
_SHA384_OID = bytes.fromhex("0609608648016503040202")
_ON, _OFF = b"\x55", b"\xaa"


@dataclass(frozen=True, slots=True)
class SimGpu:
    """One GPU. `measurements`: index from 0 to 48 bytes; unnamed indexes are zero.

    `chain` is leaf first, five DER certificates; `key` is the leaf's.
    """

    driver: str
    vbios: str
    measurements: Mapping[int, bytes] = field(hash=False)
    fwid: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    nvdec0: bool = True

    def report(self, nonce: bytes, responder_nonce: bytes) -> bytes:
        """Request and signed response over two nonces of 32 bytes."""
        record = b"".join(
            bytes((index + 1, 1))
            + _le(VALUE_SIZE + 3, 2)
            + b"\x01"
            + _le(VALUE_SIZE, 2)
            + self.measurements.get(index, bytes(VALUE_SIZE))
            for index in range(BLOCKS)
        )
        opaque = b"".join(_le(kind, 2) + _le(len(v), 2) + v for kind, v in self._opaque().items())
        signed = (
            b"\x11\xe0\x01\xff" + nonce + b"\0"
            b"\x11\x60\x00\x00" + bytes((BLOCKS,)) + _le(len(record), 3) + record
            + responder_nonce + _le(len(opaque), 2) + opaque
        )  # fmt: skip
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA384())))
        return signed + r.to_bytes(48, "big") + s.to_bytes(48, "big")

    def _opaque(self) -> dict[int, bytes]:
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
            21: _ON,
            34: b"\x01\0",
            36: b"\0\0",
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


def _le(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")
