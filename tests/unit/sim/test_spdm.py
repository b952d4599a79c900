"""The form of a device's report, and its signature."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn_sim.pki import new_p384_key
from keyturn_sim.spdm import le, signed_report


def test_request_response_and_signature() -> None:
    key = new_p384_key()
    raw = signed_report(key, (b"\x01" * 32, b"\x02" * 32), {1: b"\x03" * 48}, 2, {3: b"x\0"})
    assert raw[:4] == b"\x11\xe0\x01\xff"
    assert raw[37:42] == b"\x11\x60\x00\x00\x02"
    assert raw[42:45] == le(2 * 55, 3)
    assert raw[45:52] == b"\x01\x01\x33\x00\x01\x30\x00"
    assert raw[45 + 55 + 7 : 45 + 110] == b"\x03" * 48
    assert raw[155:187] == b"\x02" * 32
    assert raw[187:-96] == le(6, 2) + b"\x03\x00\x02\x00x\x00"
    r, s = (int.from_bytes(part, "big") for part in (raw[-96:-48], raw[-48:]))
    key.public_key().verify(encode_dss_signature(r, s), raw[:-96], ec.ECDSA(hashes.SHA384()))
