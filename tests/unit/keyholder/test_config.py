"""The keyholder's settings: written by `keyturn init`, read by the keyholder."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.keyholder.config import KeyholderConfig, config_text, load_config
from keyturn.keyholder.logdisk import DEFAULT_RESERVE

DIGEST = Digest("sha256:" + "ab" * 32)


def config(base: Path) -> KeyholderConfig:
    return KeyholderConfig(
        log=base / "log",
        socket=base / "keyholder.sock",
        origin="keyturn.example/log",
        fingerprint=DIGEST,
        token_label="keyturn",
        module=Path("/usr/lib/module.so"),
        softhsm_configuration=base / "token" / "softhsm2.conf",
        workers=2,
        reserve=4096,
    )


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = config(tmp_path)
    for each in (made, replace(made, module=None, softhsm_configuration=None)):
        path = written(tmp_path / "keyholder.toml", config_text(each, tmp_path))
        assert load_config(path, {}) == each


def test_paths_below_the_file_are_written_as_such(tmp_path: Path) -> None:
    text = config_text(config(tmp_path), tmp_path)
    assert str(tmp_path) not in text
    assert 'log = "log"\n' in text
    assert 'module = "/usr/lib/module.so"\n' in text


def test_a_directory_that_moves_keeps_its_settings(tmp_path: Path) -> None:
    text = config_text(config(tmp_path), tmp_path)
    (tmp_path / "moved").mkdir()
    path = written(tmp_path / "moved" / "keyholder.toml", text)
    assert load_config(path, {}) == config(tmp_path / "moved")


def test_what_has_a_default(tmp_path: Path) -> None:
    text = config_text(config(tmp_path), tmp_path)
    needed = ("log", "socket", "origin", "fingerprint", "token_label")
    kept = [each for each in text.splitlines() if each.startswith(needed)]
    found = load_config(written(tmp_path / "keyholder.toml", "\n".join(kept)), {})
    assert (found.module, found.softhsm_configuration) == (None, None)
    assert (found.workers, found.reserve) == (1, DEFAULT_RESERVE)


@pytest.mark.parametrize("character", ['"', "\\", "\n", "\x1f"])
def test_a_text_that_needs_escaping_is_not_written(tmp_path: Path, character: str) -> None:
    with pytest.raises(MalformedError, match="control character"):
        config_text(replace(config(tmp_path), token_label=f"a{character}b"), tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("workers = 2", "workers = 0", "workers"),
        ("workers = 2", "workers = 65", "workers"),
        ("reserve = 4096", "reserve = -1", "reserve"),
        (DIGEST, DIGEST[:-1], "fingerprint"),
        ('origin = "keyturn.example/log"', "", "origin"),
        ("workers = 2", "workers = 2\npin = 1234", "pin"),
    ],
)
def test_a_wrong_or_missing_setting_is_refused_by_name(
    tmp_path: Path, before: str, after: str, name: str
) -> None:
    text = config_text(config(tmp_path), tmp_path).replace(before, after)
    with pytest.raises(MalformedError, match=f"setting '{name}'"):
        load_config(written(tmp_path / "keyholder.toml", text), {})


def test_an_unknown_variable_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "keyholder.toml", config_text(config(tmp_path), tmp_path))
    assert load_config(path, {"KEYTURN_KEYHOLDER_WORKERS": "3"}).workers == 3
    with pytest.raises(MalformedError, match="unknown variable KEYTURN_KEYHOLDER_PIN"):
        load_config(path, {"KEYTURN_KEYHOLDER_PIN": "1234"})
