import gc

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from keyturn.base.signatures import key_id_of
from keyturn.seal.errors import MalformedSealedModel
from keyturn.seal.sealedkey import OaepHash
from keyturn.vault import wrapping
from keyturn.vault.wrapping import wrap_dek_rsa_oaep

DEK = bytearray(range(32))


def spki(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.fixture(scope="module")
def ingest():
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        (OaepHash.SHA1, hashes.SHA1()),
        (OaepHash.SHA256, hashes.SHA256()),
        (OaepHash.SHA384, hashes.SHA384()),
    ],
)
def test_the_private_half_unwraps_it(ingest, name, algorithm):
    wrapped = wrap_dek_rsa_oaep(spki(ingest), name, DEK)
    scheme = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
    assert ingest.decrypt(wrapped.value, scheme) == DEK
    assert (wrapped.ingest_key_id, wrapped.oaep_hash) == (key_id_of(spki(ingest)), name)


def test_the_copy_that_the_library_needs_is_overwritten(ingest, monkeypatch):
    kept = []
    real = wrapping._overwrite
    monkeypatch.setattr(wrapping, "_overwrite", lambda secret: (kept.append(secret), real(secret)))
    wrap_dek_rsa_oaep(spki(ingest), OaepHash.SHA256, DEK)
    gc.collect()
    assert kept == [bytes(32)]
    assert bytearray(range(32)) == DEK


@pytest.mark.parametrize("bad", [b"", b"not a key", bytes(300)])
def test_what_is_no_key_is_refused(bad):
    with pytest.raises(MalformedSealedModel, match="cannot be read"):
        wrap_dek_rsa_oaep(bad, OaepHash.SHA256, DEK)


def test_a_key_of_another_kind_is_refused():
    with pytest.raises(MalformedSealedModel, match="wrong kind"):
        wrap_dek_rsa_oaep(spki(ed25519.Ed25519PrivateKey.generate()), OaepHash.SHA256, DEK)


def test_a_short_data_key_is_refused(ingest):
    with pytest.raises(MalformedSealedModel, match="data key"):
        wrap_dek_rsa_oaep(spki(ingest), OaepHash.SHA256, bytearray(16))
