"""`keyturn policy` and what an approval says of it, as officers run them."""

import json
from pathlib import Path

import pytest

from support.authority import policy_body
from unit.cli.officer_desk import Desks, make_desks


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy_body()))
    return path


def proposed(desks: Desks, body: Path) -> str:
    document = desks.json(
        *("ada", "proposal", "new", "--kind", "policy", "--subject", "serving"),
        *("--body", body, "--reason", "first policy"),
    )
    return str(document["digest"])


def test_a_lint_of_a_file_and_of_a_proposal_fails_for_errors(desks: Desks, body: Path) -> None:
    done = desks.as_("ada", "policy", "lint", body, "--subject", "serving", "--json")
    assert done.exit_code == 1
    remarks = json.loads(done.stdout)["remarks"]
    assert remarks[0]["severity"] == "error"
    assert {"baselines.firmware", "workloads"} <= {each["place"] for each in remarks}

    done = desks.as_("ada", "policy", "lint", proposed(desks, body), "--no-nodes")
    assert done.exit_code == 1
    assert "reference-values 'firmware' is not in force" in done.stdout


def test_a_body_needs_its_subject(desks: Desks, body: Path) -> None:
    done = desks.as_("ada", "policy", "impact", body)
    assert done.exit_code == 2


def test_an_impact_is_kept_written_and_signed(desks: Desks, body: Path, tmp_path: Path) -> None:
    digest = proposed(desks, body)
    file = tmp_path / "preview.json"
    found = desks.json("bela", "policy", "impact", digest, "-o", file)
    assert (found["statement"], found["nodes"]) == (digest, [])

    desks.json("bela", "proposal", "approve", digest, "--yes")
    done = desks.json("chen", "proposal", "approve", digest, "--yes", "--preview", file)
    signed = {each["officer"]: each["preview"] for each in done["decisions"]}
    assert signed == {"bela": found["digest"], "chen": found["digest"]}
    assert done["one_preview"] is True
    shown = desks.as_("ada", "proposal", "show", digest)
    assert "the same for all" in shown.stdout


def test_whoever_computed_none_or_wants_none_signs_none(desks: Desks, body: Path) -> None:
    digest = proposed(desks, body)
    done = desks.as_("bela", "proposal", "approve", digest, "--yes")
    assert "No impact preview was computed here lately" in done.stderr
    desks.json("chen", "policy", "impact", digest)
    done = desks.as_("chen", "proposal", "approve", digest, "--yes", "--no-preview", "--json")
    document = json.loads(done.stdout)
    assert [each["preview"] for each in document["decisions"]] == [None, None]
    assert document["one_preview"] is False


def test_two_who_looked_at_different_things_are_told(desks: Desks, body: Path) -> None:
    digest = proposed(desks, body)
    desks.json("bela", "policy", "impact", digest)
    desks.json("bela", "proposal", "approve", digest, "--yes")
    done = desks.as_("chen", "proposal", "approve", digest, "--yes", "--no-preview")
    assert "NOT the same for all" in done.stdout


def test_a_preview_of_something_else_is_not_signed(
    desks: Desks, body: Path, tmp_path: Path
) -> None:
    digest, file = proposed(desks, body), tmp_path / "preview.json"
    desks.json("bela", "policy", "impact", body, "--subject", "serving", "-o", file)
    done = desks.as_("bela", "proposal", "approve", digest, "--yes", "--preview", file)
    assert done.exit_code == 1
    assert "of something else" in done.stderr
    file.write_text("{}")
    done = desks.as_("bela", "proposal", "approve", digest, "--yes", "--preview", file)
    assert "is no impact preview" in done.stderr
    done = desks.as_("bela", "proposal", "approve", digest, "--preview", file, "--no-preview")
    assert done.exit_code == 2


def test_somebodys_preview_is_computed_again(desks: Desks, body: Path, tmp_path: Path) -> None:
    digest, file = proposed(desks, body), tmp_path / "preview.json"
    desks.json("bela", "policy", "impact", digest, "-o", file)
    done = desks.as_("chen", "policy", "impact", digest, "--verify", file)
    assert done.exit_code == 0, done.output
    assert "the same comes out here" in done.stdout

    file.write_bytes(file.read_bytes().replace(b'"size":', b'"size":1'))
    done = desks.as_("chen", "policy", "impact", digest, "--verify", file)
    assert done.exit_code == 1
    assert "log size" in done.stderr


def test_an_approval_at_a_station_names_the_file(desks: Desks, body: Path, tmp_path: Path) -> None:
    digest = proposed(desks, body)
    carried, file = tmp_path / "p.json", tmp_path / "preview.json"
    desks.json("bela", "policy", "impact", digest, "-o", file)
    desks.json("bela", "proposal", "export", digest, "-o", carried)
    desks.json("chen", "proposal", "approve", carried, "--yes", "--preview", file)
    done = desks.json("chen", "proposal", "import", tmp_path / "p.chen.json")
    assert done["decisions"][0]["preview"] is not None
