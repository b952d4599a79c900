"""`keyturn proposal list --expiring`, `renew` and `calendar`."""

from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.times import format_time
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from unit.cli.officer_desk import Desks, make_desks
from unit.quorum.authority_log import CAST, ceremony, platforms


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    made = make_desks(tmp_path, monkeypatch)
    server = made.server
    proposal = server.authority.approved(
        Kind.PLATFORMS, "eu", platforms("amd-genoa-00"), life=timedelta(days=10, hours=1)
    )
    server.enter(proposal)
    server.authority.entered(Kind.PLATFORMS, "eu", proposal)
    server.enact(Kind.POLICY, "serving", policy_body())
    return made


def test_what_expires_within_a_fortnight(desks: Desks) -> None:
    found = desks.json("ada", "proposal", "list", "--expiring")
    (only,) = found["expiring"]
    assert (found["days"], found["simulated"]) == (14, True)
    assert (only["kind"], only["subject"], only["days_left"]) == ("platforms", "eu", 10)
    shown = desks.as_("ada", "proposal", "list", "--expiring").stdout
    assert "keyturn proposal renew platforms eu" in shown
    assert "serving" not in shown


def test_within_another_time(desks: Desks) -> None:
    all_of_them = desks.json("ada", "proposal", "list", "--expiring", "--within-days", "400")
    kinds = [each["kind"] for each in all_of_them["expiring"]]
    assert kinds == ["platforms", "keys", "policy", "roster"]
    none = desks.as_("ada", "proposal", "list", "--expiring", "--within-days", "3")
    assert "Nothing in force expires within 3 days" in none.stdout
    both = desks.as_("ada", "proposal", "list", "--expiring", "--status", "open")
    assert both.exit_code == 2


def test_renewed_is_the_same_body_as_the_next_version(desks: Desks) -> None:
    old = desks.server.state.newest[(Kind.PLATFORMS, "eu")].statement
    made = desks.json("ada", "proposal", "renew", "platforms", "eu", "--expires-days", "30")
    assert (made["version"], made["replaces"]) == (2, old.digest)
    assert made["body"] == platforms("amd-genoa-00")
    assert made["reason"] == "renewed unchanged"
    for name in ("bela", "chen"):
        done = desks.json(name, "proposal", "approve", made["digest"], "--yes")
    assert done["in_force"] is True
    left = desks.json("ada", "proposal", "list", "--expiring")
    assert left["expiring"] == []


def test_what_cannot_be_renewed(desks: Desks) -> None:
    never = desks.as_("ada", "proposal", "renew", "policy", "other")
    assert never.exit_code == 1
    assert "was ever in force" in never.stderr
    revocation = desks.as_("ada", "proposal", "renew", "revocation", "node:n1")
    assert revocation.exit_code == 2


def test_a_calendar_of_everything_that_ends(desks: Desks, tmp_path: Path) -> None:
    path, again = tmp_path / "a.ics", tmp_path / "b.ics"
    assert desks.json("ada", "proposal", "calendar", "-o", path)["events"] == 4
    said = desks.as_("ada", "proposal", "calendar", "-o", again)
    assert "4 expiries written" in said.stdout
    assert path.read_bytes() == again.read_bytes()
    assert b"SUMMARY:SIMULATED: platforms eu expires" in path.read_bytes()
    assert desks.as_("ada", "proposal", "calendar", "-o", path).exit_code == 1


def test_when_a_ceremony_may_be_held_is_in_the_calendar(desks: Desks, tmp_path: Path) -> None:
    people = desks.server.authority.people
    for name, roles in CAST.items():
        people[name].roles = roles
    desks.server.enact(Kind.ROSTER, "roster", desks.server.authority.roster_body())
    start = desks.server.clock() + timedelta(days=1)
    window = {
        "not_before": format_time(start),
        "not_after": format_time(start + timedelta(hours=8)),
    }
    desks.server.enact(Kind.CEREMONY, "backup-2026", ceremony(**window))
    out = tmp_path / "all.ics"
    found = desks.json("ada", "proposal", "calendar", "-o", out)
    assert found["events"] == 5  # of statements that end: roster, keys, list, policy, ceremony
    lines = out.read_text().replace("\r\n ", "").splitlines()
    assert f"DTSTART:{start:%Y%m%dT%H%M%SZ}" in lines
    assert any("ceremony backup-2026 may be held" in each for each in lines)
    assert any("ceremony backup-2026 expires" in each for each in lines)
