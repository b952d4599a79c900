"""A roster's body with something of it changed: that, and nothing else."""

from dataclasses import replace

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId, key_id_of
from keyturn.base.strictjson import JsonObject
from keyturn.client.changes import body_of, changes
from keyturn.client.errors import NotFound
from keyturn.client.rosteredit import RosterEdit, check, separation_of
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.separation import STRICT
from support.authority import make_people, spki
from unit.quorum.authority_log import AuthorityLog

LOG = AuthorityLog()
IN_FORCE = body_of(LOG.state.newest[(Kind.ROSTER, "roster")].statement)
PEOPLE = LOG.authority.people
APART = frozenset({Role.PROPOSER, Role.CUSTODIAN})
STRICTLY = frozenset({Role.APPROVER, Role.AUDITOR})


def key_of(name: str) -> KeyId:
    return key_id_of(spki(PEOPLE[name].keys[0]))


def places(edit: RosterEdit) -> list[str]:
    return [each.place for each in changes(IN_FORCE, edit.body(LOG.state))]


def body(edit: RosterEdit) -> JsonObject:
    return edit.body(LOG.state)


def test_an_empty_edit_changes_nothing() -> None:
    assert not RosterEdit()
    assert body(RosterEdit()) == IN_FORCE


def test_roles_come_and_go() -> None:
    edit = RosterEdit(roles={("emil", Role.WITNESS): True, ("emil", Role.PROPOSER): False})
    found = check(body(edit))
    assert found.officers["emil"].roles == {Role.APPROVER, Role.WITNESS}  # type: ignore[index]
    assert found.officers["dora"].roles == {Role.APPROVER, Role.PROPOSER}  # type: ignore[index]
    assert set(places(edit)) == {"officers"}


def test_roles_that_are_held_already_change_nothing() -> None:
    assert body(RosterEdit(roles={("emil", Role.PROPOSER): True})) == IN_FORCE


def test_thresholds() -> None:
    edit = RosterEdit(thresholds={Kind.POLICY: 3})
    assert check(body(edit)).thresholds[Kind.POLICY] == 3
    assert places(edit) == ["thresholds.policy"]


def test_whether_proposers_approve() -> None:
    edit = RosterEdit(proposer_may_approve={Kind.POLICY: True, Kind.REVOCATION: False})
    assert check(body(edit)).proposer_may_approve == {Kind.POLICY}
    assert set(places(edit)) == {"proposer_may_approve"}


def test_what_is_said_of_separation_adds_to_what_holds() -> None:
    added = body(RosterEdit(apart={APART: True}, required={Role.APPROVER: 4}))
    assert separation_of(added).apart == STRICT.apart | {APART}
    assert separation_of(added).required == {Role.APPROVER: 4}
    ended = RosterEdit(apart={APART: False, STRICTLY: False}, required={Role.APPROVER: 0})
    assert ended.applied(added)["separation"] == {"apart": [], "required": {}}


def test_removed_and_compromised_key_by_key() -> None:
    spare = make_people(["spare"])["spare"].keys[0]
    log = AuthorityLog()
    emil = log.authority.people["emil"]
    first = key_id_of(spki(emil.keys[0]))
    emil.keys.append(spare)
    log.enact(Kind.ROSTER, "roster", log.authority.roster_body())
    lost = key_id_of(spki(spare))

    edit = RosterEdit(compromised=frozenset({lost}))
    found = check(edit.body(log.state))
    assert found.compromised == {lost}
    assert [key.key_id for key in found.officers["emil"].keys] == [first]  # type: ignore[index]

    gone = check(RosterEdit(keys_gone=frozenset({lost})).body(log.state))
    assert gone.compromised == frozenset()
    assert lost not in gone.keys

    both = RosterEdit(removed=frozenset({"emil"}), compromised=frozenset({lost}))
    left = check(both.body(log.state))
    assert (sorted(left.officers), left.compromised) == (["ada", "bela", "chen", "dora"], {lost})


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (RosterEdit(thresholds={Kind.POLICY: 1}), "threshold of policy"),
        (RosterEdit(thresholds={Kind.POLICY: 5}), "can never be reached"),
        (RosterEdit(removed=frozenset({"emil", "dora", "chen"})), "threshold of"),
        (RosterEdit(roles={("emil", Role.CUSTODIAN): True}), "the only custodian"),
        (RosterEdit(roles={("emil", Role.AUDITOR): True}), "two roles that must differ"),
        (RosterEdit(required={Role.WITNESS: 1}), "too few officers with the role witness"),
        (RosterEdit(keys_gone=frozenset({key_of("emil")})), "emil has no key"),
        (RosterEdit(compromised=frozenset({key_of("emil")})), "emil has no key"),
        (
            RosterEdit(roles={(name, Role.PROPOSER): False for name in PEOPLE}),
            "nobody may propose",
        ),
    ],
)
def test_what_the_rules_forbid_is_said(edit: RosterEdit, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        check(body(edit))


@pytest.mark.parametrize(
    "edit",
    [
        RosterEdit(roles={("zoe", Role.WITNESS): True}),
        RosterEdit(removed=frozenset({"zoe"})),
        RosterEdit(keys_gone=frozenset({KeyId("00" * 32)})),
        RosterEdit(removed=frozenset({"emil"}), roles={("emil", Role.WITNESS): True}),
    ],
)
def test_who_is_not_there_cannot_be_changed(edit: RosterEdit) -> None:
    with pytest.raises(NotFound):
        body(edit)


def test_an_edit_is_whatever_differs() -> None:
    assert replace(RosterEdit(), keys_gone=frozenset({key_of("ada")}))
