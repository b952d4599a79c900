"""Rosters: who may do what, and that no roster locks everybody out (our protocol §2.6; I3)."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keyturn.base.encoding import b64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import parse_object
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, Role
from keyturn.quorum.roster import Roster, parse_officer
from support.authority import OFFICERS, Authority, Clock, Person, spki
from unit.quorum.bodies_reader import Document, changed, read_body

AUTHORITY = Authority(Clock())
BODY = AUTHORITY.roster_body()
WITNESS = ed25519.Ed25519PrivateKey.generate()


def roster(body: Document) -> Roster:
    found = read_body(Kind.ROSTER, body)
    assert isinstance(found, Roster)
    return found


def entries(**roles: tuple[str, ...]) -> list[Document]:
    """The five officers; these roles instead of their own."""
    people = AUTHORITY.people
    return [Person(n, people[n].keys, roles.get(n, people[n].roles)).entry() for n in OFFICERS]


def thresholds(**counts: int) -> Document:
    return {kind.value: counts.get(kind.value, n) for kind, n in DEFAULT_THRESHOLDS.items()}


def witness_keys(*keys: ed25519.Ed25519PrivateKey) -> list[Document]:
    return [{"algorithm": "ed25519", "spki": b64(spki(key))} for key in keys]


def test_everything_is_read() -> None:
    found = roster(
        changed(BODY, "witnesses", {"keys": witness_keys(WITNESS), "k": 1, "t_seconds": 60})
    )

    assert found.simulation
    assert tuple(found.officers) == OFFICERS
    assert dict(found.thresholds) == DEFAULT_THRESHOLDS
    assert found.proposer_may_approve == {Kind.REVOCATION}
    assert (found.witnesses.k, found.witnesses.t_seconds) == (1, 60)
    assert [key.spki for key in found.witnesses.keys] == [spki(WITNESS)]


def test_keys_are_found_by_their_id() -> None:
    found = roster(BODY)
    for officer in found.officers.values():
        for key in officer.keys:
            assert found.keys[key.key_id] is key
            assert found.officer_of(key.key_id) is officer
    assert len(found.keys) == 5
    assert found.officer_of(next(iter(roster_of_strangers().keys))) is None


def roster_of_strangers() -> Roster:
    return roster(Authority(Clock()).roster_body())


def test_an_officer_reads_back() -> None:
    entry = {**AUTHORITY.people["bela"].entry(), "hpke": b64(bytes(32))}
    raw = json.dumps(entry).encode()
    found = parse_officer(parse_object(raw, limit=1 << 16, what="officer"))

    assert (found.id, found.name) == ("bela", "Officer Bela")
    assert found.roles == {Role.PROPOSER, Role.APPROVER}
    assert found.hpke == bytes(32)
    assert found.to_document() == {**entry, "roles": ["approver", "proposer"]}
    assert roster(BODY).officers[found.id].to_document()["hpke"] is None


@pytest.mark.parametrize("path", [*BODY, "officers.0.id", "officers.0.hpke", "witnesses.k"])
def test_every_field_is_needed(path: str) -> None:
    with pytest.raises(MalformedError, match="is missing"):
        roster(changed(BODY, path, ...))


@pytest.mark.parametrize(
    "path",
    ["more", "officers.0.more", "officers.0.keys.0.more", "witnesses.more", "thresholds.more"],
)
def test_no_other_field_is_there(path: str) -> None:
    with pytest.raises(MalformedError, match="unknown field"):
        roster(changed(BODY, path, 3))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("simulation", 1),
        ("officers", []),
        ("officers.1.id", "ada"),
        ("officers.0.id", "Ada"),
        ("officers.0.id", "a da"),
        ("officers.0.id", "-"),
        ("officers.0.id", "ä"),
        ("officers.0.id", "ada\n"),
        ("officers.0.id", "a" * 65),
        ("officers.0.name", ""),
        ("officers.0.roles", ["king"]),
        ("officers.0.roles", ["approver", "approver"]),
        ("officers.0.keys", []),
        ("officers.0.keys.0.algorithm", "p256"),
        ("officers.0.keys.0.algorithm", "rsa-3072"),
        ("officers.0.keys.0.spki", b64(b"no key")),
        ("officers.0.hpke", b64(bytes(31))),
        ("proposer_may_approve", ["everything"]),
        ("witnesses.k", 1),
        ("witnesses.t_seconds", 0),
        ("witnesses.t_seconds", 86_401),
        ("thresholds.policy", ...),
        ("thresholds.policy", "2"),
    ],
)
def test_another_form_is_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        roster(changed(BODY, path, value))


def test_no_key_stands_twice() -> None:
    people = AUTHORITY.people
    for taken in (people["ada"].keys[0], people["chen"].keys[0]):
        twice = people["chen"].entry()
        twice["keys"] = Person("chen", [people["chen"].keys[0], taken]).entry()["keys"]
        with pytest.raises(MalformedStatement, match="one key stands twice"):
            roster(changed(BODY, "officers.2", twice))
    assert len(roster(BODY).keys) == 5


def test_no_witness_counts_twice() -> None:
    """One witness listed twice would be a quorum of two by itself."""
    twice = {"keys": witness_keys(WITNESS, WITNESS), "k": 2, "t_seconds": 60}
    with pytest.raises(MalformedStatement, match="one key stands twice"):
        roster(changed(BODY, "witnesses", twice))

    other = ed25519.Ed25519PrivateKey.generate()
    two = {"keys": witness_keys(WITNESS, other), "k": 2, "t_seconds": 60}
    assert roster(changed(BODY, "witnesses", two)).witnesses.k == 2


def test_an_officers_key_is_no_witness_key() -> None:
    officer = AUTHORITY.people["ada"].keys[0]
    assert isinstance(officer, ed25519.Ed25519PrivateKey)
    same = {"keys": witness_keys(officer), "k": 1, "t_seconds": 60}

    with pytest.raises(MalformedStatement, match="one key stands twice"):
        roster(changed(BODY, "witnesses", same))


def test_witnesses_sign_with_ed25519() -> None:
    p256 = ec.generate_private_key(ec.SECP256R1())
    keys = [{"algorithm": "p256", "spki": b64(spki(p256))}]

    with pytest.raises(MalformedError, match="'algorithm' is wrong"):
        roster(changed(BODY, "witnesses", {"keys": keys, "k": 1, "t_seconds": 60}))


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_no_one_person_decides_but_a_revocation(kind: Kind) -> None:
    alone = changed(BODY, f"thresholds.{kind.value}", 1)
    if kind is Kind.REVOCATION:
        assert roster(alone).thresholds[kind] == 1
        return
    with pytest.raises(MalformedStatement, match=f"threshold of {kind.value}"):
        roster(alone)


@pytest.mark.parametrize("count", [0, -1, 6])
def test_a_threshold_is_between_none_and_all(count: int) -> None:
    with pytest.raises(MalformedStatement, match="threshold of revocation"):
        roster(changed(BODY, "thresholds.revocation", count))


def test_a_threshold_that_the_proposer_would_have_to_complete_is_refused() -> None:
    """Five approvers, all of whom propose: four are left to approve."""
    with pytest.raises(MalformedStatement, match="policy can never be reached") as refused:
        roster(changed(BODY, "thresholds.policy", 5))
    assert refused.value.expected.startswith("at most 4")
    assert roster(changed(BODY, "thresholds.policy", 4)).thresholds[Kind.POLICY] == 4


def test_five_of_five_where_the_proposer_counts() -> None:
    body = changed(BODY, "proposer_may_approve", ["policy"])
    assert roster(changed(body, "thresholds.policy", 5)).thresholds[Kind.POLICY] == 5


def test_five_of_five_where_somebody_only_proposes() -> None:
    clerk = Person("clerk", [ed25519.Ed25519PrivateKey.generate()], ("proposer",))
    body = changed(BODY, "officers", [*entries(), clerk.entry()])
    assert roster(changed(body, "thresholds.policy", 5)).thresholds[Kind.POLICY] == 5


def test_a_roster_without_a_proposer_is_refused() -> None:
    nobody = {name: ("approver",) for name in OFFICERS}
    with pytest.raises(MalformedStatement, match="nobody may propose"):
        roster(changed(BODY, "officers", entries(**nobody)))

    assert roster(changed(BODY, "officers", entries(**{**nobody, "ada": ("proposer",)})))


def test_a_roster_without_enough_approvers_is_refused() -> None:
    few = {name: ("proposer", "auditor") for name in OFFICERS[2:]}
    with pytest.raises(MalformedStatement, match="threshold of roster"):
        roster(changed(BODY, "officers", entries(**few)))
