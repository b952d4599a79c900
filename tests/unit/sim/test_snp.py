"""The simulated report's bytes, at the offsets of AMD 56860."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn_sim.pki import new_p384_key
from keyturn_sim.snp import SimTcb, SnpLaunch, sign_report, unsigned_report

LAUNCH = SnpLaunch("Genoa", b"\x0c" * 64, SimTcb(), b"\x42" * 48, b"\x0d" * 32)


def test_fields_lie_where_firmware_puts_them() -> None:
    report = unsigned_report(LAUNCH, b"\x07" * 64)
    assert len(report) == 0x2A0
    assert report[0x000:0x004] == b"\x03\0\0\0"
    assert report[0x008:0x010].hex() == "0000030000000000"
    assert report[0x050:0x090] == b"\x07" * 64
    assert report[0x090:0x0C0] == b"\x42" * 48
    assert report[0x0C0:0x0E0] == b"\x0d" * 32
    assert report[0x180:0x188].hex() == "0a00000000001b58"
    assert report[0x188:0x18B] == b"\x19\x11\x01"
    assert report[0x1A0:0x1E0] == b"\x0c" * 64


def test_turins_tcb_lies_otherwise() -> None:
    assert SimTcb(1, 2, 3, 4, 5).to_bytes("Turin").hex() == "0501020300000004"


def test_the_signature_is_little_endian_over_the_first_0x2a0_bytes() -> None:
    key = new_p384_key()
    report = sign_report(unsigned_report(LAUNCH, bytes(64)), key)
    assert len(report) == 1184
    r = int.from_bytes(report[0x2A0:0x2E8], "little")
    s = int.from_bytes(report[0x2E8:0x330], "little")
    key.public_key().verify(encode_dss_signature(r, s), report[:0x2A0], ec.ECDSA(hashes.SHA384()))
    assert not any(report[0x330:])
