"""Byte-exact vectors of our own protocol, computed by a script that knows nothing of Keyturn."""

import ast
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from keyturn.base.dsse import pae, parse_envelope, verified_signers
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.signatures import load_verify_key
from keyturn.client.qrparts import join, parse_part
from keyturn.keyrelease.answer import dek_fits
from keyturn.keyrelease.binding import (
    NodeKeys,
    Purpose,
    compute_binding,
    compute_core,
    device_evidence,
    device_nonce,
    paravisor_nonce,
)
from keyturn.keyrelease.challenge import is_genuine, issued_at, make_challenge
from keyturn.keyrelease.continuation import (
    check_named,
    previous_check,
    root_of,
    signed_by_any,
)
from keyturn.keyrelease.grant import make_grant, parse_grant
from keyturn.keyrelease.request import parse_claims
from keyturn.quorum.approvals import Approval, Withdrawal, parse_approval, parse_withdrawal
from keyturn.quorum.enrolment import Enrolment, parse_enrolment
from keyturn.quorum.entries import Entry, decision_entry, parse_entry, read_decision
from keyturn.quorum.reports import (
    Program,
    configuration_entry,
    read_configuration,
    read_report,
    report_entry,
    settings_document,
)
from keyturn.quorum.state import AuthorityState, replay
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.tlog.checkpoints import cosignatures_of, verify_checkpoint
from keyturn.tlog.merkle import Frontier, Hash, leaf_hash, tree_root
from keyturn.tlog.notes import parse_note
from keyturn.tlog.proofs import verify_consistency
from keyturn.tlog.receipts import parse_receipt, verify_receipt
from keyturn.wire.witness import parse_add_checkpoint
from vectors.protocol import generate

HERE = Path(__file__).parent / "protocol"
READERS: dict[str, Callable[[bytes], Statement | Approval | Withdrawal | Enrolment]] = {
    "statement": parse_statement,
    "approval": parse_approval,
    "withdrawal": parse_withdrawal,
    "enrolment": parse_enrolment,
}
Case = dict[str, Any]


def cases(name: str) -> list[Any]:
    document = json.loads((HERE / name).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["id"]) for case in document["cases"]]


@pytest.mark.parametrize("name", sorted(generate.FILES))
def test_the_files_are_what_the_script_writes(name: str) -> None:
    assert (HERE / name).read_text(encoding="utf-8") == generate.content(name)


def test_the_script_uses_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(generate.__file__).read_text(encoding="utf-8"))
    modules = {
        each.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for each in node.names
    }
    assert modules
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names


@pytest.mark.parametrize("case", cases("statements.json"))
def test_a_signed_document(case: Case) -> None:
    raw = case["envelope"].encode()
    read = READERS[case["reader"]](raw)
    key = load_verify_key(bytes.fromhex(case["key_spki"]))
    envelope = parse_envelope(raw)

    assert key.key_id == case["key_id"]
    assert pae(envelope.payload_type, envelope.payload).hex() == case["pae"]
    assert verified_signers(envelope, {key.key_id: key}) == (case["key_id"],)
    assert envelope.payload == case["payload"].encode()
    assert read.envelope.digest == case["digest"]
    assert envelope.to_bytes() == raw


@pytest.mark.parametrize("case", cases("core.json"))
def test_a_core_and_its_nonces(case: Case) -> None:
    names = ("hpke", "rsa", "tls", "prompt", "ak_name")
    keys = NodeKeys(*(bytes.fromhex(case[name]) for name in names))
    challenge, model, claims = (bytes.fromhex(case[n]) for n in ("challenge", "model", "claims"))
    core = compute_core(Purpose(case["purpose"]), challenge, model, keys, claims)

    assert core.hex() == case["core"]
    assert parse_claims(claims).raw == claims
    for index, nonce in case["device_nonces"].items():
        assert device_nonce(core, int(index)).hex() == nonce


def test_no_two_cores_are_the_same() -> None:
    found = [param.values[0]["core"] for param in cases("core.json")]
    assert len(set(found)) == len(found) == 4


@pytest.mark.parametrize("case", cases("binding.json"))
def test_a_binding(case: Case) -> None:
    devices = [
        device_evidence(
            bytes.fromhex(each["report"]), [bytes.fromhex(der) for der in each["chain"]]
        )
        for each in case["devices"]
    ]
    binding = compute_binding(bytes.fromhex(case["core"]), devices)
    assert binding.hex() == case["binding"]
    assert paravisor_nonce(binding).hex() == case["paravisor_nonce"]


@pytest.mark.parametrize("case", cases("challenge.json"))
def test_a_challenge(case: Case) -> None:
    challenge, boot = bytes.fromhex(case["challenge"]), bytes.fromhex(case["boot_key"])
    now = datetime.fromtimestamp(case["seconds"], UTC)
    made = make_challenge(bytes.fromhex(case["random"]), now, boot)

    assert is_genuine(challenge, boot) is case["genuine"]
    assert (made == challenge) is case["genuine"]
    if case["genuine"]:
        assert issued_at(challenge) == now


