"""`keyturn ceremony open`: the administrator's plan, whole, and shown before it is signed."""

import json
from pathlib import Path

import pytest

from keyturn.ceremony.plan import KekProfile
from support.ceremonycommands import GENESIS
from unit.cli.ceremony_host import at_step


def test_a_genesis_is_opened(tmp_path: Path) -> None:
    with at_step(tmp_path, None) as at:
        at.commands.open_genesis("rehearsal-g", "--rehearsal")
        assert at.host.play is not None
        plan = at.host.play.plan
    assert (plan.administrator, plan.witness, plan.scribe) == ("hana", "viktor", "sofia")
    assert plan.kek_profile is KekProfile.RECOVERABLE
    assert plan.founding is not None
    assert plan.founding.roster.simulation
    assert len(plan.founding.roster.officers) == 11


def test_it_is_shown_and_has_to_be_confirmed(tmp_path: Path) -> None:
    with at_step(tmp_path, None) as at:
        arguments = ("open", "genesis", "--rehearsal", *GENESIS, *at.commands.founders())
        result = at.commands.run("hana", *arguments)
        assert result.exit_code == 2
        assert "3 of 5: ada, bela, chen, dora, emil" in result.stdout
        assert "REHEARSAL" in result.stderr
        assert at.host.play is None
        assert "Opened: rehearsal-genesis-" in at.commands.run("hana", *arguments, "--yes").stdout


def test_a_roster_by_file(tmp_path: Path) -> None:
    roster = tmp_path / "roster.json"
    with at_step(tmp_path, None) as at:
        roster.write_text(json.dumps(at.commands.cast.body()), encoding="utf-8")
        arguments = ("--rehearsal", *GENESIS[:-1], "--roster", roster, "--yes")
        at.commands.json("hana", "open", "genesis", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--origin", "log"),
        ("--roster", "none.json"),
        ("--origin", "log", "--roster", "a", "--founder", "b"),
    ],
)
def test_half_a_founding_is_a_wrong_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with at_step(tmp_path, None) as at:
        whole = ("open", "genesis", "--witness", "viktor", "--yes", *arguments)
        assert at.commands.run("hana", *whole).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--user", "3:ada"), "threshold"),
        (("--user", "three"), "not a scheme"),
        (("--statement", "abc"), "digest"),
        (("--ceremony", "Genesis"), "id"),
        ((), "other shares"),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_signed(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    with at_step(tmp_path, None) as at:
        whole = ("--origin", "log", *at.commands.founders(), *arguments)
        error = at.commands.refused(
            "hana", "open", "genesis", "--witness", "viktor", "--yes", *whole
        )
        assert at.host.play is None
    assert says in error["message"]


def test_an_entry_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with at_step(tmp_path, None) as at:
        whole = (
            "--witness",
            "viktor",
            "--yes",
            "--origin",
            "log",
            "--founder",
            tmp_path / "x.json",
        )
        assert (
            "not a JSON object" in at.commands.refused("hana", "open", "genesis", *whole)["message"]
        )
