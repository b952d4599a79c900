import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import KeyId
from keyturn.ceremony.tokenreport import ReportedToken, ReportedVendor
from keyturn.hsm import kekmessages
from keyturn.hsm.errors import (
    BackupRefused,
    HsmError,
    HsmRequestError,
    HsmUnreachable,
    KeyBindingError,
    PinRefused,
    TokenError,
    UntrustedRecipient,
    WrappedKeyError,
)
from keyturn.hsm.kekwork import (
    AttributeReport,
    CeremonyOrder,
    KekOrigin,
    KekProfile,
    KekReport,
    KekState,
    RewrapItem,
)
from keyturn.hsm.messages import (
    About,
    Hello,
    LoadMark,
    Release,
    Request,
    Sign,
    StoreMark,
    encode_failure,
    encode_hello,
    encode_request,
    encode_result,
    parse_answer,
    parse_hello,
    parse_request,
    read_bytes,
    read_wrapped,
    whole,
)
from keyturn.hsm.protocol import (
    Admission,
    Assurance,
    KeyAlgorithm,
    OaepHash,
    PublicKey,
    Purpose,
    ReleaseOrder,
    Wrapped,
)

_b32 = st.binary(min_size=32, max_size=32)
_admissions = st.builds(Admission, st.binary(max_size=1024), st.sampled_from(OaepHash), _b32, _b32)
_orders = st.builds(
    ReleaseOrder, _b32, _b32, st.binary(max_size=1024), st.integers(0, 2**53 - 1), _b32
)
_operations = st.one_of(
    _admissions,
    st.builds(Release, st.binary(max_size=1024), _orders),
    st.builds(
        Sign, st.sampled_from([Purpose.LOG, Purpose.RESULT]), st.binary(min_size=1, max_size=99)
    ),
    st.builds(StoreMark, st.binary(min_size=1, max_size=99)),
    st.builds(LoadMark),
)
ORDER = CeremonyOrder("kek-rotation-1", 3, bytes(32), 7)
KEK_ID = KeyId("ab" * 32)
KEK = KekReport(
    KEK_ID,
    KekProfile.RECOVERABLE,
    KekState.ACTIVE,
    KekOrigin.MADE,
    (AttributeReport("EXTRACTABLE", "True", True),),
)
REQUESTS = {
    "rewrap_admission": Admission(b"w" * 384, OaepHash.SHA1, bytes(32), bytes(32)),
    "release": Release(b"k" * 40, ReleaseOrder(bytes(32), bytes(32), b"spki", 7, bytes(32))),
    "sign_log": Sign(Purpose.LOG, b"m"),
    "sign_result": Sign(Purpose.RESULT, b"m"),
    "store_mark": StoreMark(b"m"),
    "load_mark": LoadMark(),
    "describe_keys": kekmessages.DescribeKeys(),
    "make_kek": kekmessages.MakeKek(ORDER, KekProfile.RECOVERABLE),
    "activate_kek": kekmessages.ActivateKek(ORDER, KEK_ID),
    "retire_kek": kekmessages.RetireKek(ORDER, KEK_ID),
    "destroy_kek": kekmessages.DestroyKek(ORDER, KEK_ID),
    "rewrap": kekmessages.Rewrap(ORDER, KEK_ID, (RewrapItem(bytes(32), b"t" * 32, b"w" * 40),) * 2),
    "backup_kek": kekmessages.BackupKek(ORDER, KEK_ID, b"spki"),
}


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(encode_request(Request(1, REQUESTS[name])))
    return document


def _paths(document: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in document.items():
        found.append((*above, key))
        if isinstance(value, dict):
            found += _paths(value, (*above, key))
    return found


_EVERY_FIELD = [(name, path) for name in REQUESTS for path in _paths(_document(name))]


@given(st.integers(0, 2**53 - 1), _operations)
def test_requests_are_read_as_written(number: int, operation: Any) -> None:
    request = Request(number, operation)
    assert parse_request(encode_request(request)) == request


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=list(REQUESTS))
def test_each_request_is_read_as_written(request_: Any) -> None:
    assert parse_request(encode_request(Request(1, request_))) == Request(1, request_)


@pytest.mark.parametrize(("name", "path"), _EVERY_FIELD)
def test_a_missing_field_is_refused_by_name(name: str, path: tuple[str, ...]) -> None:
    document = _document(name)
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    with pytest.raises(MalformedError, match=path[-1]):
        parse_request(json.dumps(document).encode())


@pytest.mark.parametrize("name", REQUESTS)
def test_an_unknown_field_is_refused(name: str) -> None:
    raw = json.dumps({**_document(name), "extra": 1}).encode()
    with pytest.raises(MalformedError, match="extra"):
        parse_request(raw)


