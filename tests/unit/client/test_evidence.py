"""The fleet's evidence: each request fetched and verified once; a server that cannot bend it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.client import evidence as module
from keyturn.client.errors import ServerLied
from keyturn.client.evidence import ASK_AGAIN, FleetEvidence, read_batch
from keyturn.keyrelease.observing import MISMATCH, MISSING
from keyturn.keyrelease.request import NodeClaims, ReleaseRequest
from keyturn.policy.observed import Observed
from support.authority import Clock
from unit.client.scripted_server import ScriptedServer
from unit.client.test_examination import refused, released, seen
from unit.keyrelease.release_desk import Desk

NODES = ("n1", "n2", "n3")


@dataclass
class Server:
    """Gives what it has; `asked` are the digests of every question."""

    has: dict[Digest, bytes]
    asked: list[list[Digest]] = field(default_factory=list)

    def fetch(self, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        self.asked.append(list(digests))
        return {each: self.has[each] for each in digests if each in self.has}


@dataclass
class Fleet:
    desk: Desk
    server: Server
    evidence: FleetEvidence
    requests: dict[str, ReleaseRequest]

    def asks(self, name: str) -> ReleaseRequest:
        claims = NodeClaims.make(name, "test", None, ())
        request = self.desk.request(claims=claims)
        self.server.has[request.digest] = request.raw
        self.requests[name] = request
        return request

    def release(self, name: str) -> None:
        released(self.desk, self.desk.granted(self.asks(name)))

    def observe(self, **options: object) -> dict[str, Observed]:
        found = self.evidence.observe_fleet(
            seen(self.desk),
            self.desk.clock(),
            **options,  # type: ignore[arg-type]
        )
        assert [each.node for each in found] == sorted(each.node for each in found)
        return {each.node: each for each in found}

    def count(self) -> int:
        return sum(len(each) for each in self.server.asked)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    server = Server({})
    made = Fleet(Desk(), server, FleetEvidence(server.fetch, tmp_path / "evidence"), {})
    for name in NODES:
        made.release(name)
    return made


def why(found: Observed) -> str | None:
    return found.findings[0].reason


def test_every_node_of_the_log_is_observed_once(fleet: Fleet) -> None:
    told: list[tuple[int, int]] = []
    found = fleet.observe(step=lambda done, total: told.append((done, total)))
    assert tuple(found) == NODES
    assert all(each.measurable for each in found.values())
    assert [len(each) for each in fleet.server.asked] == [3]
    assert told == [(0, 3), (3, 3)]
    assert found["n2"].evidence == fleet.requests["n2"].digest


def test_nothing_is_asked_for_or_verified_again_unless_it_changed(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fleet.observe()
    verified: list[str] = []
    observe = module.observe

    def counting(raw: bytes, logged: module.Logged, **options: object) -> Observed:
        verified.append(logged.entry.node)
        return observe(raw, logged, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "observe", counting)
    assert fleet.observe() == before
    fleet.release("n2")
    after = fleet.observe()
    assert (verified, fleet.count()) == (["n2"], 4)
    assert after["n1"] is before["n1"]
    assert after["n2"].evidence == fleet.requests["n2"].digest


def test_another_run_asks_for_nothing_that_is_on_its_disk(fleet: Fleet, tmp_path: Path) -> None:
    before = fleet.observe()
    fleet.server.has.clear()
    fleet.evidence = FleetEvidence(fleet.server.fetch, tmp_path / "evidence")
    assert fleet.observe() == before
    assert fleet.count() == 3


def test_it_is_asked_for_in_batches_and_stops_between_them(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise Stopped

    monkeypatch.setattr(module, "BATCH", 2)
    with pytest.raises(Stopped):
        fleet.observe(step=stop)
    assert [len(each) for each in fleet.server.asked] == [2]
    fleet.observe()
    assert [len(each) for each in fleet.server.asked] == [2, 1]


def test_only_the_nodes_that_are_asked_about(fleet: Fleet) -> None:
    assert tuple(fleet.observe(nodes=["n3", "unknown"])) == ("n3",)
    assert fleet.count() == 1
    view = seen(fleet.desk)
    assert fleet.evidence.observe_node("unknown", view, fleet.desk.clock()) is None
    one = fleet.evidence.observe_node("n1", view, fleet.desk.clock())
    assert one is not None
    assert one.measurable


# ---- a server that would rather not ----


def test_withheld_evidence_is_not_measurable_and_asked_for_again_later(fleet: Fleet) -> None:
    held = fleet.server.has.pop(fleet.requests["n2"].digest)
    found = fleet.observe()
    assert (why(found["n2"]), found["n2"].shown) == (MISSING, None)
    assert found["n1"].measurable
    fleet.observe()
    assert fleet.count() == 3
    fleet.server.has[digest_of(held)] = held
    fleet.desk.clock.advance(seconds=ASK_AGAIN / timedelta(seconds=1))
    assert fleet.observe()["n2"].measurable
    assert fleet.count() == 4


@pytest.mark.parametrize("lie", ["another node's", "an older one", "changed", "empty"])
def test_what_is_not_what_the_log_names_shows_nothing(fleet: Fleet, lie: str) -> None:
    older = fleet.requests["n2"].raw
    fleet.release("n2")
    newest = fleet.requests["n2"]
    fleet.server.has[newest.digest] = {
        "another node's": fleet.requests["n1"].raw,
        "an older one": older,
        "changed": newest.raw[:-9] + bytes([newest.raw[-9] ^ 1]) + newest.raw[-8:],
        "empty": b"",
    }[lie]
    found = fleet.observe()
    assert (why(found["n2"]), found["n2"].shown) == (MISMATCH, None)
    assert not found["n2"].measurable
    assert fleet.evidence.raw(newest.digest) is None
    fleet.server.has[newest.digest] = newest.raw
    assert fleet.evidence.raw(newest.digest) == newest.raw


def test_a_refusal_is_what_its_newest_entry_is_about(fleet: Fleet) -> None:
    fleet.desk.set_policy(gpu={"count": 2})
    refused(fleet.desk, fleet.asks("n1"))
    found = fleet.observe()
    assert found["n1"].evidence == fleet.requests["n1"].digest
    assert found["n1"].measurable


# ---- a batch's answer ----

A, B = (Digest("sha256:" + each * 64) for each in "ab")


def answer(found: list[dict[str, object]], left: list[str]) -> Fields:
    return Fields({"found": found, "left": left}, "evidence")


def given(digest: Digest, raw: bytes = b"x") -> dict[str, object]:
    return {"digest": digest, "data": b64(raw)}


def test_a_batch_says_what_is_given_and_what_is_left() -> None:
    assert read_batch(answer([given(A)], [B]), [A, B]) == ({A: b"x"}, [B])
    assert read_batch(answer([], []), [A, B]) == ({}, [])


@pytest.mark.parametrize(
    ("found", "left"),
    [
        ([given(B)], []),  # nobody asked
        ([given(A), given(A)], []),
        ([given(A)], [A]),
        ([given(A)], [B]),
        ([], [A]),  # it would be asked for ever
    ],
)
def test_a_batch_that_cannot_be_true_is_a_lie(
    found: list[dict[str, object]], left: list[str]
) -> None:
    with pytest.raises(ServerLied):
        read_batch(answer(found, left), [A])


def test_the_client_asks_on_for_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ScriptedServer(Clock())
    raws = [b"%d" % place for place in range(3)]
    server.evidence = {digest_of(each): each for each in raws}
    server.evidence_room = 2
    client = server.client("bela")
    digests = [digest_of(each) for each in raws]
    assert client.evidences([*digests, A]) == dict(zip(digests, raws, strict=True))
    assert client.observe_fleet() == ()
    assert client.fleet_evidence is client.fleet_evidence


@pytest.mark.parametrize("broken", [{}, {"found": []}, {"found": [{}], "left": []}, {"left": [1]}])
def test_a_malformed_batch_is_said(broken: dict[str, object]) -> None:
    server = ScriptedServer(Clock())
    server.lie("/v1/evidence/batch", lambda _true: broken)
    with pytest.raises(MalformedError):
        server.client("bela").evidences([A])
