"""Sealing to an ingest key: opened by it alone, with a data key of its own that is wiped."""

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from keyturn.seal.sealedkey import OaepHash
from keyturn.vault import sealing
from keyturn.vault.errors import SealCancelled, StorageFailed
from keyturn.vault.opener import open_model
from keyturn.vault.sealing import IngestKey, seal_to_key, unfinished
from unit.vault.conftest import CREATED, IDENTITY


@pytest.fixture(scope="module")
def ingest():
    return rsa.generate_private_key(65537, 3072)


@pytest.fixture
def arguments(ingest, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "weights.bin").write_bytes(b"w" * 3_000_000)
    spki = ingest.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "source": tmp_path / "source",
        "out": tmp_path / "out",
        "to": IngestKey(spki, OaepHash.SHA256),
        "identity": IDENTITY,
        "created": CREATED,
    }


@pytest.fixture
def data_keys(monkeypatch):
    """The buffers that data keys were made in."""
    kept = []
    real = sealing.seal_directory
    monkeypatch.setattr(
        sealing, "seal_directory", lambda *a, **k: (kept.append(k["dek"]), real(*a, **k))[1]
    )
    return kept


def test_only_the_ingest_key_opens_it(arguments, ingest):
    made = seal_to_key(**arguments)
    scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    dek = bytearray(ingest.decrypt(made.key.wrapped.value, scheme))
    with open_model(made.directory, dek, made.model_digest, made.key.tag) as opened:
        assert bytes(opened["weights.bin"]) == b"w" * 3_000_000


def test_each_sealing_has_its_own_key(arguments, tmp_path):
    first = seal_to_key(**arguments)
    second = seal_to_key(**{**arguments, "out": tmp_path / "again"})
    assert first.key.tag != second.key.tag


def test_the_data_key_is_wiped(arguments, data_keys):
    seal_to_key(**arguments)
    assert data_keys == [bytes(32)]


def test_the_data_key_is_wiped_after_a_cancel_too(arguments, data_keys, tmp_path):
    with pytest.raises(SealCancelled):
        seal_to_key(**arguments, cancel=lambda: True)
    assert data_keys == [bytes(32)]
    assert [each.name for each in tmp_path.iterdir()] == ["source"]


def test_too_little_randomness_is_no_key(arguments, monkeypatch, tmp_path):
    (tmp_path / "short").write_bytes(b"x")
    monkeypatch.setattr(sealing, "_RANDOM", tmp_path / "short")
    with pytest.raises(StorageFailed, match="too few bytes"):
        seal_to_key(**arguments)


def test_what_killed_sealings_left_is_found(tmp_path):
    (tmp_path / ".out.sealing-00").mkdir()
    (tmp_path / ".other.sealing-00").mkdir()
    assert unfinished(tmp_path / "out") == [tmp_path / ".out.sealing-00"]
