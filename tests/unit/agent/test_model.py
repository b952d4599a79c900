"""Opened once, wiped once: the DEK and a wipe in the middle included."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.agent.errors import ModelUnusable, NotServing
from keyturn.agent.model import ModelInMemory
from keyturn.base.signatures import KeyId
from keyturn.seal.errors import WrongModelKey
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.vault.hygiene import UNLOCKED_MEMORY
from keyturn.vault.sealer import SealedModel, seal_directory

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ALLOWED = frozenset({UNLOCKED_MEMORY})


@pytest.fixture
def dek() -> bytearray:
    return bytearray(secrets.token_bytes(32))


@pytest.fixture
def sealed(tiny_model: Path, tmp_path: Path, dek: bytearray) -> SealedModel:
    return seal_directory(
        tiny_model,
        tmp_path / "sealed",
        dek=dek,
        identity=ModelIdentity(ModelId("tiny"), "tiny", "1"),
        created=NOW,
        randomness=secrets.token_bytes,
        wrap=lambda _: WrappedDek(KeyId("0a" * 32), OaepHash.SHA256, bytes(384)),
    )


def made(sealed: SealedModel, caveats: frozenset[str] = ALLOWED) -> ModelInMemory:
    return ModelInMemory(sealed.directory, sealed.model_digest, caveats=caveats, workers=1)


def test_opens_runs_and_is_wiped(sealed: SealedModel, dek: bytearray) -> None:
    model = made(sealed)

    model.open(dek, sealed.key.tag)

    assert not any(dek), "the key is wiped as soon as the model is open"
    engine = model.engine
    assert engine is not None
    assert engine.embed(["abc"]).tokens == 5
    assert model.wipe() >= 0
    assert model.engine is None
    with pytest.raises(NotServing):
        engine.embed(["abc"])


def test_a_wrong_key_opens_nothing_and_is_wiped(sealed: SealedModel) -> None:
    wrong = bytearray(b"w" * 32)

    with pytest.raises(WrongModelKey):
        made(sealed).open(wrong, sealed.key.tag)
    assert not any(wrong)


def test_a_wipe_before_or_during_the_opening_stops_it(sealed: SealedModel, dek: bytearray) -> None:
    model = made(sealed)
    model.wipe()

    with pytest.raises(NotServing):
        model.open(dek, sealed.key.tag)
    assert model.engine is None
    assert not any(dek)


def test_memory_that_is_not_as_claimed_is_not_used(
    sealed: SealedModel, dek: bytearray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyturn.vault.arena._lock", lambda address, size: False)

    with pytest.raises(ModelUnusable, match="told the keyholder"):
        made(sealed, frozenset()).open(dek, sealed.key.tag)
