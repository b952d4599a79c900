"""Signature range (FIPS 186-5 §6.4.2 step 1)."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.p384 import ORDER, verify_p384
from keyturn_sim import SimVendors
from keyturn_sim.pki import new_p256_key, new_p384_key

KEY = new_p384_key()
R, S = decode_dss_signature(KEY.sign(b"message", ec.ECDSA(hashes.SHA384())))


def test_a_good_signature() -> None:
    verify_p384(KEY.public_key(), R, S, b"message", "test")


@pytest.mark.parametrize(
    ("r", "s"), [(0, S), (R, 0), (ORDER, S), (R, ORDER), (R + ORDER, S), (R, S + ORDER), (-R, S)]
)
def test_numbers_out_of_range(r: int, s: int) -> None:
    with pytest.raises(UntrustedEvidence, match="out of range") as caught:
        verify_p384(KEY.public_key(), r, s, b"message", "test")
    assert caught.value.reason is Reason.SIGNATURE_INVALID


def test_another_message_or_key(vendors: SimVendors) -> None:
    with pytest.raises(UntrustedEvidence, match="does not verify"):
        verify_p384(KEY.public_key(), R, S, b"massage", "test")
    with pytest.raises(UntrustedEvidence, match="not signed by a P-384 key"):
        verify_p384(vendors.ark_key.public_key(), R, S, b"message", "test")
    with pytest.raises(UntrustedEvidence, match="not signed by a P-384 key"):
        verify_p384(new_p256_key().public_key(), R, S, b"message", "test")
