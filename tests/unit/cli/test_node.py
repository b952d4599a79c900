"""`keyturn node`: every state with its age, and every failed check with found and expected."""

from pathlib import Path

import pytest

from unit.cli.officer_desk import Desks, make_desks
from unit.client.test_client import node_view

REASON = {
    "check": "snp-measurement",
    "reason": "unknown-measurement",
    "found": "aa",
    "expected": "bb",
    "statement": "sha256:" + "1" * 64,
    "hint": "approve a baseline that names it",
}


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    made = make_desks(tmp_path, monkeypatch)
    made.server.nodes = [node_view(), node_view(name="n2", state="refused", reasons=[REASON])]
    return made


def test_list_shows_states_ages_and_that_they_are_simulated(desks: Desks) -> None:
    result = desks.as_("ada", "node", "list")
    assert result.exit_code == 0, result.output
    for text in ("unknown SIMULATED", "refused SIMULATED", "1 s"):
        assert text in result.stdout
    assert "attested" not in result.stdout  # claimed by the server, unknown to the log


def test_show_tells_why(desks: Desks) -> None:
    document = desks.json("ada", "node", "show", "n2")
    assert document["reasons"] == [REASON]
    assert document["log_refusal"] is None
    people = desks.as_("ada", "node", "show", "n2")
    for text in ("unknown-measurement", "aa", "bb", "sha256:111111111111", "approve a baseline"):
        assert text in people.stdout


def test_an_unknown_node_is_refused(desks: Desks) -> None:
    result = desks.as_("ada", "node", "show", "n3")
    assert result.exit_code == 1
    assert "no node" in result.stderr
