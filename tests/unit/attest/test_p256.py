"""Raw signatures and keys of P-256 (FIPS 186-5 §6.4.2 step 1, SP 800-186 §3.2.1.3)."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.p256 import ORDER, read_p256_key, verify_p256
from keyturn_sim import SimVendors
from keyturn_sim.pki import new_p256_key, new_p384_key
from keyturn_sim.tdx import sign_raw

KEY = new_p256_key()
SIGNATURE = sign_raw(KEY, b"message")
WHY = Reason.QUOTE_SIGNATURE_INVALID
RAW = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


R, S = int.from_bytes(SIGNATURE[:32], "big"), int.from_bytes(SIGNATURE[32:], "big")


def test_a_good_signature_by_a_key_read_from_its_point() -> None:
    verify_p256(KEY.public_key(), SIGNATURE, b"message", "test", WHY)
    verify_p256(read_p256_key(RAW, "key", WHY), SIGNATURE, b"message", "test", WHY)


@pytest.mark.parametrize(
    "signature",
    [raw(0, S), raw(R, 0), raw(ORDER, S), raw(R, ORDER), b"", SIGNATURE[:-1], SIGNATURE + b"\0"],
)
def test_numbers_out_of_range(signature: bytes) -> None:
    with pytest.raises(UntrustedEvidence, match="out of range") as caught:
        verify_p256(KEY.public_key(), signature, b"message", "test", WHY)
    assert caught.value.reason is WHY


def test_another_message_or_key(vendors: SimVendors) -> None:
    for key, message in ((KEY, b"massage"), (new_p256_key(), b"message")):
        with pytest.raises(UntrustedEvidence, match="does not verify") as caught:
            verify_p256(key.public_key(), SIGNATURE, message, "test", WHY)
        assert caught.value.reason is WHY
    for other in (new_p384_key(), vendors.ark_key):  # P-384, RSA
        with pytest.raises(UntrustedEvidence, match="not signed by a P-256 key"):
            verify_p256(other.public_key(), SIGNATURE, b"message", "test", WHY)


def test_a_key_that_is_no_point() -> None:
    for point in (bytes(64), RAW[:63] + bytes((RAW[63] ^ 1,)), b"\xff" * 64):
        with pytest.raises(UntrustedEvidence, match="no point") as caught:
            read_p256_key(point, "key", WHY)
        assert caught.value.reason is WHY
    with pytest.raises(MalformedEvidence, match="wrong size"):
        read_p256_key(RAW[:-1], "key", WHY)
