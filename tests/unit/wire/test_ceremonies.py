"""What a ceremony's host is asked, and what it answers, read strictly at both ends."""

from collections.abc import Callable

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject, dump, load_object
from keyturn.ceremony.script import ShareUse
from keyturn.wire import ceremonies as asked
from keyturn.wire.keyholder import ok_answer, parse_request, read_answer

REQUESTS: list[asked.CeremonyRequest] = [
    asked.AskCeremonies(),
    asked.AskCeremony("kc-1", 3),
    asked.OpenCeremony(b"plan"),
    asked.SignStep("kc-1", b"envelope", (b"a share", b"another")),
    asked.SayInCeremony("kc-1", b"envelope"),
    asked.AskCeremonyFile("kc-1", "authority.bundle"),
    asked.PutCeremonyFile("kc-1", "kek-backup.json", b"{}"),
    asked.RewrapKeys("kc-1", bytes(2 * asked.REWRAP_ITEM)),
]
WAITING = asked.Waiting(
    "prove-shares",
    5,
    digest_of(b"record 4"),
    (("ada", "administrator"),),
    (asked.ShareBox("bob", "user", 0, 2, b"box"),),
    (asked.StatementToSign("roster", "propose", "application/x", b"{}"),),
    asked.Progress(3, 10, "keys"),
    interrupted=True,
    unmet=(ShareUse.SO, ShareUse.BACKUP),
    entered=(("user", "bob"),),
)
ROW = asked.CeremonyRow(
    "kc-1", "genesis", True, asked.CeremonyState.RUNNING, None, 0, "2026-11-29T21:00:00Z"
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_a_request_is_read_as_it_was_asked(request_: asked.CeremonyRequest) -> None:
    document = load_object(dump(request_.document()), limit=1 << 20, what="frame")
    assert parse_request(document) == request_


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_a_field_more_or_less_is_refused(request_: asked.CeremonyRequest) -> None:
    document = request_.document()
    with pytest.raises(MalformedError, match="unknown"):
        parse_request({**document, "more": 1})
    for name in document:
        with pytest.raises(MalformedError):
            parse_request({key: value for key, value in document.items() if key != name})


@pytest.mark.parametrize("items", [bytes(asked.REWRAP_ITEM - 1), bytes(1)], ids=len)
def test_keys_to_wrap_again_are_whole(items: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_request(asked.RewrapKeys("kc-1", items).document())


def test_the_news_of_a_ceremony_come_back_as_they_were() -> None:
    news = asked.CeremonyNews((b"record 4", b"record 5"), 5, WAITING)
    assert _read(asked.AskCeremony("kc-1"), asked.news_document(news)) == news
    over = asked.CeremonyNews((), 5, None)
    assert _read(asked.AskCeremony("kc-1"), asked.news_document(over)) == over


def test_the_list_comes_back_as_it_was() -> None:
    answer: JsonObject = {"host": "e30=", "ceremonies": [asked.row_document(ROW)]}
    assert _read(asked.AskCeremonies(), answer) == asked.CeremonyList(b"{}", (ROW,))


@pytest.mark.parametrize(
    "change",
    [
        lambda each: each.update(seq=-1),
        lambda each: each.update(previous="sha256:00"),
        lambda each: each.update(interrupted=1),
        lambda each: each["boxes"][0].update(member=16),
        lambda each: each["signed"][0].pop("part"),
        lambda each: each["progress"].update(total="10"),
        lambda each: each.update(more=None),
        lambda each: each.pop("unmet"),
        lambda each: each.update(unmet=True),
        lambda each: each.update(unmet=["so", "so"]),
        lambda each: each.update(unmet=["user", "so", "backup", "user"]),
        lambda each: each.update(unmet=["pin"]),
        lambda each: each.update(unmet=[1]),
    ],
)
def test_what_it_waits_for_is_read_strictly(change: Callable[[JsonObject], None]) -> None:
    news = asked.news_document(asked.CeremonyNews((), 5, WAITING))
    raw = load_object(dump(news), limit=1 << 20, what="answer")
    waiting = raw["waiting"]
    assert isinstance(waiting, dict)
    change(waiting)
    with pytest.raises(MalformedError):
        asked.AskCeremony("kc-1").read(Fields(raw, "answer"))


def test_a_step_taken_and_a_file_handed_in() -> None:
    signed = asked.SignStep("kc-1", b"", ())
    assert _read(signed, {"seq": 2, "event": None}) == asked.StepTaken(2, None)
    assert _read(signed, {"seq": 3, "event": "done"}) == asked.StepTaken(3, "done")
    put = asked.PutCeremonyFile("kc-1", "x", b"")
    assert _read(put, {"digest": digest_of(b"x")}) == digest_of(b"x")


def _read(request: asked.CeremonyRequest, fields: JsonObject) -> object:
    return read_answer(request, load_object(dump(ok_answer(fields)), limit=1 << 20, what="answer"))
