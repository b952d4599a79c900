"""Questions of unsealing: what one end writes the other reads, and nothing else."""

import pytest

from keyturn.base.encoding import b64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, dump, load_object
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharesets import SetGroup, ShareMember, ShareSet
from keyturn.quorum.roster import OfficerId
from keyturn.wire.keyholder import parse_request, read_answer
from keyturn.wire.unsealing import (
    AskSeal,
    AskUnseal,
    HandShare,
    ShareTaken,
    UnsealNews,
    UnsealRequest,
    parse_unseal_request,
)

MEMBERS = tuple(
    ShareMember(OfficerId(name), 0, place, "ab" * 4) for place, name in enumerate(("ada", "bela"))
)
SETS = (ShareSet(ShareUse.USER, 7, 1, (SetGroup(2, MEMBERS),)),)
NEWS = UnsealNews("0f" * 16, True, b"host", None, b"record", SETS, ("ada",), 1)
REQUESTS = [AskUnseal(), HandShare(b"{}", (b"sealed",)), AskSeal(b"{}")]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_a_request_is_read_as_it_was_asked(request_: UnsealRequest) -> None:
    document = load_object(dump(request_.document()), limit=1 << 20, what="frame")
    assert parse_request(document) == request_
    with pytest.raises(MalformedError):
        parse_request({**document, "more": 1})
    for name in document:
        with pytest.raises(MalformedError):
            parse_request({each: value for each, value in document.items() if each != name})


def test_two_attachments_are_one_too_many() -> None:
    document = HandShare(b"{}", (b"a", b"b")).document()
    with pytest.raises(MalformedError):
        parse_request(document)


def test_another_operation_is_none_of_these() -> None:
    assert parse_unseal_request("ceremonies", Fields({}, "request")) is None


@pytest.mark.parametrize("evidence", [None, b"evidence"])
def test_the_news_are_read_as_they_were_told(evidence: bytes | None) -> None:
    news = UnsealNews(**{**{f: getattr(NEWS, f) for f in NEWS.__slots__}, "evidence": evidence})
    assert read_answer(AskUnseal(), {"ok": True, **news.document()}) == news


@pytest.mark.parametrize(
    "wrong",
    [
        {"session": "0f" * 15},
        {"sealed": 1},
        {"host": "?"},
        {"shares": [{}]},
        {"entered": ["ada", "ada"]},
        {"missing": -1},
        {"more": 1},
        {"evidence": b64(bytes(200 << 10))},
    ],
)
def test_news_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    document = {"ok": True, **NEWS.document(), **wrong}
    with pytest.raises(MalformedError):
        read_answer(AskUnseal(), document)  # type: ignore[arg-type]


def test_what_became_of_a_share_is_read() -> None:
    taken = ShareTaken(("ada",), 1, sealed=True)
    answer = {"ok": True, **taken.document()}
    assert read_answer(HandShare(b"{}", (b"x",)), answer) == taken  # type: ignore[arg-type]
    assert read_answer(AskSeal(b"{}"), {"ok": True, "index": 9}) == 9
    assert not HandShare.repeatable
    assert not AskSeal.repeatable
