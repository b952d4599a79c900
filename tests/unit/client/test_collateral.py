"""Collateral from and for a server that may lie: pages that end, answers about what was asked."""

from collections.abc import Sequence

import pytest

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.client.collateral import check_taken, read_pages
from keyturn.client.errors import ServerLied


def document(number: int) -> CollateralDocument:
    return CollateralDocument(CollateralKind.AMD_CRL, f"vcek/{number}", bytes([number]), (b"c",))


def pages(answers: Sequence[JsonObject], asked: list[str]) -> list[CollateralDocument]:
    left = list(answers)

    def get(path: str) -> Fields:
        asked.append(path)
        return Fields(left.pop(0), "answer")

    return list(read_pages(get))


def page(*numbers: int, following: object = None) -> JsonObject:
    return {"documents": [document(each).to_document() for each in numbers], "next": following}  # type: ignore[dict-item, list-item]


def test_page_follows_page() -> None:
    asked: list[str] = []
    found = pages([page(1, 2, following="0a" * 32), page(3)], asked)
    assert found == [document(1), document(2), document(3)]
    assert asked == ["/v1/collateral", f"/v1/collateral?after={'0a' * 32}"]


@pytest.mark.parametrize(
    "answers",
    [
        [{"documents": []}],
        [{"documents": [{}], "next": None}],
        [{**page(1), "more": 1}],
        [page(1, following="")],
        [page(1, following="zz" * 32)],
        [page(1, following=7)],
    ],
)
def test_what_is_no_page_is_refused(answers: list[JsonObject]) -> None:
    with pytest.raises(MalformedError):
        pages(answers, [])


def test_a_circle_is_a_lie() -> None:
    with pytest.raises(ServerLied, match="circle"):
        pages([page(1, following="0b" * 32), page(1, following="0a" * 32)], [])


def test_an_answer_is_about_what_was_handed_in() -> None:
    handed = [document(1), document(2)]
    refusal = {"kind": "amd-crl", "scope": "s", "reason": "r", "found": "f", "expected": "e"}

    def taken(**changed: object) -> Fields:
        answer = {"kept": [handed[0].digest], "refused": [refusal], **changed}
        return Fields(answer, "answer")  # type: ignore[arg-type]

    assert check_taken(taken(), handed).kept == (handed[0].digest,)
    with pytest.raises(ServerLied):
        check_taken(taken(kept=[digest_of(b"other")]), handed)
    with pytest.raises(ServerLied):
        check_taken(taken(refused=[refusal] * 3), handed)
    with pytest.raises(MalformedError):
        check_taken(taken(more=1), handed)
