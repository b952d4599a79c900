"""What officers are given of the evidence that is kept: as much as fits, and nothing twice."""

import pytest
from sqlalchemy import delete

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.control.evidence import fitting, keep
from keyturn.keyrelease.request import MAX_REQUEST
from keyturn.store import evidence as store
from keyturn.store.schema import evidence as table
from support.control import TestNode, World

MODEL = digest_of(b"a manifest")
A, B, C, D = (Digest("sha256:" + each * 64) for each in "abcd")


def asked(world: World, node: TestNode, *, granting: bool = True) -> bytes:
    """One request, decided, and kept."""
    world.keyholder.granting = granting
    with world.client() as client:
        raw = node.request(client.post("/v1/challenges").json()["challenge"])
        client.post("/v1/releases", content=raw)
    world.until(lambda: held(world, raw))
    return raw


def held(world: World, raw: bytes) -> bool:
    with world.server.parts.context.database.read() as connection:
        return store.find(connection, digest_of(raw)) == raw


def test_an_answer_holds_what_fits_and_names_what_is_left() -> None:
    sizes = {A: 5, B: 6, C: 4}
    assert fitting([A, B, C, D], sizes, 10) == ([A, C], [B])
    assert fitting([B, A], sizes, 1) == ([B], [A])
    assert fitting([D], sizes, 10) == ([], [])


def test_granted_and_refused_are_kept_apart_and_the_newest_of_each(world: World) -> None:
    node = TestNode(MODEL)
    first = asked(world, node)
    refused = asked(world, node, granting=False)
    second = asked(world, node)
    every = [digest_of(each) for each in (first, refused, second)]
    with world.sign_in() as client:
        answer = client.post("/v1/evidence/batch", json={"digests": every}).json()
        view = client.get("/v1/nodes/node-1").json()
        listed = client.get("/v1/nodes").json()["nodes"]
    assert answer == {
        "found": [
            {"digest": every[1], "data": b64(refused)},
            {"digest": every[2], "data": b64(second)},
        ],
        "left": [],
    }
    assert (view["granted_evidence"], view["refused_evidence"]) == (every[2], every[1])
    assert listed == [view]


def test_a_batch_is_bounded_strict_and_for_officers(world: World) -> None:
    path = "/v1/evidence/batch"
    many = [f"sha256:{place:064x}" for place in range(101)]
    with world.client() as client:
        assert client.post(path, json={"digests": [A]}).status_code == 401
    with world.sign_in() as client:
        for wrong in ([], many, [A, A], ["sha256:" + "A" * 64], [A + "0"], "x", None, [7]):
            assert client.post(path, json={"digests": wrong}).status_code == 400, wrong
        assert client.post(path, json={"digests": [A], "more": 1}).status_code == 400
        assert client.post(path, json={}).status_code == 400
        answer = client.post(path, json={"digests": many[:100]})
        assert (answer.status_code, answer.json()) == (200, {"found": [], "left": []})


@pytest.mark.parametrize("wrong", ["index", "kind", "model", "request", "size"])
def test_only_what_the_entry_names_is_kept(world: World, wrong: str) -> None:
    """Whatever a replica was told: the copy of the log says which request an entry is about."""
    raw = asked(world, TestNode(MODEL))
    index = len(world.keyholder.leaves) - 1
    with world.server.parts.context.database.write() as connection:
        connection.execute(delete(table))
        assert not keep(
            connection,
            index + 1 if wrong == "index" else index,
            wrong != "kind",
            A if wrong == "model" else MODEL,
            {"request": raw + b" ", "size": raw + b" " * MAX_REQUEST}.get(wrong, raw),
        )
        assert keep(connection, index, True, MODEL, raw)
