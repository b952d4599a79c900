"""A carried explanation: proved from the pinned authority on, and refused in every bent form."""

import io
import json
import struct
import zipfile
from collections.abc import Callable

import pytest

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.client.evidence import NO_COLLATERAL
from keyturn.client.explainbundle import (
    BundleDisagrees,
    Carried,
    lease_leaves,
    recheck,
    write_bundle,
)
from keyturn.client.explaining import Explained, explain_examined
from keyturn.quorum.bundle import make_bundle
from unit.client.test_examination import WRONG, refused, released
from unit.client.test_explaining import explained
from unit.keyrelease.release_desk import Desk

Parts = dict[str, bytes]


@pytest.fixture(scope="module")
def desk() -> Desk:
    made = Desk()
    refused(made, made.request(sim=made.node.sim.with_firmware(WRONG)))
    return made


def carried(desk: Desk, found: Explained | None = None) -> bytes:
    found = found or explained(desk)
    state = desk.log.state
    return write_bundle(
        Carried(
            authority=make_bundle(state),
            receipt=desk.receipt(found.logged.index).to_bytes(),
            request=found.request,
            collateral=(),
            statements=tuple(sorted(state.by_digest.values(), key=lambda each: each.index)),
            leaves={},
            made=desk.clock(),
        ),
        found,
    )


def parts_of(raw: bytes) -> Parts:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


