"""The witness's settings."""

from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.witness.config import load_config

GOOD = """
name = "witness.example/w1"
key = "witness.key"
data = "data"

[[logs]]
fingerprint = "sha256:{zeros}"
bundle = "authority.bundle"
""".replace("{zeros}", "00" * 32)


def written(directory: Path, text: str) -> Path:
    path = directory / "witness.toml"
    path.write_text(text)
    return path


def test_settings_are_read(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD), {"KEYTURN_WITNESS_PORT": "0"})
    assert (config.name, config.port) == ("witness.example/w1", 0)
    (log,) = config.logs
    assert log.bundle == tmp_path / "authority.bundle"


@pytest.mark.parametrize(
    "text",
    [
        GOOD.partition("[[logs]]")[0],
        GOOD + "more = 1\n",
        "more = 1\n" + GOOD,
        GOOD.replace("bundle =", "bumble ="),
        GOOD.replace("[[logs]]", "[logs]"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(MalformedError):
        load_config(written(tmp_path, text), {})
