"""Both ends of the keyholder's socket: what one writes the other reads, and nothing else."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError, UnreachableError, UntrustedError
from keyturn.base.strictjson import JsonObject, dump, load_object
from keyturn.ceremony.tokenreport import encode_report
from keyturn.quorum.reports import ConfigurationEntry, Program, ReportEntry, SignInFailure
from keyturn.quorum.roster import OfficerId
from keyturn.wire import keyholder as asked
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import error_answer, parse_request, read_answer
from support import tokens
from support.authority import START

DIGEST = "sha256:" + "ab" * 32
FAILURES: dict[str, object] = {
    "event": "sign-in-failures",
    "officer": None,
    "reason": "malformed",
    "count": 1,
    "since": "2026-11-23T08:00:00Z",
}
REQUESTS = [
    asked.AskHello(),
    asked.AskChallenge(),
    asked.AskTpmCredential(b"ak", b"ek", (b"leaf", b"issuer")),
    asked.AskRelease(b"{}", None),
    asked.AskRelease(b"{}", b"w" * 40),
    asked.Submit(b"s", (b"a", b"b"), b"k"),
    asked.Submit(b"s", ()),
    asked.Withdraw(b"s", b"w"),
    asked.Record(b"s", b"a"),
    asked.Report(ReportEntry(OfficerId("ada"), SignInFailure.BAD_NONCE, 2, START)),
    asked.Report(ReportEntry(None, SignInFailure.MALFORMED, 1, START)),
    asked.Report(ConfigurationEntry(Program.CONTROL, Digest(DIGEST), ("port",), "keyturn 1")),
    asked.AskEntries(0, 1000),
    asked.AskObject(DIGEST),
    asked.AskCheckpoint(),
    asked.HandCollateral(
        (CollateralDocument(CollateralKind.AMD_CRL, "vcek/Genoa", b"d", (b"c",)),)
    ),
    asked.AskReceipt(7),
    asked.AskReceipt(7, asked.Under.COSIGNED),
    asked.AskConsistency(1, 2),
    asked.HandCosigned("note"),
    asked.AskCosignatures(),
    asked.AskHsm(),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_a_request_is_read_as_it_was_asked(request_: asked.AnyRequest) -> None:
    document = load_object(dump(request_.document()), limit=1 << 20, what="frame")
    assert parse_request(document) == request_


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_a_field_more_or_less_is_refused(request_: asked.AnyRequest) -> None:
    document = request_.document()
    with pytest.raises(MalformedError, match="unknown"):
        parse_request({**document, "more": 1})
    for name in document:
        with pytest.raises(MalformedError):
            parse_request({k: v for k, v in document.items() if k != name})


@pytest.mark.parametrize(
    "document",
    [
        {"op": "export-key"},
        {"op": "entries", "start": 5, "end": 4},
        {"op": "entries", "start": 0, "end": 1001},
        {"op": "entries", "start": -1, "end": 1},
        {"op": "object", "digest": "sha256:AB"},
        {"op": "submit", "statement": "", "approvals": [1], "key": None, "manifest": None},
        {"op": "submit", "statement": "", "approvals": ["*"], "key": None, "manifest": None},
        {"op": "release", "request": "e30", "wrapped": None},
        {"op": "record", "statement": "*", "approval": ""},
        {"op": "record", "statement": "", "approval": None},
        {"op": "report", "report": None},
        {"op": "report", "report": []},
        {"op": "report", "report": {"event": "reboot"}},
        {"op": "report", "report": {"event": 1}},
        {"op": "report", "report": {**FAILURES, "program": "control"}},
        {"op": "report", "report": {**FAILURES, "count": 0}},
        {"op": "report", "report": {**FAILURES, "event": "configuration"}},
    ],
)
def test_what_has_no_meaning_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        parse_request(document)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MalformedError("x"), "malformed"),
        (UntrustedError("x"), "untrusted"),
        (UnreachableError("x"), "unreachable"),
        (PeerRefused("untrusted", "x"), "untrusted"),
    ],
)
def test_an_error_crosses_with_its_kind(error: Exception, kind: str) -> None:
    document = error_answer(error)  # type: ignore[arg-type]
    with pytest.raises(PeerRefused) as caught:
        read_answer(asked.AskHello(), document)
    assert caught.value.kind == kind


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.text(max_size=8)))
def test_no_answer_from_nowhere_is_believed(document: dict[str, object]) -> None:
    for each in REQUESTS:
        with pytest.raises((MalformedError, PeerRefused)):
            read_answer(each, document)  # type: ignore[arg-type, type-var]


def test_answers_are_typed() -> None:
    answer = {"ok": True, "challenge": "00" * 56, "valid_seconds": 120}
    issued = read_answer(asked.AskChallenge(), answer)  # type: ignore[arg-type]
    assert (issued.challenge, issued.valid_seconds) == ("00" * 56, 120)
    for wrong in ({"challenge": "00" * 55}, {"valid_seconds": 0}, {"valid_seconds": True}):
        with pytest.raises(MalformedError):
            read_answer(asked.AskChallenge(), {**answer, **wrong})  # type: ignore[arg-type]


def _told(**changed: object) -> JsonObject:
    return cast("JsonObject", {"ok": True, **tokens.answer(), **changed})


def test_what_is_told_of_the_token_is_read_strictly() -> None:
    told = read_answer(asked.AskHsm(), _told())
    assert told.inventory == tokens.INVENTORY
    assert told.preflight == encode_report(tokens.REPORT)
    assert read_answer(asked.AskHsm(), _told(preflight=None)).preflight is None


@pytest.mark.parametrize(
    "wrong", [{"preflight": "*"}, {"preflight": 1}, {"inventory": {}}, {"more": 1}]
)
def test_what_is_told_otherwise_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_answer(asked.AskHsm(), _told(**wrong))
