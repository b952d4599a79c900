"""`keyturn connect`: nothing is pinned that the server does not prove."""

import json
from pathlib import Path

import pytest

from unit.cli.officer_desk import Desks, make_desks
from unit.client.scripted_server import PIN, URL


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


def connect(desks: Desks, *more: object, **changed: str) -> tuple[int, dict[str, object], Path]:
    place = desks.directory / "profile"
    values = {"server": URL, "pin": PIN, "officer": "ada", **changed}
    values.setdefault("fingerprint", desks.server.fingerprint)
    words = [word for name, value in values.items() for word in (f"--{name}", value)]
    result = desks.run("connect", *words, "--profile", place, "--json", *more)
    document = json.loads(result.stdout) if result.stdout else {}
    return result.exit_code, document, place / "profile.toml"


def test_a_proved_server_is_written_down(desks: Desks) -> None:
    code, document, path = connect(desks)
    assert (code, document["proved"], document["simulated"]) == (0, True, True)
    assert f'fingerprint = "{desks.server.fingerprint}"' in path.read_text()
    assert 'key = "keyring:ada"' in path.read_text()


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"fingerprint": "sha256:" + "0" * 64}, "ServerLied"),
        ({"fingerprint": "0" * 64}, "MalformedError"),
        ({"pin": "AB" * 32}, "MalformedError"),
        ({"server": "http://control.test"}, "MalformedProfile"),
    ],
)
def test_what_is_not_proved_or_not_well_formed_is_not_written(
    desks: Desks, changed: dict[str, str], kind: str
) -> None:
    code, document, path = connect(desks, **changed)
    error = document["error"]
    assert isinstance(error, dict)
    assert (code, error["kind"], path.exists()) == (1, kind, False)


def test_offline_asks_nobody(desks: Desks) -> None:
    code, document, path = connect(desks, "--offline")
    assert (code, document["proved"], desks.server.asked) == (0, False, [])
    assert path.exists()


def test_without_a_profile_the_way_is_shown(desks: Desks, tmp_path: Path) -> None:
    result = desks.run("node", "list", "--profile", tmp_path / "none")
    assert result.exit_code == 1
    assert "keyturn connect" in result.stderr
