"""Bodies of roster changes, from the one in force."""

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.signatures import key_id_of
from keyturn.client.changes import body_of
from keyturn.client.errors import NotFound
from keyturn.client.rosterchange import (
    approvers_of_keys_leaving,
    keys_meant,
    with_officer,
    without_officers,
)
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import AuthorityState
from support.authority import Person, make_people, spki
from unit.quorum.authority_log import AuthorityLog
from unit.quorum.bodies_reader import read_body

REST = ("chen", "dora", "emil")


@pytest.fixture
def log() -> AuthorityLog:
    made = AuthorityLog()
    made.enact_keys()  # signed by ada, bela, chen, dora
    return made


def key(log: AuthorityLog, name: str) -> str:
    return key_id_of(spki(log.authority.people[name].keys[0]))


def roster(body: object) -> Roster:
    assert isinstance(body, dict)
    found = read_body(Kind.ROSTER, body)
    assert isinstance(found, Roster)
    return found


def test_exactly_one_officer_more(log: AuthorityLog) -> None:
    zoe = Person("zoe", make_people(["zoe"])["zoe"].keys)
    officer = roster(
        log.authority.roster_body(officers=[*log.authority.roster_body()["officers"], zoe.entry()])
    ).officers  # type: ignore[misc,has-type]
    body = with_officer(log.state, officer["zoe"])  # type: ignore[index]
    before = body_of(log.state.newest[(Kind.ROSTER, "roster")].statement)

    assert body["officers"] == [
        *before["officers"],
        {**zoe.entry(), "roles": ["approver", "proposer"]},
    ]  # type: ignore[misc]
    assert {**body, "officers": 0} == {**before, "officers": 0}
    assert list(roster(body).officers) == ["ada", "bela", *REST, "zoe"]


def test_some_fewer_and_why(log: AuthorityLog) -> None:
    plain = without_officers(log.state, ["bela"], [])
    assert "compromised" not in plain
    assert list(roster(plain).officers) == ["ada", *REST]
    lost = without_officers(log.state, ["bela"], keys_meant(log.state, ["bela"]))
    assert roster(lost).compromised == {key(log, "bela")}
    with pytest.raises(NotFound, match="no such officer"):
        without_officers(log.state, ["zoe"], [])


def test_what_was_named_compromised_is_said_once(log: AuthorityLog) -> None:
    log.remove("bela", compromised=["bela"], approvers=REST)
    assert "compromised" not in without_officers(log.state, [], [])


def test_keys_are_named_by_officer_or_id(log: AuthorityLog) -> None:
    assert keys_meant(log.state, ["bela", key(log, "chen")]) == {key(log, "bela"), key(log, "chen")}
    for name in ("zoe", "AB" * 32, "ab" * 31):
        with pytest.raises(NotFound, match="neither an officer"):
            keys_meant(log.state, [name])


def test_who_signed_keys_and_would_be_gone(log: AuthorityLog) -> None:
    def leaving(*names: str) -> tuple[str, ...]:
        return approvers_of_keys_leaving(log.state, roster(without_officers(log.state, names, [])))

    assert leaving() == leaving("emil") == ()
    assert leaving("bela") == ("bela",)
    assert leaving("ada") == ("ada",)


def test_without_a_roster_nothing_is_composed() -> None:
    empty = AuthorityState(Digest("sha256:" + "00" * 32))
    with pytest.raises(NotFound, match="no roster"):
        without_officers(empty, [], [])
    with pytest.raises(NotFound, match="no roster"):
        keys_meant(empty, [])
    assert approvers_of_keys_leaving(empty, roster(AuthorityLog().authority.roster_body())) == ()