@pytest.mark.parametrize("case", cases("tag.json"))
def test_a_tag(case: Case) -> None:
    dek = bytearray.fromhex(case["dek"])
    fits = dek_fits(dek, Digest(case["model"]), bytes.fromhex(case["tag"]))
    assert fits is case["fits"]


@pytest.mark.parametrize("case", cases("grant.json"))
def test_a_grant(case: Case) -> None:
    raw = case["grant"].encode()
    grant = parse_grant(raw)

    assert grant.digest == case["digest"]
    assert grant.hpke_info.hex() == case["hpke_info"]
    names = set(type(grant).__slots__) - {"raw"}
    assert make_grant(**{name: getattr(grant, name) for name in names}).raw == raw


@pytest.mark.parametrize("case", cases("receipt.json"))
def test_a_receipt(case: Case) -> None:
    key = load_verify_key(bytes.fromhex(case["log_key_spki"]))
    receipt = parse_receipt(case["receipt"].encode())
    if not case["proves"]:
        with pytest.raises(KeyturnError):
            verify_receipt(receipt, key, case["origin"])
        return
    proved = verify_receipt(receipt, key, case["origin"])

    assert proved.leaf == case["leaf"].encode()
    assert proved.checkpoint.checkpoint.root.hex() == case["root"]
    assert parse_entry(proved.leaf).time.year == 2026
    assert receipt.to_bytes().decode() == case["receipt"]


ENTRIES: dict[str, tuple[Callable[[Entry], Any], Callable[[datetime, Any], bytes]]] = {
    "decision": (read_decision, decision_entry),
    "report": (read_report, report_entry),
    "configuration": (read_configuration, configuration_entry),
}


@pytest.mark.parametrize("case", cases("entries.json"))
def test_an_entry(case: Case) -> None:
    if "values" in case:
        document = settings_document(Program(case["program"]), case["software"], case["values"])
        assert document == case["document"].encode()
        assert digest_of(document) == case["digest"]
        return
    read, write = ENTRIES[case["kind"]]
    raw = case["leaf"].encode()
    if not case["reads"]:
        with pytest.raises(MalformedError):
            read(parse_entry(raw))
        return
    entry = parse_entry(raw)
    written = json.loads(write(entry.time, read(entry)))
    assert written == json.loads(raw)


@pytest.mark.parametrize("case", cases("continuation.json"))
def test_a_log_that_goes_on(case: Case) -> None:
    leaves = [each.encode() for each in case["leaves"]]
    objects = {digest_of(raw): raw for raw in (each.encode() for each in case["objects"])}

    def proved() -> AuthorityState:
        check = previous_check(root_of(Frontier(), leaves))
        state = replay(Digest(case["fingerprint"]), leaves, objects.__getitem__, check)
        origin = case["checkpoint"].partition("\n")[0]
        signed = signed_by_any(case["checkpoint"].encode(), origin, state)
        check_named(signed, state)
        assert signed.checkpoint.root == tree_root(map(leaf_hash, leaves))
        return state

    if not case["holds"]:
        with pytest.raises(KeyturnError):
            proved()
        return
    names = proved().log_names
    assert [each.origin for each in names] == case["origins"]
    assert [each.last for each in names] == [case["last"], None]


@pytest.mark.parametrize("case", cases("cosignature.json"))
def test_a_cosignature(case: Case) -> None:
    key = load_verify_key(bytes.fromhex(case["witness_spki"]))
    note = parse_note(case["note"].encode())
    if not case["verifies"]:
        with pytest.raises(KeyturnError):
            cosignatures_of(note, [key])
        return
    (found,) = cosignatures_of(note, [key])
    assert (found.time, found.witness.name) == (case["time"], case["name"])


@pytest.mark.parametrize("case", cases("parts.json"))
def test_the_parts_of_a_transfer(case: Case) -> None:
    if "refused" in case:
        with pytest.raises(KeyturnError) as caught:
            join([parse_part(each) for each in case["texts"]])
        assert type(caught.value).__name__ == case["refused"]
        return
    assert join([parse_part(each) for each in case["texts"]]).hex() == case["whole"]


@pytest.mark.parametrize("case", cases("add-checkpoint.json"))
def test_a_request_to_cosign(case: Case) -> None:
    asked = parse_add_checkpoint(case["request"].encode())
    assert (asked.old, [each.hex() for each in asked.proof]) == (case["old"], case["proof"])
    assert asked.to_bytes().decode() == case["request"]
    key = load_verify_key(bytes.fromhex(case["log_key_spki"]))
    at = verify_checkpoint(asked.note, key, case["origin"]).checkpoint
    old_root = Hash(bytes.fromhex(case["old_root"]))
    assert at.size == case["new"]
    verify_consistency(asked.old, at.size, asked.proof, old_root, at.root)
