"""The witness as others reach it: C2SP's bytes and statuses, limits, and typed refusals."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from keyturn.base.encoding import b64
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import cosignatures_of
from keyturn.tlog.notes import parse_note
from keyturn.tlog.proofs import Proof
from keyturn.wire.witness import SIZE_TYPE
from support.control import ORIGIN
from support.watching import Shown, asked_text
from support.witnessing import RunningWitness, pen_of, running_witness, witness_config


@pytest.fixture(scope="module")
def shown() -> Shown:
    made = Shown()
    made.grow(5)
    return made


@pytest.fixture
def witness(shown: Shown, tmp_path: Path) -> Iterator[RunningWitness]:
    config = witness_config(tmp_path / "witness", shown.bundle, shown.fingerprint)
    shown.pen = pen_of(config)
    with running_witness(config, shown.clock) as running:
        yield running


@pytest.fixture
def client(witness: RunningWitness) -> Iterator[httpx.Client]:
    with witness.client() as made:
        yield made


def add(client: httpx.Client, old: int, proof: Proof, note: bytes) -> httpx.Response:
    return client.post("/add-checkpoint", content=asked_text(old, proof, note))


def test_a_checkpoint_is_answered_with_a_line(shown: Shown, client: httpx.Client) -> None:
    answer = add(client, 0, (), shown.note())
    assert (answer.status_code, answer.text.count("\n")) == (200, 1)
    cosigned = parse_note(shown.note() + answer.content)
    assert len(cosignatures_of(cosigned, [shown.pen.verify_key])) == 1

    size = len(shown.leaves)
    shown.grow(3)
    assert add(client, size, shown.consistency(size), shown.note()).status_code == 200


def test_the_statuses_of_c2sp(shown: Shown, client: httpx.Client) -> None:
    size = len(shown.leaves)
    assert add(client, 0, (), shown.note()).status_code == 200
    other = add(client, 1, (), shown.note())
    assert (other.status_code, other.text) == (409, f"{size}\n")
    assert other.headers["content-type"].startswith(SIZE_TYPE)
    assert add(client, size, (), shown.note(shown.forked(size - 1, 1))).status_code == 409
    assert add(client, size, (), shown.note(shown.forked(size - 1, 3))).status_code == 422
    assert add(client, size + 1, (), shown.note()).status_code == 400
    assert add(client, size, (), Shown(shown.clock).note()).status_code == 403
    unknown = shown.note().replace(ORIGIN.encode(), b"else.example/log")
    assert add(client, 0, (), unknown).status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"old 5\n", b"old 05\n\n", b"old -1\n\nx", b"old 1\nnot base64\n\nx", b"\xff" * 99],
)
def test_what_is_no_request_is_malformed(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/add-checkpoint", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["kind"].startswith("Malformed")


def test_a_body_too_large_and_a_flood_are_refused(client: httpx.Client) -> None:
    assert client.post("/add-checkpoint", content=b"x" * 100_000).status_code == 413
    statuses = [client.get("/v1/log").status_code for _ in range(130)]
    assert statuses[0] == 404
    assert statuses[-1] == 429


def test_a_revocation_and_its_receipt(shown: Shown, client: httpx.Client) -> None:
    add(client, 0, (), shown.note())
    size = len(shown.leaves)
    made = shown.revocation("node-http")
    approvals = [b64(each) for each in made.approvals]
    document = {"origin": ORIGIN, "statement": b64(made.raw), "approvals": approvals}
    answer = client.post("/v1/revocations", json=document)
    assert [each["subject"] for each in answer.json()["pending"]] == ["node:node-http"]
    refused = add(client, size, (), shown.note())
    assert (refused.status_code, refused.json()["error"]["kind"]) == (403, "RevocationMissing")

    index = shown.keyholder.enter(Kind.REVOCATION, "node:node-http", made)
    receipt = json.loads(shown.receipt(index).to_bytes())
    proof = [each.hex() for each in shown.consistency(size)]
    answer = client.post(
        "/v1/receipts", json={"origin": ORIGIN, "receipt": receipt, "proof": proof}
    )
    assert (answer.status_code, answer.json()["pending"]) == (200, [])
    assert add(client, len(shown.leaves), (), shown.note()).status_code == 200


def test_what_it_knows_is_told(shown: Shown, client: httpx.Client) -> None:
    add(client, 0, (), shown.note())
    told = client.get("/v1/log", params={"origin": ORIGIN}).json()
    assert told == {"origin": ORIGIN, "size": len(shown.leaves), "roster": 1, "pending": []}
    bundle = {"origin": ORIGIN, "bundle": b64(shown.bundle)}
    assert client.post("/v1/authority", json=bundle).json()["roster"] == 1
    assert client.post("/v1/authority", json={**bundle, "more": 1}).status_code == 400


def test_a_log_that_goes_on_is_found_by_its_bundle(tmp_path: Path) -> None:
    shown = Shown()
    config = witness_config(tmp_path / "witness", shown.bundle, shown.fingerprint)
    with running_witness(config, shown.clock) as running, running.client() as client:
        assert add(client, 0, (), shown.note()).status_code == 200
        size = len(shown.leaves)
        shown.keyholder.replace_log_key()
        origin = shown.keyholder.origin
        assert client.get("/v1/log", params={"origin": origin}).status_code == 404
        foreign = {"origin": origin, "bundle": b64(Shown(shown.clock).bundle)}
        assert client.post("/v1/authority", json=foreign).status_code == 404
        for junk in (b"{}", b"[]", b'{"type": "authority-bundle", "roster": []}'):
            answer = client.post("/v1/authority", json={"origin": origin, "bundle": b64(junk)})
            assert answer.status_code == 400

        bundle = {"origin": origin, "bundle": b64(shown.bundle)}
        told = client.post("/v1/authority", json=bundle).json()
        assert (told["origin"], told["size"]) == (origin, size)
        assert client.get("/v1/log", params={"origin": ORIGIN}).status_code == 404
        assert add(client, size, shown.consistency(size), shown.note()).status_code == 200
