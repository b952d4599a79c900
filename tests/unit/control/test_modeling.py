"""Sealed models in the inventory: registered by exact documents, never opened, judged elsewhere."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from keyturn.base.encoding import b64
from keyturn.quorum.kinds import Kind
from support.control import World

INGEST = "ab" * 32
Document = dict[str, Any]


def manifest(name: str = "mini", **changed: object) -> bytes:
    """By hand after our protocol §3: one segment has 40 bytes of header and 16 of tag."""
    digest = "sha256:" + "00" * 32
    document = {
        "type": "sealed-model",
        "format": 1,
        "model_id": name,
        "name": name,
        "version": "1",
        "created": "2026-11-23T08:00:00Z",
        "files": [
            {
                "path": "keyturn.contents.json",
                "size": 10,
                "sealed_size": 66,
                "sealed_sha256": digest,
            },
            {"path": "weights.bin", "size": 100, "sealed_size": 156, "sealed_sha256": digest},
        ],
        "provenance": {"tool": "test", "tool_version": "1", "files": 1, "bytes": 100},
    }
    return json.dumps({**document, **changed}).encode()


def key(**changed: object) -> bytes:
    document = {
        "type": "sealed-key",
        "format": 1,
        "ingest_key": INGEST,
        "algorithm": "rsa-oaep",
        "oaep_hash": "sha256",
        "wrapped": b64(bytes(384)),
        "tag": "cd" * 32,
    }
    return json.dumps({**document, **changed}).encode()


def digest(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def register(client: httpx.Client, manifest: bytes, key: bytes) -> httpx.Response:
    return client.post("/v1/models", json={"manifest": b64(manifest), "key": b64(key)})


def told(world: World, kind: str) -> list[Document]:
    with world.sign_in() as client:
        events = client.get("/v1/events", params={"after": 0}).json()["events"]
    return [each["data"] for each in events if each["kind"] == kind]


def test_registered_by_the_digest_of_the_exact_manifest(world: World) -> None:
    raw = manifest()
    with world.sign_in() as client:
        answer = register(client, raw, key())
        view = client.get(f"/v1/models/{digest(raw)}").json()
        assert client.get("/v1/models").json()["models"] == [view]
    assert answer.status_code == 200
    assert (
        answer.json()
        == view
        == {
            "digest": digest(raw),
            "model_id": "mini",
            "name": "mini",
            "version": "1",
            "files": 2,
            "bytes": 66 + 156,
            "ingest_key": INGEST,
            "tag": "cd" * 32,
            "admitted": False,
            "admission": None,
            "policy": None,
            "has_kek_wrapped": False,
            "kek": None,
            "registered": "2026-11-23T08:00:00Z",
        }
    )
    assert told(world, "model") == [{"digest": digest(raw), "name": "mini", "version": "1"}]


def test_another_spacing_is_another_model(world: World) -> None:
    raw = manifest()
    with world.sign_in() as client:
        assert register(client, raw, key()).json()["digest"] == digest(raw)
        assert register(client, raw + b"\n", key()).json()["digest"] == digest(raw + b"\n")


def test_twice_is_once_and_a_key_for_another_ingest_key_takes_the_olds_place(
    world: World,
) -> None:
    raw = manifest()
    with world.sign_in() as client:
        register(client, raw, key())
        world.clock.advance(seconds=5)
        again = register(client, raw, key(ingest_key="ef" * 32, tag="12" * 32)).json()
        assert len(client.get("/v1/models").json()["models"]) == 1
    assert (again["ingest_key"], again["tag"]) == ("ef" * 32, "12" * 32)
    assert again["registered"] == "2026-11-23T08:00:00Z"
    assert len(told(world, "model")) == 1


def test_an_admission_shows_its_policy_and_that_the_key_was_taken_over(world: World) -> None:
    raw = manifest()
    body: dict[str, object] = {
        "model": digest(raw),
        "name": "mini",
        "version": "1",
        "tag": "cd" * 32,
        "policy": "serving",
    }
    proposal = world.authority.approved(Kind.MODEL, digest(raw), body)
    with world.sign_in() as client:
        document = {"statement": b64(proposal.raw), "key": b64(key()), "manifest": b64(raw)}
        assert client.post("/v1/proposals", json=document).status_code == 200
        before = client.get(f"/v1/models/{digest(raw)}").json()
        for each in proposal.approvals:
            path = f"/v1/proposals/{proposal.digest}/approvals"
            client.post(path, json={"envelope": b64(each)})
        view = client.get(f"/v1/models/{digest(raw)}").json()
    assert (before["admitted"], before["has_kek_wrapped"]) == (False, False)
    assert (view["admitted"], view["admission"], view["policy"], view["has_kek_wrapped"]) == (
        True,
        proposal.digest,
        "serving",
        True,
    )
    world.clock.advance(days=91)
    with world.sign_in() as client:
        assert client.get(f"/v1/models/{digest(raw)}").json()["admitted"] is False


def admission(world: World, model: str) -> str:
    body: dict[str, object] = {
        "model": model,
        "name": "mini",
        "version": "1",
        "tag": "cd" * 32,
        "policy": "serving",
    }
    return b64(world.authority.propose(Kind.MODEL, model, body).raw)


def test_the_manifest_of_another_model_is_not_registered_by_an_admission(
    standing: World,
) -> None:
    raw = manifest("another")
    document = {
        "statement": admission(standing, "sha256:" + "11" * 32),
        "key": b64(key()),
        "manifest": b64(raw),
    }
    with standing.sign_in() as client:
        answer = client.post("/v1/proposals", json=document)
        assert client.get(f"/v1/models/{digest(raw)}").status_code == 404
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["found"], error["expected"]) == (digest(raw), "sha256:" + "11" * 32)


def test_only_an_admission_comes_with_a_models_documents(standing: World) -> None:
    body: dict[str, object] = {"target_kind": "node", "target": "n"}
    revocation = standing.authority.propose(Kind.REVOCATION, "node:n", body)
    with standing.sign_in() as client:
        document = {"statement": b64(revocation.raw), "key": b64(key()), "manifest": None}
        answer = client.post("/v1/proposals", json=document)
    assert answer.status_code == 400
    assert "admission" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: (b"", key()),
        lambda: (manifest()[:-1], key()),
        lambda: (manifest(format=2), key()),
        lambda: (manifest(extra=1), key()),
        lambda: (manifest(files=[]), key()),
        lambda: (manifest(model_id="../x"), key()),
        lambda: (manifest(), b"{}"),
        lambda: (manifest(), key(oaep_hash="md5")),
        lambda: (manifest(), key(tag="cd")),
        lambda: (manifest(), key(wrapped="")),
        lambda: (manifest(), key() + b" " * (64 << 10)),
        lambda: (key(), manifest()),
    ],
    ids=[
        "no manifest",
        "manifest cut",
        "format",
        "extra field",
        "no files",
        "model id",
        "empty key",
        "hash",
        "tag",
        "no wrapped key",
        "key too large",
        "exchanged",
    ],
)
def test_a_malformed_document_is_refused_and_nothing_is_kept(
    standing: World, make: Callable[[], tuple[bytes, bytes]]
) -> None:
    raw, sealed = make()
    with standing.sign_in() as client:
        answer = register(client, raw, sealed)
        assert client.get("/v1/models").json()["models"] == []
    assert answer.status_code == 400
    assert answer.json()["error"]["kind"] == "malformed"


@pytest.mark.parametrize("field", ["manifest", "key"])
@pytest.mark.parametrize("text", ["*", "YQ", "YQ==\n"])
def test_what_is_no_base64_is_refused(standing: World, field: str, text: str) -> None:
    document = {"manifest": b64(manifest()), "key": b64(key()), field: text}
    with standing.sign_in() as client:
        assert client.post("/v1/models", json=document).status_code == 400


def test_a_body_over_the_limit_is_refused_before_it_is_read(standing: World) -> None:
    head = f"POST /v1/models HTTP/1.1\r\nhost: x\r\ncontent-length: {(24 << 20) + 1}\r\n\r\n"
    assert standing.raw(head.encode()).startswith(b"HTTP/1.1 413")


def test_the_manifest_comes_back_byte_by_byte(standing: World) -> None:
    raw = manifest() + b"\n"
    with standing.sign_in() as client:
        register(client, raw, key())
        answer = client.get(f"/v1/models/{digest(raw)}/manifest")
        unknown = client.get("/v1/models/sha256:" + "0" * 64 + "/manifest")
    assert answer.json() == {"manifest": b64(raw)}
    assert (unknown.status_code, unknown.json()["error"]["message"]) == (404, "no such model")


def test_an_unknown_model_is_not_found(standing: World) -> None:
    with standing.sign_in() as client:
        answer = client.get("/v1/models/sha256:" + "0" * 64)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "no such model"