@pytest.mark.parametrize(
    ("name", "inner"),
    [("release", "grant"), ("rewrap_admission", "admission"), ("make_kek", "order")],
)
def test_an_unknown_field_of_an_order_is_refused(name: str, inner: str) -> None:
    document = _document(name)
    document[inner]["extra"] = 1
    with pytest.raises(MalformedError, match="extra"):
        parse_request(json.dumps(document).encode())


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"id":1,"op":"export"}', b"\xff", b"{" * 40])
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_request(raw)


def test_an_order_by_key_name_does_not_exist() -> None:
    with pytest.raises(HsmRequestError, match="unknown operation"):
        parse_request(b'{"id":1,"op":"unwrap","key":"keyturn-kek"}')


@pytest.mark.parametrize("result", [b"", b"signature", None])
def test_results_are_read_as_written(result: bytes | None) -> None:
    assert parse_answer(encode_result(3, result), 3, read_bytes) == result


def test_a_wrapped_key_is_read_as_written() -> None:
    wrapped = Wrapped(b"c" * 384, OaepHash.SHA1)
    assert parse_answer(encode_result(3, wrapped), 3, whole(read_wrapped)) == wrapped


def test_an_answer_to_another_request_is_refused() -> None:
    with pytest.raises(MalformedError, match="id"):
        parse_answer(encode_result(2, b"x"), 3, read_bytes)
    with pytest.raises(MalformedError, match="another request"):
        parse_answer(encode_failure(2, TokenError("x")), 3, read_bytes)


def test_an_answer_of_another_kind_is_refused() -> None:
    with pytest.raises(MalformedError):
        parse_answer(encode_result(3, b"x"), 3, whole(read_wrapped))
    with pytest.raises(MalformedError):
        parse_answer(encode_result(3, Wrapped(b"x", OaepHash.SHA1)), 3, read_bytes)


@pytest.mark.parametrize(
    "kind",
    [
        HsmRequestError,
        WrappedKeyError,
        KeyBindingError,
        PinRefused,
        TokenError,
        UntrustedRecipient,
        BackupRefused,
        HsmUnreachable,
    ],
)
def test_errors_keep_their_kind_and_words(kind: type[KeyturnError]) -> None:
    sent = kind("message", found="found", expected="expected", hint="hint")
    got = parse_answer(encode_failure(3, sent), 3, read_bytes)
    assert type(got) is kind
    assert (got.message, got.found, got.expected, got.hint) == (
        "message",
        "found",
        "expected",
        "hint",
    )


def test_a_tokens_error_keeps_its_return_value() -> None:
    got = parse_answer(encode_failure(3, HsmError("C_Sign", 0x5)), 3, read_bytes)
    assert isinstance(got, HsmError)
    assert (got.function, got.rv) == ("C_Sign", 0x5)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(MalformedError("field"), HsmRequestError), (UntrustedError("odd"), HsmUnreachable)],
)
def test_other_errors_are_told_as_the_nearest_of_ours(
    error: KeyturnError, kind: type[KeyturnError]
) -> None:
    assert type(parse_answer(encode_failure(0, error), 3, read_bytes)) is kind


HELLO = Hello(
    "label",
    "serial",
    Assurance.SOFTWARE,
    False,
    OaepHash.SHA1,
    {
        Purpose.INGEST: PublicKey(Purpose.INGEST, b"1", KeyAlgorithm.RSA_3072, OaepHash.SHA1),
        Purpose.LOG: PublicKey(Purpose.LOG, b"2", KeyAlgorithm.ED25519, None),
        Purpose.RESULT: PublicKey(Purpose.RESULT, b"3", KeyAlgorithm.P256, None),
    },
    (KEK,),
    About(
        "module 2.6",
        ReportedToken("label", "maker", "model", "serial", "2.6", ""),
        ReportedVendor("vendor", False, "source"),
    ),
)


def test_a_hello_is_read_as_written() -> None:
    assert parse_hello(encode_hello(HELLO)) == HELLO


def test_a_hello_that_lacks_a_key_is_refused() -> None:
    document = json.loads(encode_hello(HELLO))
    document["keys"].pop()
    with pytest.raises(MalformedError, match="keys are missing"):
        parse_hello(json.dumps(document).encode())


def test_a_hello_that_is_an_error_raises_it() -> None:
    raw = json.dumps(
        {
            "error": {
                "kind": "PinRefused",
                "message": "m",
                "found": "f",
                "expected": "",
                "hint": "",
            }
        }
    ).encode()
    with pytest.raises(PinRefused, match="m; found f"):
        parse_hello(raw)
