"""The control plane's settings: what it must be told, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError
from keyturn.control.config import CollateralSettings, ControlConfig, load_config, told

DIGEST = "sha256:" + "ab" * 32
MINIMAL = f'data = "data"\nkeyholder = "/run/keyholder.sock"\nfingerprint = "{DIGEST}"\n'

Load = Callable[..., ControlConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str = MINIMAL, **environment: str) -> ControlConfig:
        path = tmp_path / "control.toml"
        path.write_text(text)
        return load_config(path, environment)

    return load


def test_the_least_that_a_server_needs(load: Load, tmp_path: Path) -> None:
    found = load()
    assert found == ControlConfig(
        data=tmp_path / "data",
        keyholder=Path("/run/keyholder.sock"),
        fingerprint=DIGEST,  # type: ignore[arg-type]
    )
    assert (found.host, found.port) == ("127.0.0.1", 8443)
    assert found.database_url == f"sqlite:///{tmp_path}/data/keyturn.db"


def test_everything_can_be_said(load: Load) -> None:
    found = load(
        MINIMAL
        + 'host = "::"\nport = 0\ndatabase = "postgresql+psycopg://x/y"\n'
        + 'names = ["keyturn.example", "10.0.0.1"]\nheartbeat_seconds = 1\npoll_seconds = 0.5\n'
    )
    assert (found.host, found.port) == ("::", 0)
    assert found.database_url == "postgresql+psycopg://x/y"
    assert found.names == ("keyturn.example", "10.0.0.1")
    assert (found.heartbeat_seconds, found.poll_seconds) == (1.0, 0.5)


def test_a_variable_wins(load: Load) -> None:
    assert load(KEYTURN_CONTROL_PORT="9443").port == 9443
    assert load(KEYTURN_CONTROL_NAMES="a.example,b.example").names == ("a.example", "b.example")


@pytest.mark.parametrize("name", ["data", "keyholder", "fingerprint"])
def test_every_setting_without_a_default_is_needed(load: Load, name: str) -> None:
    lines = [each for each in MINIMAL.splitlines() if not each.startswith(name)]
    with pytest.raises(MalformedError, match=f"setting '{name}' is missing"):
        load("\n".join(lines))


@pytest.mark.parametrize(
    "line",
    [
        "port = 65536",
        "port = -1",
        'port = "8443"',
        'names = "keyturn.example"',
        "heartbeat_seconds = 0",
        "heartbeat_seconds = nan",
        "poll_seconds = 61",
        "database = 1",
    ],
)
def test_a_wrong_value_is_refused(load: Load, line: str) -> None:
    with pytest.raises(MalformedError, match=f"setting '{line.split(' = ')[0]}'"):
        load(MINIMAL + line)


def test_what_is_unknown_is_refused(load: Load) -> None:
    with pytest.raises(MalformedError, match="unknown setting 'prot'"):
        load(MINIMAL + "prot = 1\n")
    with pytest.raises(MalformedError, match="unknown variable KEYTURN_CONTROL_PROT"):
        load(KEYTURN_CONTROL_PROT="1")


def test_a_database_password_is_in_no_message(load: Load) -> None:
    with pytest.raises(MalformedError) as caught:
        load(MINIMAL, KEYTURN_CONTROL_DATABASE="postgresql://u:hunter2@h/d", KEYTURN_CONTROL_X="")
    assert "hunter2" not in str(caught.value)


def test_witnesses_are_tables_with_a_pin_each(load: Load) -> None:
    one = '[[witnesses]]\nurl = "https://w.example"\npin = "' + "ab" * 32 + '"\n'
    (first, _second) = load(MINIMAL + one + one).witnesses
    assert (first.url, first.pin) == ("https://w.example", "ab" * 32)
    for wrong in (one.replace("ab", "zz"), one.replace("url", "uri"), one + "more = 1\n"):
        with pytest.raises(MalformedError):
            load(MINIMAL + wrong)


def test_collateral_is_not_fetched_unless_it_is_said(load: Load, tmp_path: Path) -> None:
    assert load().collateral == CollateralSettings(fetch=False)
    assert load().collateral_cache == tmp_path / "data" / "collateral"
    found = load(
        MINIMAL
        + '[collateral]\nfetch = true\nmirrors = ["intel=https://pccs.example/"]\n'
        + 'cache = "kept"\nseconds = 600\n'
    )
    mirrors = (("intel", "https://pccs.example"),)
    assert found.collateral == CollateralSettings(True, mirrors, "kept", 600.0)
    assert told(found)["collateral_mirrors"] == ("intel=https://pccs.example",)


@pytest.mark.parametrize(
    "text",
    [
        'fetch = "yes"',
        "fetch = 1",
        'mirrors = ["intel"]',
        'mirrors = ["apple=https://x"]',
        'mirrors = ["amd=ftp://x"]',
        'mirrors = ["amd=https://me:secret@x"]',
        "seconds = 1",
        "often = true",
    ],
)
def test_a_slip_in_the_collateral_settings_is_refused(load: Load, text: str) -> None:
    with pytest.raises(MalformedError):
        load(MINIMAL + "[collateral]\n" + text + "\n")