def zipped(parts: Parts, how: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", how) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return held.getvalue()


def relisted(parts: Parts) -> bytes:
    """With the digests of what is there now: as somebody who makes it all up would."""
    manifest = json.loads(parts["bundle.json"])
    manifest["files"] = [
        {"name": name, "digest": digest_of(data)}
        for name, data in parts.items()
        if name != "bundle.json"
    ]
    return zipped({**parts, "bundle.json": json.dumps(manifest, separators=(",", ":")).encode()})


def pinned(desk: Desk) -> Digest:
    return desk.log.fingerprint


def test_it_is_checked_again_without_a_server(desk: Desk) -> None:
    raw = carried(desk)
    assert raw == carried(desk)
    found = recheck(raw, pinned(desk), desk.clock())
    assert found.differing == ()
    assert found.authority.fingerprint == pinned(desk)
    (fault,) = found.explained.explanation.faults
    assert fault.code == "measurement-mismatch"
    assert fault.source is not None
    assert found.explained.explanation.measurable


def test_a_grant_is_carried_too() -> None:
    desk = Desk()
    released(desk)
    found = recheck(carried(desk), pinned(desk), desk.clock())
    assert found.differing == ()
    assert found.explained.explanation.faults == ()


def test_another_authority_proves_nothing(desk: Desk) -> None:
    with pytest.raises(UntrustedError):
        recheck(carried(desk), Digest("sha256:" + "ab" * 32), desk.clock())


def other_log(parts: Parts) -> Parts:
    other = Desk()
    refused(other, other.request(sim=other.node.sim.with_firmware(WRONG)))
    return {**parts, "receipt.json": parts_of(carried(other))["receipt.json"]}


def other_evidence(parts: Parts) -> Parts:
    """Nothing is shown for what does not have the entry's digest."""
    raw = json.dumps({"request": b64(b"{}")}, separators=(",", ":")).encode()
    return {**parts, "evidence.json": raw}


def without_approvals(parts: Parts) -> Parts:
    document = json.loads(parts["statements.json"])
    document["statements"][3]["approvals"] = []
    return {**parts, "statements.json": json.dumps(document, separators=(",", ":")).encode()}


def out_of_order(parts: Parts) -> Parts:
    document = json.loads(parts["statements.json"])
    document["statements"].reverse()
    return {**parts, "statements.json": json.dumps(document, separators=(",", ":")).encode()}


def another_index(parts: Parts) -> Parts:
    manifest = json.loads(parts["bundle.json"])
    manifest["index"] += 1
    return {**parts, "bundle.json": json.dumps(manifest, separators=(",", ":")).encode()}


def another_node(parts: Parts) -> Parts:
    manifest = json.loads(parts["bundle.json"])
    manifest["node"] = "node-9"
    return {**parts, "bundle.json": json.dumps(manifest, separators=(",", ":")).encode()}


@pytest.mark.parametrize(
    "bend", [other_log, without_approvals, out_of_order, another_index, another_node]
)
def test_what_does_not_hold_together_is_refused(desk: Desk, bend: Callable[[Parts], Parts]) -> None:
    with pytest.raises(KeyturnError):
        recheck(relisted(bend(parts_of(carried(desk)))), pinned(desk), desk.clock())


def test_evidence_that_was_taken_out_or_changed_is_told(desk: Desk) -> None:
    found = recheck(relisted(other_evidence(parts_of(carried(desk)))), pinned(desk), desk.clock())
    assert not found.explained.explanation.measurable
    assert "evidence" in found.differing


def test_an_appraisal_that_says_otherwise_is_told(desk: Desk) -> None:
    parts = parts_of(carried(desk))
    met = parts["appraisal.json"].replace(b'"not-met"', b'"met"')
    found = recheck(relisted({**parts, "appraisal.json": met}), pinned(desk), desk.clock())
    assert found.differing == ("cpu: firmware measurement",)


def test_a_hint_or_an_expectation_of_somebody_else_is_told(desk: Desk) -> None:
    parts = parts_of(carried(desk))
    document = json.loads(parts["appraisal.json"])
    for place, name in ((0, "hint"), (1, "expected")):
        document["checks"][place][name] = "replace its firmware by ours"
    raw = json.dumps(document, separators=(",", ":")).encode()
    found = recheck(relisted({**parts, "appraisal.json": raw}), pinned(desk), desk.clock())
    assert {each["check"] for each in document["checks"][:2]} <= set(found.differing)


def test_texts_for_people_that_say_otherwise_are_told(desk: Desk) -> None:
    """The attack: all proofs are right, and the file that people open says that all is well."""
    parts = parts_of(carried(desk))
    for name, lie in (
        ("explanation.txt", b"node node-1: attested, nothing to mend\n"),
        ("explanation.json", parts["explanation.json"].replace(b"measurement-mismatch", b"none")),
        ("explanation.json", parts["explanation.json"].replace(WRONG.hex().encode(), b"ab" * 48)),
    ):
        assert parts[name] != lie
        found = recheck(relisted({**parts, name: lie}), pinned(desk), desk.clock())
        assert name in found.differing


def test_who_shares_a_fault_is_the_bundles_word(desk: Desk) -> None:
    found = explained(desk)
    (fault,) = found.explanation.faults
    shared = explain_examined(
        found.examination,
        found.logged,
        found.request,
        desk.log.state,
        desk.clock(),
        NO_COLLATERAL,
        said={fault.finding.check: (("node-8",), ("node-9",))},
    )
    again = recheck(carried(desk, shared), pinned(desk), desk.clock())
    assert again.differing == ()
    (fault,) = again.explained.explanation.faults
    assert (fault.shared_by, fault.passed_by) == (("node-8",), ("node-9",))


def test_a_field_more_is_refused(desk: Desk) -> None:
    parts = parts_of(carried(desk))
    manifest = {**json.loads(parts["bundle.json"]), "note": "all is well"}
    raw = json.dumps(manifest, separators=(",", ":")).encode()
    with pytest.raises(MalformedError):
        recheck(zipped({**parts, "bundle.json": raw}), pinned(desk), desk.clock())


def test_a_file_that_is_not_the_listed_one(desk: Desk) -> None:
    parts = parts_of(carried(desk))
    with pytest.raises(BundleDisagrees):
        recheck(zipped({**parts, "explanation.txt": b"all is well\n"}), pinned(desk), desk.clock())


def extra(raw: bytes) -> bytes:
    return zipped({**parts_of(raw), "more.txt": b""})


def missing(raw: bytes) -> bytes:
    parts = parts_of(raw)
    del parts["leaves.json"]
    return zipped(parts)


def packed(raw: bytes) -> bytes:
    return zipped(parts_of(raw), zipfile.ZIP_DEFLATED)


def climbing(raw: bytes) -> bytes:
    parts = parts_of(raw)
    return zipped({**parts, "../evil": parts.pop("leaves.json")})


def locked(raw: bytes) -> bytes:
    """Its first file says that it is encrypted."""
    bent = bytearray(raw)
    bent[6] |= 1
    bent[raw.index(b"PK\1\2") + 8] |= 1
    return bytes(bent)


def crowded(_raw: bytes) -> bytes:
    """A directory of empty entries: each would become an object before it could be counted."""
    one = b"PK\1\2" + bytes(42)
    return one * 50_000 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 10, 10, 46 * 50_000, 0, 0)


@pytest.mark.parametrize(
    "bend",
    [
        extra,
        missing,
        packed,
        climbing,
        locked,
        crowded,
        lambda _raw: b"",
        lambda raw: raw[:-30],
        lambda _r: b"PK\3\4",
    ],
)
def test_what_is_no_bundle_is_malformed(desk: Desk, bend: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedError):
        recheck(bend(carried(desk)), pinned(desk), desk.clock())


def test_the_entries_of_a_lease() -> None:
    entries = [(3, b"lease aa"), (4, b"lease bb"), (5, b"aa again")]
    assert lease_leaves(entries, "aa") == {3: b"lease aa", 5: b"aa again"}
    assert lease_leaves(entries, None) == {}


def test_it_is_checked_again_over_a_replaced_log_key() -> None:
    desk = Desk()
    desk.log.go_on()
    refused(desk, desk.request(sim=desk.node.sim.with_firmware(WRONG)))
    found = recheck(carried(desk), pinned(desk), desk.clock())
    assert found.differing == ()
    assert found.authority.origin == desk.log.origin
