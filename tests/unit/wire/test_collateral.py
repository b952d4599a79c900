"""Collateral on the socket: read strictly, in batches that fit into frames."""

from dataclasses import replace

import pytest

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, dump, load_object
from keyturn.wire.collateral import (
    MAX_COLLATERAL,
    MAX_TOGETHER,
    CollateralRefused,
    batches,
    read_collateral_answer,
    read_collateral_file,
    write_collateral_file,
)
from keyturn.wire.frames import MAX_FRAME
from keyturn.wire.keyholder import HandCollateral, parse_request


def document(size: int = 3, scope: str = "root") -> CollateralDocument:
    return CollateralDocument(CollateralKind.INTEL_ROOT_CRL, scope, b"x" * size, (b"root",))


def test_what_one_end_writes_the_other_reads() -> None:
    question = HandCollateral((document(), document(5, "td")))
    raw = dump(question.document())
    assert parse_request(load_object(raw, limit=1 << 20, what="a question")) == question


@pytest.mark.parametrize(
    "documents",
    [
        None,
        {},
        [1],
        [{}],
        [{**document().to_document(), "more": 1}],
        [{**document().to_document(), "kind": "intel-crl"}],
        [{**document().to_document(), "data": ""}],
        [document().to_document()] * (MAX_COLLATERAL + 1),
    ],
)
def test_what_is_no_list_of_documents_is_refused(documents: object) -> None:
    with pytest.raises(MalformedError):
        parse_request({"op": "collateral", "documents": documents})  # type: ignore[dict-item]
    raw = dump({"type": "collateral", "format": 1, "documents": documents})
    if not isinstance(documents, list) or len(documents) <= MAX_COLLATERAL:
        with pytest.raises(MalformedError):
            read_collateral_file(raw)


def test_an_answer_is_typed() -> None:
    refused = {"kind": "amd-crl", "scope": "s", "reason": "r", "found": "", "expected": "e"}
    answer: dict[str, object] = {"kept": [digest_of(b"x")], "refused": [refused]}
    found = read_collateral_answer(Fields(answer, "answer"))  # type: ignore[arg-type]
    assert found.kept == (digest_of(b"x"),)
    assert found.refused == (CollateralRefused("amd-crl", "s", "r", "", "e"),)
    for wrong in (
        {"kept": ["x"]},
        {"kept": None},
        {"refused": [{**refused, "more": 1}]},
        {"refused": [{"kind": "amd-crl"}]},
    ):
        with pytest.raises(MalformedError):
            read_collateral_answer(Fields({**answer, **wrong}, "answer"))  # type: ignore[arg-type, dict-item]


def test_a_file_is_read_as_it_was_written() -> None:
    documents = (document(), document(7, "td"))
    raw = write_collateral_file(documents)
    assert read_collateral_file(raw) == documents
    for wrong in (b"", raw[:-1], raw.replace(b'"format":1', b'"format":2'), raw + b"x"):
        with pytest.raises(MalformedError):
            read_collateral_file(wrong)


def test_batches_fit_into_frames_and_lose_nothing() -> None:
    documents = [document(1 << 20, f"s{n}") for n in range(9)]
    documents += [document(10, f"t{n}") for n in range(2 * MAX_COLLATERAL)]
    found = batches(documents)

    assert [each for batch in found for each in batch] == documents
    for batch in found:
        raw = dump(HandCollateral(batch).document())
        assert len(raw) <= MAX_FRAME
        assert sum(raw.count(each) for each in (b",", b"[", b"{")) <= 1024
        assert len(batch) <= MAX_COLLATERAL
    assert batches([]) == []
    assert len(batches([document(MAX_TOGETHER + 1)])) == 1


def test_no_two_of_the_same_data_are_handed_in_together() -> None:
    """An answer would keep both by keeping one."""
    good = document(10)
    bent = replace(good, chain=(b"another chain",))
    other = document(11)
    assert batches([good, bent, other, good]) == [(good,), (bent, other), (good,)]
