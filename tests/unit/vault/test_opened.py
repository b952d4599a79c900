import pytest

from keyturn.vault import opened as module
from keyturn.vault.errors import ModelWiped
from keyturn.vault.opener import open_model


@pytest.fixture
def model(sample):
    with open_model(
        sample.out, sample.dek, sample.sealed.model_digest, sample.sealed.key.tag
    ) as model:
        yield model


def test_it_is_a_mapping_of_the_models_own_files(model, sample):
    assert set(model) == set(sample.files)
    assert len(model) == 3
    assert "keyturn.contents.json" not in model
    with pytest.raises(KeyError):
        model["other"]


def test_views_are_read_only(model):
    with pytest.raises(TypeError, match="read-only"):
        model["weights.bin"][0] = 1


def test_after_a_wipe_every_access_raises(model):
    model.wipe()
    assert model.wiped
    for access in (lambda: model["empty"], lambda: list(model), lambda: len(model), model.items):
        with pytest.raises(ModelWiped):
            list(access())


def test_a_view_that_was_kept_reads_zeroes(model, sample):
    kept = model["weights.bin"]
    assert any(kept)
    model.wipe()
    assert bytes(kept) == bytes(len(sample.files["weights.bin"]))


def test_wiping_twice_is_harmless(model):
    model.wipe()
    model.wipe()
    assert model.wiped


def test_memory_is_zeroised_before_it_is_given_back(model, monkeypatch):
    """The kernel's own zero pages must not be what makes the test above pass."""
    kept = model["weights.bin"]
    seen = []
    real = module.wipe_all
    monkeypatch.setattr(module, "wipe_all", lambda arenas: (real(arenas), seen.append(any(kept))))
    model.wipe()
    assert seen == [False]


def test_memory_that_cannot_be_locked_is_a_caveat(sample, monkeypatch):
    from keyturn.vault import arena

    monkeypatch.setattr(arena, "_lock", lambda address, size: False)
    with open_model(
        sample.out, sample.dek, sample.sealed.model_digest, sample.sealed.key.tag
    ) as model:
        assert model.caveats == {"unlocked-memory"}
