"""Who may read what: every route of the API with every role, and nothing by oversight (§7.5)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response

from keyturn.base.encoding import b64
from keyturn.control import access
from keyturn.control.routing import signed_router
from keyturn.quorum.kinds import Kind
from keyturn.store import events
from support.authority import Authority, Clock, Person, Proposal, make_people, policy_body
from support.control import LocalKeyholder, World, running_server

ROLES = ("proposer", "approver", "custodian", "operator", "auditor", "witness")
FOUNDERS = ("ada", "bela", "chen", "dora", "emil")
DIGEST = "sha256:" + "0" * 64
FILLED = {"{digest}": DIGEST, "{index}": "0", "{name}": "node-1"}

EVERY = frozenset(("none", *ROLES))
JUDGING = frozenset(("proposer", "approver", "auditor"))
MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/v1/log/checkpoint"): EVERY,
    ("GET", "/v1/log/entries"): EVERY,
    ("GET", "/v1/log/receipts/{index}"): EVERY,
    ("GET", "/v1/log/consistency"): EVERY,
    ("GET", "/v1/log/objects/{digest}"): EVERY,
    ("GET", "/v1/events"): EVERY,
    ("GET", "/v1/proposals"): JUDGING | {"custodian", "witness"},
    ("GET", "/v1/proposals/{digest}"): JUDGING | {"custodian", "witness"},
    ("GET", "/v1/proposals/{digest}/export"): JUDGING | {"custodian"},
    ("POST", "/v1/proposals"): frozenset({"proposer"}),
    ("POST", "/v1/proposals/{digest}/approvals"): JUDGING | {"custodian"},
    ("POST", "/v1/proposals/{digest}/withdrawal"): JUDGING | {"custodian"},
    ("GET", "/v1/models"): JUDGING | {"operator"},
    ("GET", "/v1/models/{digest}"): JUDGING | {"operator"},
    ("GET", "/v1/models/{digest}/manifest"): JUDGING | {"operator"},
    ("POST", "/v1/models"): frozenset({"proposer", "operator"}),
    ("GET", "/v1/nodes"): JUDGING | {"operator"},
    ("GET", "/v1/nodes/{name}"): JUDGING | {"operator"},
    ("GET", "/v1/evidence/{digest}"): JUDGING | {"operator"},
    ("GET", "/v1/collateral"): JUDGING | {"operator"},
    ("GET", "/v1/collateral/status"): JUDGING | {"operator"},
    ("POST", "/v1/collateral"): frozenset({"proposer", "operator"}),
    ("POST", "/v1/evidence/batch"): JUDGING | {"operator"},
    ("GET", "/v1/hsm"): JUDGING | {"operator", "custodian"},
    ("POST", "/v1/ceremonies/ask"): EVERY,
    ("GET", "/v1/unseal"): EVERY,
    ("POST", "/v1/unseal/shares"): frozenset({"custodian"}),
    ("POST", "/v1/seal"): frozenset({"custodian", "operator"}),
    ("GET", "/v1/log/cosignatures"): EVERY,
    ("POST", "/v1/log/cosignatures"): EVERY,
    ("GET", "/v1/enrolments"): JUDGING,
    ("DELETE", "/v1/enrolments/{digest}"): frozenset({"proposer"}),
}
"""The table of the protocol, written down a second time."""


def people() -> dict[str, Person]:
    """The founders, one officer for each single role, and one with none."""
    found = make_people((*FOUNDERS, "none", *ROLES))
    for name in ("none", *ROLES):
        found[name].roles = () if name == "none" else (name,)
    second = make_people(("custodian-2",))  # nobody may be the only custodian
    second["custodian-2"].roles = ("custodian",)
    return {**found, **second}


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    clock = Clock()
    authority = Authority(clock)
    authority.people = people()
    directory = tmp_path_factory.mktemp("cast")
    keyholder = LocalKeyholder(directory / "k.sock", authority, clock)
    with keyholder.serving(), running_server(directory, keyholder, clock) as world:
        yield world


def operations(world: World) -> list[tuple[str, str]]:
    """Everything behind a session that the server itself says it has."""
    with world.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    return [each for each in found if each not in OPEN]


OPEN = {
    ("GET", "/v1/hello"),
    ("GET", "/v1/authority"),
    ("POST", "/v1/session/challenges"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/enrolments"),
}


def ask(client: httpx.Client, method: str, path: str) -> httpx.Response:
    for name, value in FILLED.items():
        path = path.replace(name, value)
    query = {"start": 0, "end": 1, "old": 1, "new": 2, "after": 0}
    return client.request(
        method, path, params=query, json={"envelope": ""} if method == "POST" else None
    )


def test_the_table_says_of_every_route_who_may_ask(cast: World) -> None:
    assert set(operations(cast)) == set(access.TABLE) == set(MAY)


@pytest.mark.parametrize("role", sorted(EVERY))
def test_every_route_with_every_role(cast: World, role: str) -> None:
    with cast.sign_in(role) as client:
        for method, path in operations(cast):
            answer = ask(client, method, path)
            if role in MAY[(method, path)]:
                assert answer.status_code != 403, (method, path, answer.text)
            else:
                error = answer.json()["error"]
                assert (answer.status_code, error["kind"]) == (403, "role"), (method, path)
                assert error["found"] == ("no role" if role == "none" else role)
                assert set(error["expected"].split(" or ")) == MAY[(method, path)]


def test_without_the_role_not_even_the_body_is_read(cast: World) -> None:
    with cast.sign_in("auditor") as client:
        answer = client.post("/v1/models", content=b"{ not JSON")
    assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "role")


def test_a_route_without_an_entry_cannot_be_made() -> None:
    async def secrets() -> Response:
        return Response()

    with pytest.raises(LookupError, match="who may ask GET /v1/secrets"):
        signed_router().get("/v1/secrets")(secrets)


# ---- what depends on more than the route ----


def propose(world: World, proposal: Proposal) -> None:
    with world.sign_in() as client:
        body = {"statement": b64(proposal.raw), "key": None, "manifest": None}
        assert client.post("/v1/proposals", json=body).status_code == 200


def test_a_witness_reads_the_open_revocations_and_no_other_proposal(world: World) -> None:
    authority = world.authority
    gil = make_people(("gil",))["gil"]
    gil.roles = ("witness",)
    authority.people["gil"] = gil
    body = authority.roster_body(thresholds={**_thresholds(), "revocation": 2})
    world.keyholder.enter(Kind.ROSTER, "roster", authority.approved(Kind.ROSTER, "roster", body))
    world.catch_up()
    target: dict[str, object] = {"target_kind": "node", "target": "n1"}
    revocation = authority.propose(Kind.REVOCATION, "node:n1", target, life=None)
    policy = authority.propose(Kind.POLICY, "serving", policy_body())
    propose(world, revocation)
    propose(world, policy)
    with world.sign_in("gil") as client:
        listed = client.get("/v1/proposals").json()["proposals"]
        assert [each["digest"] for each in listed] == [revocation.digest]
        assert client.get(f"/v1/proposals/{revocation.digest}").status_code == 200
        assert client.get(f"/v1/proposals/{policy.digest}").status_code == 404

        revocation.approvals += [authority.approval(revocation.digest, n) for n in ("ada", "bela")]
        world.keyholder.enter(Kind.REVOCATION, "node:n1", revocation)
        world.catch_up()
        world.until(lambda: client.get("/v1/proposals").json()["proposals"] == [])
        assert client.get(f"/v1/proposals/{revocation.digest}").status_code == 404


def _thresholds() -> dict[str, int]:
    body = Authority(Clock()).roster_body()
    found = body["thresholds"]
    assert isinstance(found, dict)
    return found


LOGGED = {"in-force", "revocation", "decision", "report", "configuration", "ceremony"}
EVERYBODYS = LOGGED | {"history-rewritten", "rebuilt"}
KINDS = {
    "none": EVERYBODYS,
    "witness": EVERYBODYS,
    "custodian": EVERYBODYS | {"proposal", "approval", "refused"},
    "operator": EVERYBODYS
    | {
        "model",
        "grant",
        "renewal",
        "refusal",
        "heartbeat-lost",
        "wiped",
        "platform-changed",
        "collateral",
    },
}
ALL = KINDS["custodian"] | KINDS["operator"]


@pytest.mark.parametrize("role", sorted(EVERY))
def test_the_kinds_of_events_by_role(cast: World, role: str) -> None:
    officer = cast.server.parts.context.mirror.officer(role)
    assert officer is not None
    assert access.event_kinds(officer) == KINDS.get(role, ALL)


def test_every_kind_of_event_is_somebodys_to_read() -> None:
    written = set()
    for path in Path(access.__file__).parent.glob("*.py"):
        text = path.read_text()
        written |= set(re.findall(r'events\.append\(\s*\w+,\s*"([a-z-]+)"', text))
        for each in re.findall(r"\bkind = (.*)", text):  # projection: by what the entry is
            written |= set(re.findall(r'"([a-z-]+)"', each))
    assert len(written) >= 10
    assert written <= ALL


def test_pages_and_streams_hold_back_what_is_not_the_officers(world: World) -> None:
    authority = world.authority
    cora, dana = (make_people((name,))[name] for name in ("cora", "dana"))
    cora.roles = dana.roles = ("custodian",)
    authority.people |= {"cora": cora, "dana": dana}
    roster = authority.approved(Kind.ROSTER, "roster", authority.roster_body())
    world.keyholder.enter(Kind.ROSTER, "roster", roster)
    world.catch_up()
    database = world.server.parts.context.database
    with database.write() as connection:
        for kind in ("model", "approval", "grant"):
            events.append(connection, kind, {"n": kind}, world.clock())
    with world.sign_in("cora") as client:
        page = client.get("/v1/events", params={"after": 0}).json()
        assert [each["kind"] for each in page["events"]] == ["in-force"] * 3 + ["approval"]
        assert page["last"] == 6
        headers = {"accept": "text/event-stream", "last-event-id": "3"}
        with client.stream("GET", "/v1/events", headers=headers) as stream:
            lines = stream.iter_lines()
            first = next(line for line in lines if line.startswith("data:"))
            assert json.loads(first.removeprefix("data:"))["n"] == "approval"
            with database.write() as connection:
                events.append(connection, "grant", {}, world.clock())
                events.append(connection, "proposal", {"n": "proposal"}, world.clock())
            world.server.parts.follower.poke()
            second = next(line for line in lines if line.startswith("data:"))
            assert json.loads(second.removeprefix("data:"))["n"] == "proposal"


def test_a_stream_ends_at_once_when_its_officer_leaves_the_roster(world: World) -> None:
    authority = world.authority
    with world.sign_in("emil") as client:
        headers = {"accept": "text/event-stream", "last-event-id": "0"}
        with client.stream("GET", "/v1/events", headers=headers) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 1000"
            body = authority.roster_body(
                officers=[p.entry() for name, p in authority.people.items() if name != "emil"]
            )
            world.keyholder.enter(
                Kind.ROSTER, "roster", authority.approved(Kind.ROSTER, "roster", body)
            )
            rest = list(lines)  # ends by itself, and not after the keep-alive's 15 seconds
    assert len([line for line in rest if line.startswith("id:")]) <= 3
