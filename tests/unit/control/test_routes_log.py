"""The log's routes: the keyholder's own answers, checked here as a client would."""

from pathlib import Path

import httpx
import pytest

from keyturn.base.encoding import digest_of, unb64
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import dump
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.tlog.merkle import leaf_hash, tree_root
from keyturn.tlog.receipts import parse_receipt, verify_receipt
from keyturn.wire.keyholder import MAX_ENTRIES
from support.authority import Authority, Clock, spki
from support.control import ORIGIN, LocalKeyholder, World, running_server
from support.witnesses import Pen


def get(world: World, path: str, **params: int) -> httpx.Response:
    with world.sign_in() as client:
        return client.get(path, params=params)


def log_key(world: World):  # type: ignore[no-untyped-def]
    return load_verify_key(spki(world.keyholder.log_key))  # type: ignore[arg-type]


def test_the_checkpoint_is_the_keyholders(standing: World) -> None:
    note = get(standing, "/v1/log/checkpoint").json()["note"]
    found = verify_checkpoint(note.encode(), log_key(standing), ORIGIN).checkpoint
    assert found.size == 3
    assert found.root == tree_root(leaf_hash(each) for each in standing.keyholder.leaves)


def test_entries_are_the_exact_leaves(standing: World) -> None:
    found = get(standing, "/v1/log/entries", start=1, end=3).json()
    assert found["start"] == 1
    assert found["size"] == 3
    assert [unb64(each) for each in found["leaves"]] == standing.keyholder.leaves[1:3]


@pytest.mark.parametrize(
    ("start", "end", "count"), [(0, 2**53 - 1, 3), (3, 9, 0), (2, 1, 0), (10, 20, 0)]
)
def test_a_page_ends_where_the_log_does(standing: World, start: int, end: int, count: int) -> None:
    assert len(get(standing, "/v1/log/entries", start=start, end=end).json()["leaves"]) == count


def test_no_page_asks_the_keyholder_for_more_than_it_gives(standing: World) -> None:
    get(standing, "/v1/log/entries", start=0, end=10 * MAX_ENTRIES)
    asked = [each for each in standing.keyholder.asked if each.op == "entries"]
    assert max(each.end - each.start for each in asked) == MAX_ENTRIES  # type: ignore[union-attr]


def test_a_receipt_proves_its_entry(standing: World) -> None:
    document = get(standing, "/v1/log/receipts/2").json()["receipt"]
    found = verify_receipt(parse_receipt(dump(document)), log_key(standing), ORIGIN)
    assert (found.index, found.leaf) == (2, standing.keyholder.leaves[2])


def test_an_object_has_its_digest(standing: World) -> None:
    for digest, data in standing.keyholder.objects.items():
        found = get(standing, f"/v1/log/objects/{digest}").json()["data"]
        assert unb64(found) == data


@pytest.mark.parametrize(
    "path",
    [f"/v1/log/objects/{digest_of(b'nothing')}", "/v1/log/receipts/3", "/v1/log/receipts/999999"],
)
def test_what_the_keyholder_does_not_have_is_not_found(standing: World, path: str) -> None:
    answer = get(standing, path)
    assert answer.status_code == 404
    assert answer.json()["error"]["kind"] == "not-found"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/log/objects/nothing",
        "/v1/log/objects/SHA256:" + "0" * 64,
        "/v1/log/receipts/-1",
        "/v1/log/receipts/x",
        f"/v1/log/receipts/{2**53}",
        "/v1/log/entries",
        "/v1/log/entries?start=0",
        "/v1/log/entries?start=-1&end=2",
        "/v1/log/entries?start=0&end=x",
        "/v1/log/consistency?old=1",
    ],
)
def test_a_question_that_makes_no_sense_is_refused_here(standing: World, path: str) -> None:
    with standing.sign_in() as client:
        assert client.get(path).status_code == 400


def test_a_keyholder_out_of_reach_is_told(tmp_path: Path) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "k.sock", Authority(clock), clock)
    with running_server(tmp_path, keyholder, clock, caught_up=False) as world:
        with keyholder.serving():
            world.catch_up()
            with world.sign_in() as client:
                token = client.headers["authorization"].split()[1]
        with world.client(token) as client:
            for path in ("checkpoint", "receipts/1", "consistency?old=1&new=2"):
                answer = client.get(f"/v1/log/{path}")
                assert answer.status_code == 503
                assert answer.json()["error"]["kind"] == "unreachable"


def test_cosignatures_are_handed_on_and_read_back(standing: World) -> None:
    note = Pen().cosigned(standing.keyholder.checkpoint(), 7).decode()
    with standing.sign_in() as client:
        assert client.post("/v1/log/cosignatures", json={"note": note}).json() == {"witnesses": 1}
        assert client.get("/v1/log/cosignatures").json() == {"notes": [note]}


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": 7}, {"note": "a", "more": 1}])
def test_what_is_no_cosigned_checkpoint_is_refused(standing: World, body: object) -> None:
    with standing.sign_in() as client:
        assert client.post("/v1/log/cosignatures", json=body).status_code == 400


def test_strangers_hand_in_nothing(standing: World) -> None:
    with standing.client() as client:
        assert client.post("/v1/log/cosignatures", json={"note": "a"}).status_code == 401
        assert client.get("/v1/log/cosignatures").status_code == 401
