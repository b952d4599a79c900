"""`keyturn connect`: nothing is pinned that the server does not prove."""

import json
from datetime import timedelta
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


def test_a_new_pin_is_taken_from_a_person_and_proved(desks: Desks) -> None:
    _, _, path = connect(desks)
    before = path.read_text()
    new = "cd" * 32

    result = desks.run("connect", "--repin", "--pin", new, "--profile", path.parent, "--json")

    document = json.loads(result.stdout)
    assert (result.exit_code, document["before"], document["pin"]) == (0, PIN, new)
    assert path.read_text() == before.replace(PIN, new)


def test_a_new_pin_can_be_typed(desks: Desks) -> None:
    _, _, path = connect(desks)
    result = desks.run("connect", "--repin", "--profile", path.parent, typed="cd" * 32 + "\n")
    assert result.exit_code == 0, result.output
    assert PIN in result.stderr
    assert "cd" * 32 in path.read_text()


def test_a_new_pin_of_a_server_of_another_authority_is_not_written(desks: Desks) -> None:
    _, _, path = connect(desks)
    before = path.read_text()
    desks.server.lie("/v1/hello", lambda told: {**told, "fingerprint": "sha256:" + "0" * 64})

    result = desks.run("connect", "--repin", "--pin", "cd" * 32, "--profile", path.parent)

    assert result.exit_code == 1
    assert "another authority" in result.stderr
    assert path.read_text() == before


@pytest.mark.parametrize(
    "words", [("--repin", "--officer", "bela"), ("--repin", "--offline"), ("--pin", "cd" * 32)]
)
def test_half_of_a_connection_is_wrong_usage(desks: Desks, words: tuple[str, ...]) -> None:
    _, _, path = connect(desks)
    assert desks.run("connect", *words, "--profile", path.parent).exit_code == 2


def test_an_expired_authority_is_said_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the officer gets in, who must renew it."""
    desks = make_desks(tmp_path, monkeypatch, age=timedelta(days=100))
    result = desks.as_("ada", "proposal", "list")
    assert result.exit_code == 0, result.output
    assert "EXPIRED: roster version 1" in result.stderr
    assert "keyturn proposal renew keys keys" in result.stderr


def test_offline_asks_nobody(desks: Desks) -> None:
    code, document, path = connect(desks, "--offline")
    assert (code, document["proved"], desks.server.asked) == (0, False, [])
    assert path.exists()


def test_without_a_profile_the_way_is_shown(desks: Desks, tmp_path: Path) -> None:
    result = desks.run("node", "list", "--profile", tmp_path / "none")
    assert result.exit_code == 1
    assert "keyturn connect" in result.stderr
