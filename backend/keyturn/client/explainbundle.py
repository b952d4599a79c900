"""An explanation to be carried: everything that it rests on, to be checked again without a server.

A zip of stored files whose names and digests its first file lists (our protocol §8.10). It holds
what the log and the vendors signed, and what was made of it; no key, share, session or prompt.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.base.collateral import CollateralDocument, read_collateral
from keyturn.base.encoding import Digest, b64, digest_of, unb64
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.storedzip import check_directory
from keyturn.base.strictjson import Fields, Json, JsonObject, dump, load_object, parse_object
from keyturn.base.times import format_time
from keyturn.client.evidence import Collateral, collateral_at
from keyturn.client.examination import examine
from keyturn.client.explaining import (
    Explained,
    explain_examined,
    explanation_document,
    explanation_lines,
    finding_document,
)
from keyturn.client.nodeindex import KeptNode, NodeIndex
from keyturn.client.seen import Leaves, Seen
from keyturn.collateral.bundlefile import UNREADABLE
from keyturn.keyrelease.request import MAX_REQUEST
from keyturn.policy.explaining import Explanation, Sharing
from keyturn.policy.findings import Finding
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.bodies import Keys
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.quorum.continuation import is_other_log_key
from keyturn.quorum.entries import parse_entry
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import parse_statement
from keyturn.tlog.receipts import VerifiedEntry, parse_receipt, verify_receipt

MAX_BUNDLE = 64 << 20
MAX_STATEMENTS = 5000
MAX_NODES = 200_000
_MANIFEST = "bundle.json"
_FILES = (
    "authority.json",
    "receipt.json",
    "evidence.json",
    "collateral.json",
    "statements.json",
    "leaves.json",
    "appraisal.json",
    "explanation.json",
    "explanation.txt",
)
_TYPE = "keyturn-explanation"


@dataclass(frozen=True, slots=True)
class Carried:
    """What an explanation rests on. `leaves`: the entries about the lease that was renewed."""

    authority: bytes
    receipt: bytes
    request: bytes | None
    collateral: tuple[CollateralDocument, ...]
    statements: tuple[InForce, ...]
    leaves: Mapping[int, bytes]
    made: datetime


@dataclass(frozen=True, slots=True)
class Rechecked:
    """`differing`: checks and files of which the bundle says something else than was found here.

    Which other nodes share a fault or pass is the bundle's word.
    """

    explained: Explained
    entry: VerifiedEntry
    authority: Authority
    differing: tuple[str, ...]


class BundleDisagrees(UntrustedError):
    """A carried explanation does not hold together."""


def write_bundle(carried: Carried, explained: Explained) -> bytes:
    """The zip's bytes; the same explanation gives the same bytes."""
    parts: dict[str, bytes] = {
        "authority.json": carried.authority,
        "receipt.json": carried.receipt,
        "evidence.json": dump(
            {"request": None if carried.request is None else b64(carried.request)}
        ),
        "collateral.json": dump({"documents": [each.to_document() for each in carried.collateral]}),
        "statements.json": dump({"statements": [_statement(each) for each in carried.statements]}),
        "leaves.json": dump(
            {"leaves": [{"index": i, "leaf": b64(leaf)} for i, leaf in carried.leaves.items()]}
        ),
        "appraisal.json": dump(
            {"checks": [finding_document(each) for each in explained.examination.checks]}
        ),
        "explanation.json": dump(explanation_document(explained.explanation)),
        "explanation.txt": _text(explained.explanation),
    }
    manifest = dump(
        {
            "type": _TYPE,
            "format": 1,
            "node": explained.explanation.node,
            "index": explained.logged.index,
            "made": format_time(carried.made),
            "files": [{"name": name, "digest": digest_of(parts[name])} for name in _FILES],
        }
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name, data in ((_MANIFEST, manifest), *((name, parts[name]) for name in _FILES)):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return held.getvalue()


def recheck(raw: bytes, fingerprint: Digest, now: datetime) -> Rechecked:
    """Verify a bundle again, from the pinned fingerprint on; nothing in it is believed.

    When its statements came into force, and which others there were, is its own word: the receipt
    proves the entry alone. Raises MalformedError, UntrustedError, ServerLied.
    """
    parts, manifest = _read(raw)
    made = manifest.time("made")
    authority = load_bundle(parts["authority.json"], fingerprint, now, lenient=True)
    receipt = parse_receipt(parts["receipt.json"])
    entry = verify_receipt(receipt, authority.log_key(), authority.origin)
    node = manifest.text("node", limit=64)
    index_said = manifest.integer("index")
    manifest.done()
    if index_said != entry.index:
        raise BundleDisagrees("the receipt is of another entry", found=str(entry.index))
    state = _state(parts["statements.json"], fingerprint)
    request = _request(parts["evidence.json"])
    collateral = collateral_at(_collateral(parts["collateral.json"]), made)
    leaf = receipt.leaf
    kind = parse_entry(leaf).kind
    index = NodeIndex.restored(entry.index + 1, {}, [KeptNode(node, kind, entry.index, leaf)])
    seen = Seen(authority, entry.checkpoint, state, Leaves([], 0), index)
    leaves = {**_leaves(parts["leaves.json"]), entry.index: leaf}
    logged = index.logged(node)
    if logged is None or logged.entry.node != node:
        raise BundleDisagrees("the receipt is of another node's entry", expected=node)
    examination = examine(
        node,
        seen,
        lambda digest: request if request and digest_of(request) == digest else None,
        lambda start, end: (leaves.get(each, b"") for each in range(start, end)),
        lambda: collateral,
    )
    said = _sharing(parts["explanation.json"])
    explained = explain_examined(examination, logged, request, state, made, collateral, said=said)
    differing = (
        *_differing(parts["appraisal.json"], explained),
        *_texts_differing(parts, explained.explanation),
    )
    return Rechecked(explained, entry, authority, differing)


def lease_leaves(entries: Iterable[tuple[int, bytes]], lease: str | None) -> dict[int, bytes]:
    """Of entries that were read, those that name a lease."""
    if lease is None:
        return {}
    return {index: leaf for index, leaf in entries if lease.encode() in leaf}


# ---- reading ----


def _read(raw: bytes) -> tuple[dict[str, bytes], Fields]:
    """Every file, checked against the first; stored, named once, no more and no larger."""
    if len(raw) > MAX_BUNDLE:
        raise MalformedError("bundle: too large", expected=f"at most {MAX_BUNDLE} bytes")
    check_directory(raw, files=len(_FILES) + 1)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = dict(_entries(archive))
    except UNREADABLE as error:
        raise MalformedError("bundle: not a zip of stored files") from error
    if set(parts) != {_MANIFEST, *_FILES}:
        raise MalformedError("bundle: its files", found=", ".join(sorted(parts))[:300])
    manifest = parse_object(parts[_MANIFEST], limit=1 << 16, what="bundle")
    manifest.literal("type", _TYPE)
    manifest.literal("format", 1)
    listed = {}
    for each in manifest.objects("files", limit=len(_FILES)):
        listed[each.text("name", limit=64)] = each.digest("digest")
        each.done()
    for name in _FILES:
        if listed.get(name) != digest_of(parts[name]):
            raise BundleDisagrees(
                "a file of the bundle is not the one that it lists",
                found=f"{name}: {digest_of(parts[name])}",
                expected=str(listed.get(name)),
            )
    return parts, manifest


def _entries(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    infos = archive.infolist()
    names = [each.filename for each in infos]
    stored = all(each.compress_type == zipfile.ZIP_STORED for each in infos)
    if len(set(names)) != len(names) or not stored or sum(e.file_size for e in infos) > MAX_BUNDLE:
        raise MalformedError("bundle: its files are packed, too large, or there twice")
    for each in infos:
        yield each.filename, archive.read(each)


def _statement(found: InForce) -> JsonObject:
    return {
        "index": found.index,
        "since": format_time(found.since),
        "statement": b64(found.statement.raw),
        "approvals": [b64(each.raw) for each in found.approvals],
    }


def _state(raw: bytes, fingerprint: Digest) -> AuthorityState:
    """Every quorum is verified again. Raises MalformedError, SubmissionRefused."""
    fields = parse_object(raw, limit=MAX_BUNDLE, what="bundle: statements")
    state = AuthorityState(fingerprint)
    last = -1
    for each in fields.objects("statements", limit=MAX_STATEMENTS):
        index, since = each.integer("index"), each.time("since")
        statement = parse_statement(each.b64("statement", limit=1 << 20))
        approvals = tuple(
            parse_approval(unb64(text, what="approval"))
            for text in each.texts("approvals", limit=200)
        )
        each.done()
        if index <= last:
            raise BundleDisagrees("statements out of the log's order", found=str(index))
        last = index
        # The `origin` entry before another log key is no statement, so it is not in the bundle.
        renamed = isinstance(statement.body, Keys) and is_other_log_key(
            statement.body, state.newest_keys
        )
        state = replace(state, continued=renamed)
        approved_by = state.submit(statement, approvals, since)
        entered = state.enter(InForce(statement, approvals, approved_by, index, since))
        state = replace(entered, continued=False)
    fields.done()
    return state


def _request(raw: bytes) -> bytes | None:
    fields = parse_object(raw, limit=1 << 20, what="bundle: evidence")
    found = fields.nullable("request", lambda name: fields.b64(name, limit=MAX_REQUEST))
    fields.done()
    return found


def _collateral(raw: bytes) -> Sequence[CollateralDocument]:
    fields = parse_object(raw, limit=MAX_BUNDLE, what="bundle: collateral")
    found = [read_collateral(each) for each in fields.objects("documents", limit=10_000)]
    fields.done()
    return found


def _leaves(raw: bytes) -> dict[int, bytes]:
    fields = parse_object(raw, limit=MAX_BUNDLE, what="bundle: leaves")
    found = {}
    for each in fields.objects("leaves", limit=100_000):
        found[each.integer("index")] = each.b64("leaf", limit=1 << 16)
        each.done()
    fields.done()
    return found


def _sharing(raw: bytes) -> dict[str, Sharing]:
    """By check."""
    document = load_object(raw, limit=MAX_BUNDLE, what="bundle: explanation")
    return {
        each.text("check", limit=400): (
            each.texts("shared_by", limit=MAX_NODES),
            each.texts("passed_by", limit=MAX_NODES),
        )
        for each in Fields(document, "bundle: explanation").objects("faults", limit=10_000)
    }


def _differing(raw: bytes, explained: Explained) -> tuple[str, ...]:
    fields = parse_object(raw, limit=MAX_BUNDLE, what="bundle: appraisal")
    said = [_said(each) for each in fields.objects("checks", limit=10_000)]
    fields.done()
    found = [_facts(each) for each in explained.examination.checks]
    return tuple(sorted({check for check, *_ in set(said) ^ set(found)}))


_Facts = tuple[str, str, str, str, str | None, str | None, str]


def _said(fields: Fields) -> _Facts:
    found = (
        fields.text("check", limit=400),
        fields.text("outcome", limit=40),
        fields.text("found", limit=1 << 16, empty=True),
        fields.text("expected", limit=1 << 16, empty=True),
        fields.nullable("statement", fields.digest),
        fields.nullable("reason", lambda name: fields.text(name, limit=100)),
        fields.text("hint", limit=1 << 16, empty=True),
    )
    fields.done()
    return found


def _facts(each: Finding) -> _Facts:
    known = (each.check, each.outcome.value, each.found, each.expected)
    return (*known, each.statement, each.reason, each.hint)


def _texts_differing(parts: Mapping[str, bytes], found: Explanation) -> Iterator[str]:
    """What people open by itself must say what is found here. When a repair's draft was made is
    the one thing that nobody can find again."""
    said = load_object(parts["explanation.json"], limit=MAX_BUNDLE, what="bundle: explanation")
    if _timeless(said) != _timeless(explanation_document(found)):
        yield "explanation.json"
    if parts["explanation.txt"] != _text(found):
        yield "explanation.txt"


def _timeless(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if name != "obtained"}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _text(explanation: Explanation) -> bytes:
    return "\n".join(explanation_lines(explanation)).encode() + b"\n"


def collateral_of(known: Collateral) -> tuple[CollateralDocument, ...]:
    """The documents behind what was used, in a fixed order."""
    return tuple(
        sorted(known.documents.documents.values(), key=lambda e: (e.kind.value, e.scope, e.digest))
    )
