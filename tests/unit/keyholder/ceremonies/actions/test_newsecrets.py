"""Random secrets and trial tokens: gone after their use."""

import secrets
from pathlib import Path

import pytest

from keyturn.ceremony.script import ShareUse
from keyturn.keyholder.ceremonies.actions.newsecrets import new_secrets, trial_token
from keyturn.keyholder.ceremonies.records import CeremonyFiles


def test_secrets_have_their_sizes_and_are_wiped() -> None:
    with new_secrets(ShareUse, secrets.token_bytes) as made:
        kept = dict(made)
        assert {use: len(each) for use, each in made.items()} == {
            ShareUse.USER: 16,
            ShareUse.SO: 16,
            ShareUse.BACKUP: 32,
        }
        assert all(any(each) for each in made.values())
    assert not any(any(each) for each in kept.values())


def test_a_trial_token_leaves_nothing(tmp_path: Path) -> None:
    files = CeremonyFiles(tmp_path / "one")
    files.clean()
    left = files.scratch("trial")
    left.mkdir()
    (left / "of a kill").write_text("before")
    with trial_token(Path("module.so"), files, "trial", secrets.token_bytes) as trial:
        assert trial.place.softhsm_configuration is not None
        assert trial.place.softhsm_configuration.is_file()
        assert not (left / "of a kill").exists()
    assert not left.exists()
    with (
        pytest.raises(ValueError, match="inside"),
        trial_token(Path("module.so"), files, "trial", secrets.token_bytes),
    ):
        raise ValueError("inside")
    assert not left.exists()
