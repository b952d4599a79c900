"""What is decided without a token; the trials themselves run on real ones in tests/contract."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.keytrials import RECOVERABLE, hash_used
from keyturn.hsm.protocol import OaepHash
from keyturn.hsm.selftest import oaep_padding


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("used", list(OaepHash))
def test_the_hash_that_was_really_used_is_told(private: rsa.RSAPrivateKey, used: OaepHash) -> None:
    ciphertext = private.public_key().encrypt(b"v" * 32, oaep_padding(used))
    assert hash_used(private, ciphertext, b"v" * 32) is used


def test_another_padding_or_value_is_no_hash(private: rsa.RSAPrivateKey) -> None:
    mixed = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA256(), None)
    ciphertext = private.public_key().encrypt(b"v" * 32, mixed)
    assert hash_used(private, ciphertext, b"v" * 32) is None
    right = private.public_key().encrypt(b"v" * 32, oaep_padding(OaepHash.SHA1))
    assert hash_used(private, right, b"w" * 32) is None


def test_a_recoverable_kek_is_extractable_under_trusted_keys_only() -> None:
    assert RECOVERABLE[Attr.EXTRACTABLE] is True
    assert RECOVERABLE[Attr.WRAP_WITH_TRUSTED] is True
    assert RECOVERABLE[Attr.MODIFIABLE] is RECOVERABLE[Attr.COPYABLE] is False
