"""Who vouches for an AK: proofs of activation, and what a verifier without their key makes of them.

The quotes themselves are a real TPM's in `tests/flows/test_tpm.py`.
"""

import hashlib
import hmac
import struct

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.keyrelease.tpmevidence import activation_proof, verify_tpm_part
from unit.keyrelease.release_desk import Desk

KEY = bytes(range(32))


def test_a_proof_is_a_mac_over_both_names() -> None:
    message = b"keyturn-tpm-activation-v1" + struct.pack(">I", 2) + b"ak"
    message += struct.pack(">I", 3) + b"eky"
    expected = hmac.new(KEY, message, hashlib.sha256).digest()
    assert activation_proof(KEY, b"ak", b"eky") == expected


@pytest.mark.parametrize(
    ("key", "ak", "ek"),
    [(KEY[::-1], b"ak", b"ek"), (KEY, b"a", b"kek"), (KEY, b"ake", b"k"), (KEY, b"ek", b"ak")],
)
def test_of_other_names_or_another_process_it_is_another(key: bytes, ak: bytes, ek: bytes) -> None:
    assert activation_proof(key, ak, ek) != activation_proof(KEY, b"ak", b"ek")


def test_a_request_without_a_tpm_has_nothing_to_prove() -> None:
    desk = Desk()
    assert verify_tpm_part(desk.request(), HARDWARE_ANCHORS, desk.clock()) == (None, [])
