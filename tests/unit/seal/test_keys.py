import hashlib
import hmac

import pytest

from keyturn.base.encoding import digest_of
from keyturn.seal.errors import MalformedSealedModel, WrongModelKey
from keyturn.seal.keys import model_tag, verify_model_tag, wipe

DEK = bytearray(range(32))
DIGEST = digest_of(b"manifest")


def test_tag_is_the_hmac_of_the_protocol():
    message = b"keyturn-model-v1" + hashlib.sha256(b"manifest").digest()
    assert model_tag(DEK, DIGEST) == hmac.digest(bytes(DEK), message, "sha256")


def test_the_tag_verifies():
    verify_model_tag(DEK, DIGEST, model_tag(DEK, DIGEST))


@pytest.mark.parametrize(
    ("dek", "digest", "cut"),
    [
        (bytearray(32), DIGEST, 32),
        (DEK, digest_of(b"other"), 32),
        (DEK, DIGEST, 31),
        (DEK, DIGEST, 0),
    ],
    ids=["other key", "other model", "short tag", "no tag"],
)
def test_another_tag_is_refused(dek, digest, cut):
    with pytest.raises(WrongModelKey, match="does not belong"):
        verify_model_tag(dek, digest, model_tag(DEK, DIGEST)[:cut])


def test_the_error_names_no_secret():
    with pytest.raises(WrongModelKey) as caught:
        verify_model_tag(bytearray(32), DIGEST, model_tag(DEK, DIGEST))
    assert DEK.hex()[:16] not in str(caught.value)


def test_a_key_of_another_size_is_refused():
    with pytest.raises(MalformedSealedModel, match="found 16 bytes; expected 32 bytes"):
        model_tag(bytearray(16), DIGEST)


def test_wipe_zeroes_in_place():
    secret = bytearray(b"secret")
    view = memoryview(secret)
    wipe(view[2:])
    assert secret == b"se\0\0\0\0"
    wipe(view)
    assert secret == bytes(6)
