"""Where a value comes from: each method with what belongs to it, and until when it counts."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.origin import Method, Origin, Provenance, read_origin

DOCUMENT = "sha256:" + "ab" * 32
OBTAINED, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
PROVENANCE: JsonObject = {
    "method": "rim",
    "document": DOCUMENT,
    "signer": "CN=a maker",
    "obtained": "2026-11-01T00:00:00Z",
    "until": "2027-02-01T00:00:00Z",
}


def origin(**changed: object) -> Origin:
    provenance = {name: each for name, each in {**PROVENANCE, **changed}.items() if each != ...}
    fields = Fields({"source": "the RIM", "provenance": provenance}, "a value")  # type: ignore[dict-item]
    found = read_origin(fields)
    fields.done()
    return found


def test_a_source_alone_is_enough() -> None:
    found = read_origin(Fields({"source": "a test"}, "a value"))
    assert found == Origin("a test")
    assert found.to_document() == {"source": "a test"}
    assert not found.ended(datetime.max.replace(tzinfo=UTC))


def test_all_of_it_is_read_and_written_alike() -> None:
    found = origin()
    assert found.provenance == Provenance(
        Method.RIM, Digest(DOCUMENT), "CN=a maker", OBTAINED, UNTIL
    )
    assert found.to_document() == {"source": "the RIM", "provenance": PROVENANCE}


@pytest.mark.parametrize("method", list(Method))
def test_each_method_with_what_belongs_to_it(method: Method) -> None:
    document = None if method is Method.BY_HAND else DOCUMENT
    signer = "CN=a maker" if method in {Method.RIM, Method.CORIM} else None
    found = origin(method=method.value, document=document, signer=signer, until=None)
    assert found.provenance is not None
    assert found.provenance.method is method
    assert read_origin(Fields(found.to_document(), "again")) == found


@pytest.mark.parametrize("name", list(PROVENANCE))
def test_no_field_may_be_absent(name: str) -> None:
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        origin(**{name: ...})


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"method": "guessed"}, "'method' is wrong"),
        ({"method": None}, "'method' is wrong"),
        ({"document": "ab" * 32}, "document"),
        ({"document": 1}, "document"),
        ({"document": None}, "provenance: document"),
        ({"method": "by-hand"}, "provenance: document"),
        ({"signer": None}, "has a signer"),
        ({"method": "corim", "signer": None}, "has a signer"),
        ({"signer": ""}, "'signer' is wrong"),
        ({"signer": "x" * 401}, "'signer' is wrong"),
        ({"obtained": None}, "'obtained' is wrong"),
        ({"obtained": "2026-11-01"}, "obtained"),
        ({"until": "2026-11-01T00:00:00Z"}, "ends before it begins"),
        ({"until": "2026-10-01T00:00:00Z"}, "ends before it begins"),
        ({"until": 0}, "'until' is wrong"),
        ({"more": 1}, "unknown field 'more'"),
    ],
)
def test_another_form_is_refused(changed: dict[str, object], match: str) -> None:
    with pytest.raises(MalformedError, match=match):
        origin(**changed)


@pytest.mark.parametrize("value", [None, [], "rim", 1])
def test_provenance_is_an_object_or_absent(value: object) -> None:
    with pytest.raises(MalformedError):
        read_origin(Fields({"source": "a test", "provenance": value}, "a value"))  # type: ignore[dict-item]


@pytest.mark.parametrize("source", ["", None, "x" * 2001])
def test_a_source_is_said(source: object) -> None:
    with pytest.raises(MalformedError):
        read_origin(Fields({"source": source}, "a value"))  # type: ignore[dict-item]


def test_it_counts_until_its_end_and_not_at_it() -> None:
    found = origin()
    assert not found.ended(UNTIL - timedelta(seconds=1))
    assert found.ended(UNTIL)
    assert not origin(until=None).ended(UNTIL)


def test_the_refusal_says_what_fits() -> None:
    with pytest.raises(MalformedStatement) as refused:
        origin(document=None)
    assert refused.value.expected == "a digest, and none for a value by hand"
