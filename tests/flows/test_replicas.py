"""Two control planes over one database and one keyholder: nothing lost, nothing doubled.

The keyholder is the real one on its socket, the officers' clients are the shipped ones; every race
is run over SQLite and over PostgreSQL.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyturn.base.encoding import b64, digest_of, unb64
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import ServerRefused
from keyturn.client.profile import Places, Profile
from keyturn.client.proposals import Status
from keyturn.keyrelease.entries import read_grant
from keyturn.keyrelease.request import parse_request
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.approvals import Decision
from keyturn.quorum.entries import EntryKind, parse_entry, read_statement
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn.store import models
from keyturn.wire.heartbeat import HEARTBEAT_TYPE, NodeReport, heartbeat_payload
from support.authority import Proposal, make_people, policy_body, sign
from support.control import World, running_server
from support.hsmtoken import make_model
from support.nodes import NodeSecrets
from support.postgres import Postgres
from support.ready import make_ready
from support.signers import PersonSigner
from support.system import System, model_digest
from support.whole import OnSocket

pytestmark = pytest.mark.timeout(600)
ROUNDS = 4
CROWD = tuple(f"officer-{number}" for number in range(1, 7))


@dataclass
class Pair:
    """Both replicas, and a client of each officer at either."""

    system: System
    one: World
    other: World
    directory: Path
    stack: contextlib.ExitStack

    @property
    def worlds(self) -> tuple[World, World]:
        return self.one, self.other

    def desk(self, name: str, world: World) -> KeyturnClient:
        """An officer's own client, with a memory of its own."""
        system = self.system
        profile = Profile(world.url, world.pin, system.fingerprint, name, InKeyring(name))
        place = self.directory / "desks" / f"{name}-{world.url[-5:]}"
        signer = PersonSigner(system.authority.people[name])
        return self.stack.enter_context(
            KeyturnClient.open(
                profile, Places(place, place), now=system.clock, signer=lambda: signer
            )
        )

    def caught_up(self) -> None:
        for world in self.worlds:
            world.catch_up()

    def events(self, world: World, kind: str) -> list[dict[str, object]]:
        with world.sign_in() as client:
            answer = client.get("/v1/events", params={"after": 0, "limit": 1000}).json()
        assert [each["seq"] for each in answer["events"]] == list(range(1, answer["last"] + 1))
        return [each["data"] for each in answer["events"] if each["kind"] == kind]

    def entered(self, digest: str) -> int:
        """How often the log has the statement."""
        entries = [parse_entry(each) for each in self.one.keyholder.leaves]
        found = [read_statement(e).statement for e in entries if e.kind is EntryKind.STATEMENT]
        return found.count(digest)  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request: pytest.FixtureRequest, system: System, tmp_path: Path) -> Iterator[Pair]:
    """One TLS key, as replicas behind one address have."""
    url = ""
    if request.param == "postgresql":
        cluster: Postgres = request.getfixturevalue("postgres")
        url = cluster.fresh()
    keyholder = OnSocket(system, tmp_path / "keyholder.sock")
    with contextlib.ExitStack() as stack:
        stack.enter_context(keyholder.serving())
        one, other = (
            stack.enter_context(
                running_server(tmp_path, keyholder, system.clock, database=url)  # type: ignore[arg-type]
            )
            for _ in range(2)
        )
        assert one.pin == other.pin
        yield Pair(system, one, other, tmp_path, stack)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each gave, or the refusal that it got; begun at one moment. Anything else is raised."""
    gate = threading.Barrier(len(acts))
    found: list[object] = [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        gate.wait(30)
        try:
            found[place] = act()
        except BaseException as error:  # noqa: BLE001  the test's own thread hands it over
            found[place] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, ServerRefused):
            raise each
    return found


def both_show(pair: Pair, digest: str) -> dict[str, object]:
    """The proposal as both replicas show it: the same."""
    pair.caught_up()
    views = []
    for world in pair.worlds:
        with world.sign_in() as client:
            world.until(lambda: client.get(f"/v1/proposals/{digest}").json()["status"] != "open")
            views.append(client.get(f"/v1/proposals/{digest}").json())
    for view in views:  # one was signed later than the other: a receipt of the same entry
        view.pop("receipt")
    assert views[0] == views[1]
    found: dict[str, object] = views[0]
    return found


# ---- many officers ----


def test_ten_officers_approve_at_once(pair: Pair) -> None:
    """Each at a replica, with the last voice needed: none of them may be lost."""
    authority = pair.system.authority
    authority.people |= make_people(CROWD)
    body = authority.roster_body(
        thresholds={**{k.value: n for k, n in DEFAULT_THRESHOLDS.items()}, "policy": 10}
    )
    pair.system.enact(Kind.ROSTER, "roster", body)
    pair.caught_up()
    names = [name for name in authority.people if name != "ada"]
    assert len(names) == 10
    desks = [pair.desk(name, pair.worlds[at % 2]) for at, name in enumerate(names)]
    made = authority.propose(Kind.POLICY, "serving", policy_body())
    pair.desk("ada", pair.one).propose(made.raw)

    found = at_once(
        *(lambda desk=desk: desk.decide(made.digest, Decision.APPROVE, "") for desk in desks)
    )

    assert [each for each in found if isinstance(each, ServerRefused)] == []
    view = both_show(pair, made.digest)
    assert view["status"] == "in-force"
    assert view["approved_by"] == sorted(names)
    assert len(view["approvals"]) == len(set(view["approvals"])) == 10  # type: ignore[arg-type]
    assert pair.entered(made.digest) == 1
    for world in pair.worlds:
        told = [each["digest"] for each in pair.events(world, "in-force")]
        assert told.count(made.digest) == 1
        voices = [e["officer"] for e in pair.events(world, "approval")]
        assert sorted(map(str, voices)) == sorted(names)
    for desk in desks:
        assert desk.proposal(made.digest).status is Status.IN_FORCE


def test_two_approvers_race_at_two_replicas(pair: Pair) -> None:
    authority = pair.system.authority
    bela, chen = pair.desk("bela", pair.one), pair.desk("chen", pair.other)
    for place in range(ROUNDS):
        made = authority.propose(Kind.POLICY, f"p{place}", policy_body())
        pair.desk("ada", pair.worlds[place % 2]).propose(made.raw)

        found = at_once(
            lambda: bela.decide(made.digest, Decision.APPROVE, ""),  # noqa: B023
            lambda: chen.decide(made.digest, Decision.APPROVE, ""),  # noqa: B023
        )

        assert [each for each in found if isinstance(each, ServerRefused)] == []
        view = both_show(pair, made.digest)
        assert (view["status"], view["approved_by"]) == ("in-force", ["bela", "chen"])
        assert pair.entered(made.digest) == 1
    told = [each["subject"] for each in pair.events(pair.other, "in-force")]
    assert [told.count(f"p{place}") for place in range(ROUNDS)] == [1] * ROUNDS


# ---- the same thing twice, and opposite things ----


def posted(world: World, proposal: Proposal) -> int:
    with world.sign_in() as client:
        body = {"statement": b64(proposal.raw), "key": None, "manifest": None}
        return client.post("/v1/proposals", json=body).status_code


def test_a_proposal_posted_at_both_is_one(pair: Pair) -> None:
    for place in range(ROUNDS):
        made = pair.system.authority.propose(Kind.POLICY, f"p{place}", policy_body())
        found = at_once(*(lambda w=w: posted(w, made) for w in pair.worlds * 2))  # noqa: B023
        assert found == [200] * 4
        told = [each["digest"] for each in pair.events(pair.one, "proposal")]
        assert told.count(made.digest) == 1


def test_an_approval_posted_at_both_is_one(pair: Pair) -> None:
    made = pair.system.authority.propose(Kind.POLICY, "serving", policy_body())
    pair.desk("ada", pair.one).propose(made.raw)
    envelope = pair.system.authority.approval(made.digest, "bela")
    desks = [pair.desk(name, w) for w in pair.worlds for name in ("dora", "emil")]

    found = at_once(
        *(lambda desk=desk: desk.post_approval(made.digest, envelope) for desk in desks)
    )

    assert [each for each in found if isinstance(each, ServerRefused)] == []
    assert len(pair.desk("ada", pair.other).proposal(made.digest).approvals) == 1
    assert len(pair.events(pair.other, "approval")) == 1


def test_a_withdrawal_races_the_last_approval(pair: Pair) -> None:
    """One of both wins, for everybody alike; the other is refused."""
    authority = pair.system.authority
    ada, bela = pair.desk("ada", pair.one), pair.desk("bela", pair.one)
    chen = pair.desk("chen", pair.other)
    for place in range(ROUNDS):
        made = authority.propose(Kind.POLICY, f"p{place}", policy_body())
        ada.propose(made.raw)
        bela.decide(made.digest, Decision.APPROVE, "")

        at_once(
            lambda: ada.withdraw(made.digest, "second thoughts"),  # noqa: B023
            lambda: chen.decide(made.digest, Decision.APPROVE, ""),  # noqa: B023
        )

        view = both_show(pair, made.digest)
        assert view["status"] in ("in-force", "withdrawn")
        in_force = view["status"] == "in-force"
        assert pair.entered(made.digest) == in_force
        state = pair.system.keyholder.journal.state
        assert (made.digest in state.withdrawn) is not in_force
        assert (made.digest in state.by_digest) is in_force


def test_a_nonce_serves_once_at_one_of_both(pair: Pair) -> None:
    ada = pair.system.authority.people["ada"]
    for _ in range(ROUNDS):
        with pair.one.client() as client:
            envelope = pair.one.sign_in_envelope(client, ada)

        def enter(world: World, envelope: bytes = envelope) -> int:
            with world.client() as client:
                return client.post("/v1/sessions", json={"envelope": b64(envelope)}).status_code

        found = at_once(*(lambda w=w: enter(w) for w in pair.worlds))
        assert sorted(found) == [200, 401]  # type: ignore[type-var]


def test_a_session_of_one_is_good_at_the_other_and_ends_at_both(pair: Pair) -> None:
    with pair.one.sign_in("emil") as here:
        token = here.headers["authorization"].split()[1]
        with pair.other.client(token) as there:
            assert there.get("/v1/nodes").status_code == 200
            authority = pair.system.authority
            authority.people.pop("emil")
            pair.system.enact(Kind.ROSTER, "roster", authority.roster_body())
            pair.caught_up()
            for client in (here, there):
                answer = client.get("/v1/nodes")
                assert (answer.status_code, answer.json()["error"]["kind"]) == (401, "officer")


# ---- a node between both ----


def test_a_release_at_one_and_its_heartbeats_at_both(pair: Pair, node_secrets: NodeSecrets) -> None:
    ready = make_ready(pair.system, make_model(), node_secrets)
    model = model_digest(ready.model)
    pair.caught_up()
    with pair.one.server.parts.context.database.write() as connection:
        models.set_wrapped_key(connection, model, ready.wrapped, "sha256:s")
    with pair.one.client() as one, pair.other.client() as other:
        challenge = bytes.fromhex(other.post("/v1/challenges").json()["challenge"])
        raw = ready.node.request(challenge, model)
        answer = one.post("/v1/releases", content=raw)
        assert answer.status_code == 200, answer.text
        lease = lease_of(pair)

        def beat(counter: int) -> bytes:
            payload = heartbeat_payload(
                node=ready.node.name,
                lease=lease,
                model=model,
                state=NodeReport.SERVING,
                counter=counter,
                time=pair.system.clock(),
                wiped_after_ms=None,
            )
            return sign(HEARTBEAT_TYPE, payload, ready.node.secrets.tls)

        for counter in range(1, ROUNDS + 1):
            envelope = beat(counter)
            found = at_once(
                lambda e=envelope: other.post("/v1/heartbeats", content=e).status_code,
                lambda e=envelope: one.post("/v1/heartbeats", content=e).status_code,
            )
            assert sorted(found) == [200, 409]  # type: ignore[type-var]

    pair.caught_up()
    nodes = []
    for world in pair.worlds:
        with world.sign_in() as client:
            nodes.append(client.get("/v1/nodes").json())
            evidence = client.get(f"/v1/evidence/{parse_request(raw).digest}")
            assert (
                digest_of(unb64(evidence.json()["data"], what="evidence"))
                == parse_request(raw).digest
            )
    assert nodes[0] == nodes[1]
    assert nodes[0]["nodes"][0]["state"] == "attested"
    assert len(pair.events(pair.other, "grant")) == 1


def lease_of(pair: Pair) -> str:
    """Of the only grant."""
    log = pair.system.keyholder.journal.log
    (leaf,) = [each for each in log.leaves() if parse_entry(each).kind is EntryKind.GRANT]
    return read_grant(parse_entry(leaf)).lease
