import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.hsm import kekmessages
from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.kekwork import (
    MAX_BATCH,
    AttributeReport,
    CeremonyOrder,
    KekOrigin,
    KekProfile,
    KekReport,
    KekState,
    KeyReport,
    RewrapItem,
    RewrapOutcome,
    Rewrapped,
    TokenReport,
    WrappedKek,
)
from keyturn.hsm.messages import MAX_FRAME, Request, encode_request
from keyturn.hsm.protocol import KekWrapped, OaepHash

KEK = KeyId("ab" * 32)
SAID = (AttributeReport("EXTRACTABLE", "False", True), AttributeReport("MODIFIABLE", "True", False))
REPORT = KekReport(KEK, KekProfile.RECOVERABLE, KekState.ACTIVE, KekOrigin.RESTORED, SAID)
TOKEN = TokenReport((REPORT,), (KeyReport("keyturn-log", "public", KEK, SAID),))
WRAPPED = WrappedKek(KEK, b"w" * 512, OaepHash.SHA1, b"spki", b"c" * 72)

_b32 = st.binary(min_size=32, max_size=32)
_b40 = st.binary(min_size=40, max_size=40)


def _read(document: dict[str, object]) -> Fields:
    return parse_object(dump(document), limit=MAX_FRAME, what="answer")


@given(st.lists(st.builds(RewrapItem, _b32, _b32, _b40), min_size=1, max_size=5))
def test_items_are_read_as_written(items: list[RewrapItem]) -> None:
    raw = kekmessages.pack_items(items)
    assert len(raw) == 104 * len(items)
    assert kekmessages.unpack_items(raw) == tuple(items)


@pytest.mark.parametrize("size", [0, 1, 103, 105, 104 * (MAX_BATCH + 1)])
def test_a_batch_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(HsmRequestError, match="batch"):
        kekmessages.unpack_items(bytes(size))


def test_the_largest_batch_fits_in_a_frame() -> None:
    items = (RewrapItem(b"\xff" * 32, b"\xff" * 32, b"\xff" * 40),) * MAX_BATCH
    order = CeremonyOrder("a" * 64, 2**53 - 1, bytes(32), 2**53 - 1)
    raw = encode_request(Request(2**53 - 1, kekmessages.Rewrap(order, KEK, items)))
    assert len(raw) <= MAX_FRAME


def test_outcomes_are_read_as_written() -> None:
    done = tuple(Rewrapped(each, b"w" * 40 if each.value < 2 else None) for each in RewrapOutcome)
    fields = _read(kekmessages.result_document(done))
    assert kekmessages.read_done(fields) == done


@pytest.mark.parametrize(
    "raw",
    [bytes(40), b"\x04" + b"w" * 40, b"\x00" + bytes(40), b"\x02" + b"w" * 40],
    ids=["cut", "unknown", "no key", "a key too much"],
)
def test_an_outcome_that_cannot_be_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        kekmessages.unpack_done(raw)


def test_reports_are_read_as_written() -> None:
    for result, read in (
        (REPORT, kekmessages.read_kek),
        (TOKEN, kekmessages.read_token_report),
        (WRAPPED, kekmessages.read_wrapped_kek),
        (KekWrapped(b"w" * 40, KEK), kekmessages.read_kek_wrapped),
    ):
        fields = _read(kekmessages.result_document(result))  # type: ignore[arg-type]
        assert read(fields) == result
        fields.done()


@pytest.mark.parametrize("result", [REPORT, TOKEN, WRAPPED])
def test_a_report_that_lacks_a_field_is_refused(result: kekmessages.KekResult) -> None:
    read = {
        KekReport: kekmessages.read_kek,
        TokenReport: kekmessages.read_token_report,
        WrappedKek: kekmessages.read_wrapped_kek,
    }[type(result)]  # type: ignore[index]
    document = kekmessages.result_document(result)
    for name in document:
        less = {key: value for key, value in document.items() if key != name}
        with pytest.raises(MalformedError, match=name):
            read(_read(less))  # type: ignore[operator]
