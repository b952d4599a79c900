"""Collateral on its way to the keyholder, and its answer (our protocol §4.7, §7.1, §7.5)."""

from collections.abc import Iterable
from dataclasses import dataclass

from keyturn.base.collateral import CollateralDocument, read_collateral
from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.strictjson import Fields, dump, parse_object

MAX_COLLATERAL = 64
"""Documents that are handed in at once."""
MAX_COLLATERAL_FILE = 256 << 20
MAX_TOGETHER = 4 << 20
"""Bytes of data that `batches` puts together, so that they fit into a frame."""


@dataclass(frozen=True, slots=True)
class CollateralRefused:
    """One document that is not kept, and why."""

    kind: str
    scope: str
    reason: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class CollateralAnswer:
    """`kept`: digests of the documents' data, also of those that were kept before."""

    kept: tuple[Digest, ...]
    refused: tuple[CollateralRefused, ...]


def read_collateral_answer(answer: Fields) -> CollateralAnswer:
    """The two fields of the answer; the caller ends the reading. Raises MalformedError."""
    kept = tuple(
        parse_digest(each, what="kept collateral")
        for each in answer.texts("kept", limit=MAX_COLLATERAL)
    )
    refused = tuple(_read_refused(each) for each in answer.objects("refused", limit=MAX_COLLATERAL))
    return CollateralAnswer(kept, refused)


def read_documents(fields: Fields) -> tuple[CollateralDocument, ...]:
    """The field `documents`; the caller ends the reading. Raises MalformedError."""
    listed = fields.objects("documents", limit=MAX_COLLATERAL)
    return tuple(read_collateral(each) for each in listed)


def _read_refused(fields: Fields) -> CollateralRefused:
    found = CollateralRefused(
        fields.text("kind", limit=40),
        fields.text("scope", limit=300),
        fields.text("reason", limit=100),
        fields.text("found", limit=4000, empty=True),
        fields.text("expected", limit=4000, empty=True),
    )
    fields.done()
    return found


def read_collateral_file(raw: bytes) -> tuple[CollateralDocument, ...]:
    """Documents as they are carried to a keyholder's own machine. Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_COLLATERAL_FILE, what="collateral file")
    fields.literal("type", "collateral")
    fields.literal("format", 1)
    found = tuple(read_collateral(each) for each in fields.objects("documents"))
    fields.done()
    return found


def write_collateral_file(documents: Iterable[CollateralDocument]) -> bytes:
    """What `read_collateral_file` reads."""
    rows = [each.to_document() for each in documents]
    return dump({"type": "collateral", "format": 1, "documents": rows})


def batches(documents: Iterable[CollateralDocument]) -> list[tuple[CollateralDocument, ...]]:
    """In order, as many together as may be handed in at once, and no two of the same data: an
    answer names what is kept by its data alone, and another chain beside it proves nothing."""
    found: list[list[CollateralDocument]] = [[]]
    size, there = 0, set[Digest]()
    for each in documents:
        length, digest = len(each.data) + sum(map(len, each.chain)), each.digest
        full = len(found[-1]) == MAX_COLLATERAL or digest in there
        if full or (found[-1] and size + length > MAX_TOGETHER):
            found.append([])
            size, there = 0, set()
        found[-1].append(each)
        there.add(digest)
        size += length
    return [tuple(each) for each in found if each]
