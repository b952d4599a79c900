"""SPDM 1.1 measurement reports as NVIDIA's devices sign them, GPUs and switches alike.

Source: DMTF DSP0274 1.1 (GET_MEASUREMENTS, MEASUREMENTS); NVIDIA nvtrust (opaque fields);
written independently of the verifier.
"""

from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

VALUE_SIZE = 48


def signed_report(
    key: ec.EllipticCurvePrivateKey,
    nonces: tuple[bytes, bytes],
    measurements: Mapping[int, bytes],
    blocks: int,
    opaque: Mapping[int, bytes],
) -> bytes:
    """Request and signed response over two nonces of 32 bytes, the requester's first.

    `measurements` from 0 to `blocks` less one, 48 bytes each; unnamed ones are zero.
    """
    record = b"".join(
        bytes((index + 1, 1))
        + le(VALUE_SIZE + 3, 2)
        + b"\x01"
        + le(VALUE_SIZE, 2)
        + measurements.get(index, bytes(VALUE_SIZE))
        for index in range(blocks)
    )
    fields = b"".join(le(kind, 2) + le(len(v), 2) + v for kind, v in opaque.items())
    signed = (
        b"\x11\xe0\x01\xff" + nonces[0] + b"\0"
        b"\x11\x60\x00\x00" + bytes((blocks,)) + le(len(record), 3) + record
        + nonces[1] + le(len(fields), 2) + fields
    )  # fmt: skip
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA384())))
    return signed + r.to_bytes(48, "big") + s.to_bytes(48, "big")


def le(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")
