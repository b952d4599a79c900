"""What is said of witnesses: by verified facts and the clock of now, and nothing better."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.quorum.kinds import Kind
from keyturn_app.facts import Connection, Link
from keyturn_app.witnessing import (
    OwnView,
    WitnessesView,
    WitnessRow,
    count_text,
    overall,
    witnesses_view,
)
from support.cosigning import Cosigning, T, cosigning_desk


@pytest.fixture
def scene(tmp_path: Path) -> Cosigning:
    return cosigning_desk(tmp_path)


def view(scene: Cosigning) -> WitnessesView:
    return witnesses_view(scene.desk)


def own(scene: Cosigning) -> OwnView:
    return view(scene).own


def rows(scene: Cosigning) -> dict[str, WitnessRow]:
    return {each.name: each for each in view(scene).rows}


def lose(scene: Cosigning, link: Link = Link.RECONNECTING) -> None:
    lost = Connection(link, heard=scene.clock())
    scene.desk.show(replace(scene.desk.facts, connection=lost))


def test_without_witnesses_it_says_so(scene: Cosigning) -> None:
    found = view(scene)
    assert (found.look.word, found.rows) == ("No witness", ())
    assert "caveat no-witness" in found.text
    assert (found.own.look.word, found.own.in_roster) == ("Not a witness", False)
    assert found.own.spki
    assert count_text(scene.desk.facts, scene.clock()) == ""


def test_both_cosigned(scene: Cosigning) -> None:
    scene.require()
    scene.pen_cosigns()
    scene.refresh()
    found = view(scene)
    assert (found.look.word, found.look.token) == ("Witnessed", "ok")
    assert found.needed == "A release needs 2 of 2, none older than 300 s"
    assert count_text(scene.desk.facts, scene.clock()) == "2 of 2"
    size = f"{len(scene.server.leaves):,}"
    for name, mine in (("one.example", False), ("officer-ada", True)):
        row = rows(scene)[name]
        assert (row.size, row.age, row.look.word, row.own) == (size, "0 s ago", "Fresh", mine)
    assert (found.own.look.word, found.own.in_roster) == ("Cosigning", True)
    assert found.own.text == f"Cosigned {size} entries 0 s ago."


def test_what_is_older_than_t_is_not_fresh_by_the_clock_alone(scene: Cosigning) -> None:
    scene.require()
    scene.pen_cosigns()
    scene.refresh()
    scene.clock.advance(seconds=T)
    assert view(scene).look.token == "ok"
    scene.clock.advance(seconds=1)  # nothing was asked meanwhile
    found = view(scene)
    assert (found.look.word, found.look.token) == ("Too few witnesses", "danger")
    assert "Releases are refused" in found.text
    assert {each.look.word for each in found.rows} == {"Not fresh"}
    assert found.own.look.word == "Not cosigning"
    assert count_text(scene.desk.facts, scene.clock()) == "0 of 2"

    scene.refresh()  # the app cosigns again, the other one does not
    assert count_text(scene.desk.facts, scene.clock()) == "1 of 2"
    assert rows(scene)["one.example"].look.word == "Not fresh"


def test_one_that_said_nothing_and_one_from_the_future_do_not_count(scene: Cosigning) -> None:
    scene.require(k=1)
    scene.refresh()
    assert rows(scene)["—"].look.word == "Nothing yet"
    scene.pen_cosigns(ahead=T + 1)
    scene.refresh()
    assert rows(scene)["one.example"].look.word == "From the future"


def test_without_a_connection_nothing_is_green(scene: Cosigning) -> None:
    scene.require()
    scene.pen_cosigns()
    scene.refresh()
    for link in (Link.RECONNECTING, Link.STALE, Link.OFFLINE, Link.DISTRUSTED):
        lose(scene, link)
        found = view(scene)
        looks = [found.look, found.own.look, *(each.look for each in found.rows)]
        assert "ok" not in [each.token for each in looks]
        assert "Not cosigning" in found.own.look.word


def test_locked_it_does_not_cosign(scene: Cosigning) -> None:
    scene.require()
    scene.refresh()
    scene.desk.identity = replace(scene.desk.identity, locked=True)
    assert own(scene).look.word == "Not cosigning"
    assert "while your key is open" in own(scene).text


def test_a_missing_revocation_is_named_with_its_time(scene: Cosigning) -> None:
    scene.require(k=1)
    scene.refresh()
    made = scene.revocation()
    scene.hand(made)
    scene.clock.advance(seconds=5)
    scene.refresh()
    found = own(scene)
    assert (found.look.word, found.look.token) == ("Not cosigning", "danger")
    assert "The log lacks 1 revocation" in found.text
    assert found.owed == (
        "Revocation of node:node-1, version 1: missing since 2026-11-23 08:00:00 UTC",
    )
    scene.server.enter(made)
    scene.server.authority.entered(Kind.REVOCATION, "node:node-1", made)
    scene.refresh()
    assert (own(scene).look.word, own(scene).owed) == ("Cosigning", ())


def test_a_clock_that_went_back_and_a_damaged_memory_are_said(
    scene: Cosigning, tmp_path: Path
) -> None:
    scene.require(k=1)
    scene.refresh()
    scene.clock.advance(seconds=-30)
    scene.refresh()
    assert "clock" in own(scene).text
    (file,) = tmp_path.rglob("cosigner-ada.json")
    file.write_bytes(b"{}")
    scene.refresh()
    assert own(scene).look.word == "Not cosigning"
    assert "cosigner-ada.json" in own(scene).text
    assert rows(scene)["officer-ada"].own is False  # not known, so not said


def test_before_anything_is_known(scene: Cosigning) -> None:
    scene.desk.show(replace(scene.desk.facts, seen=None, witnesses=None))
    found = view(scene)
    assert (found.look.word, found.own.look.word, found.needed) == ("Unknown", "Unknown", "")
    assert overall(scene.desk.facts, scene.clock()).token == "unknown"
