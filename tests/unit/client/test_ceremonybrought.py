"""A statement on a stick: verified by the pinned authority, and who is missing is said."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.times import format_time
from keyturn.ceremony.script import ScriptKind
from keyturn.client.ceremonybrought import (
    Brought,
    LetsNothing,
    check_quorum,
    enter_brought,
    read_brought,
)
from keyturn.client.errors import MalformedAnswer, ServerLied
from keyturn.keyholder.server import KeyholderServer
from keyturn.quorum.bundle import Authority, load_bundle, make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn.wire.keyholder import AnyRequest, Submit
from support.authority import Clock, policy_body
from unit.client.scripted_server import ScriptedServer
from unit.quorum.authority_log import ceremony, restore

SERVER = ScriptedServer(Clock())
KEK = "7e" * 32
NOW = SERVER.clock()
WINDOW = {
    "not_before": format_time(NOW - timedelta(minutes=1)),
    "not_after": format_time(NOW + timedelta(days=1)),
}
MADE = SERVER.authority.propose(Kind.RESTORE, KEK, restore(**WINDOW))
THREE = [SERVER.authority.approval(MADE.digest, each) for each in ("bela", "chen", "dora")]


def authority(server: ScriptedServer = SERVER) -> Authority:
    return load_bundle(make_bundle(server.state), server.fingerprint, NOW)


def document(**changed: object) -> bytes:
    fields: dict[str, object] = {
        "type": "proposal-export",
        "format": 1,
        "statement": b64(MADE.raw),
        "approvals": [b64(each) for each in THREE],
        "bundle": "",
    }
    return json.dumps({**fields, **changed}).encode()


def read(**changed: object) -> Brought:
    return read_brought(document(**changed), authority(), NOW)


def test_with_its_quorum_it_lets_its_ceremony_happen() -> None:
    found = read()
    assert (found.kind, found.digest) == (ScriptKind.RESTORE, MADE.digest)
    assert found.approved_by == ("bela", "chen", "dora")
    assert (found.needed, found.missing) == (3, 0)
    check_quorum(found)


def test_a_statement_of_any_other_ceremony_names_its_kind() -> None:
    made = SERVER.authority.propose(Kind.CEREMONY, "backup-1", ceremony(**WINDOW))
    found = read(statement=b64(made.raw), approvals=[])
    assert found.kind is ScriptKind(ceremony()["ceremony"])


def test_who_is_missing_is_said() -> None:
    found = read(approvals=[b64(THREE[0])])
    assert (found.approved_by, found.missing) == (("bela",), 2)
    assert {OfficerId("chen"), OfficerId("dora")} <= set(found.could)
    assert OfficerId("ada") not in found.could  # who proposed does not approve
    with pytest.raises(LetsNothing, match="too few") as error:
        check_quorum(found)
    assert error.value.found == "1: bela"
    assert "2 more of" in error.value.hint
    assert "chen" in error.value.hint


def test_of_another_authority_it_is_a_lie() -> None:
    other = ScriptedServer(Clock())
    with pytest.raises(ServerLied):
        read_brought(document(), authority(other), NOW)
    with pytest.raises(ServerLied, match="not the pinned one"):
        read(bundle=b64(make_bundle(other.state)))


def test_a_forged_approval_is_a_lie() -> None:
    strangers = ScriptedServer(Clock()).authority.approval(MADE.digest, "emil")
    with pytest.raises(ServerLied):
        read(approvals=[*(b64(each) for each in THREE), b64(strangers)])
    other = SERVER.authority.approval(
        SERVER.authority.propose(Kind.POLICY, "serving", policy_body()).digest, "bela"
    )
    with pytest.raises(ServerLied):
        read(approvals=[b64(other)])


def test_a_newer_roster_that_it_brings_decides() -> None:
    server = ScriptedServer(Clock())
    before = load_bundle(make_bundle(server.state), server.fingerprint, NOW)
    body = server.authority.roster_body()
    thresholds = body["thresholds"]
    assert isinstance(thresholds, dict)
    server.enact(Kind.ROSTER, "roster", {**body, "thresholds": {**thresholds, "restore": 4}})
    made = server.authority.propose(Kind.RESTORE, KEK, restore(**WINDOW))
    raw = document(statement=b64(made.raw), approvals=[], bundle=b64(make_bundle(server.state)))
    assert read_brought(raw, before, NOW).needed == 4
    old = document(statement=b64(made.raw), approvals=[], bundle=b64(make_bundle(before.state)))
    newest = load_bundle(make_bundle(server.state), server.fingerprint, NOW)
    assert read_brought(old, newest, NOW).needed == 4  # never an older one


def test_what_lets_nothing_happen() -> None:
    policy = SERVER.authority.propose(Kind.POLICY, "serving", policy_body())
    with pytest.raises(LetsNothing, match="no ceremony"):
        read(statement=b64(policy.raw), approvals=[])
    for at in (NOW - timedelta(minutes=2), NOW + timedelta(days=1)):
        with pytest.raises(LetsNothing, match="not now"):
            read_brought(document(), authority(), at)


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "proposal"},
        {"format": 2},
        {"statement": "%"},
        {"statement": b64(b"{}")},
        {"approvals": ["%"]},
        {"approvals": [b64(b"{}")]},
        {"approvals": [1]},
        {"approvals": None},
        {"bundle": "%"},
        {"bundle": b64(b"{}")},
        {"more": 1},
    ],
)
def test_what_has_not_the_form_is_malformed(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedAnswer):
        read(**changed)
    with pytest.raises(MalformedAnswer):
        read_brought(document()[:-1], authority(), NOW)


@contextmanager
def keyholder(path: Path, in_force: bool) -> Iterator[list[AnyRequest]]:
    """Something at a socket that takes whatever is submitted."""
    asked: list[AnyRequest] = []

    def answer(request: AnyRequest) -> dict[str, object]:
        asked.append(request)
        return {
            "ok": True,
            "in_force": in_force,
            "index": 4,
            "receipt": None,
            "wrapped": None,
            "kek": None,
        }

    server = KeyholderServer(path, answer, lambda _: None)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield asked
    finally:
        server.stop()
        thread.join(10)


def test_a_keyholder_is_given_the_exact_bytes_and_only_with_the_quorum(tmp_path: Path) -> None:
    path = tmp_path / "k.sock"
    with keyholder(path, in_force=True) as asked:
        with pytest.raises(LetsNothing, match="too few"):
            enter_brought(path, read(approvals=[]))
        enter_brought(path, read())
    assert asked == [Submit(MADE.raw, tuple(THREE))]


def test_what_is_no_longer_in_force_is_said(tmp_path: Path) -> None:
    path = tmp_path / "k.sock"
    with keyholder(path, in_force=False), pytest.raises(LetsNothing, match="no longer"):
        enter_brought(path, read())
