"""`keyturn model`: registered, proposed for admission, admitted when the log says so."""

import json
from pathlib import Path

import pytest

from unit.cli.officer_desk import Desks, make_desks
from unit.client.test_client import KEY, MANIFEST


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    place = tmp_path / "sealed"
    place.mkdir()
    (place / "keyturn.json").write_bytes(MANIFEST)
    (place / "keyturn.key").write_bytes(KEY)
    return place


def test_from_registered_to_admitted(desks: Desks, sealed: Path) -> None:
    model = desks.json("ada", "model", "register", sealed)
    assert (model["name"], model["admitted"]) == ("Mini", False)
    proposal = desks.json(
        *("ada", "model", "admit", model["digest"][7:19]),
        *("--policy", "serving", "--reason", "reviewed"),
    )
    assert (proposal["kind"], proposal["subject"]) == ("model", model["digest"])
    assert proposal["body"]["tag"] == json.loads(KEY)["tag"]
    assert "NOT IN FORCE" in desks.as_("ada", "model", "list").stdout
    for name in ("bela", "chen"):
        desks.json(name, "proposal", "approve", proposal["digest"], "--yes")
    shown = desks.json("ada", "model", "show", "Mini")
    assert (shown["admitted"], shown["admission"]) == (True, proposal["digest"])
    assert "log index" in desks.as_("ada", "model", "list").stdout


def test_a_directory_that_is_no_sealed_model_is_refused(desks: Desks, tmp_path: Path) -> None:
    result = desks.as_("ada", "model", "register", tmp_path)
    assert result.exit_code == 1
    assert "keyturn.json" in result.stderr


def test_an_unknown_model_is_refused(desks: Desks) -> None:
    result = desks.as_("ada", "model", "admit", "feedbeef", "--policy", "p", "--reason", "r")
    assert result.exit_code == 1
    assert "no model" in result.stderr
