"""Strict JSON (our protocol §1.2): each thing that a lenient reader lets pass is refused."""

import json
from datetime import UTC, datetime
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.encoding import b64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import MAX_DEPTH, MAX_INTEGER, Fields, dump, load_object, parse_object

_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
_SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | _TEXT
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


def load(text: str | bytes) -> object:
    raw = text.encode() if isinstance(text, str) else text
    return load_object(raw, limit=1 << 20, what="note")


def fields(text: str) -> Fields:
    return parse_object(text.encode(), limit=1 << 20, what="note")


@given(st.dictionaries(_TEXT, _VALUES, max_size=5))
def test_what_is_written_is_read_back(value: dict[str, object]) -> None:
    assert load(dump(value)) == value


@given(st.dictionaries(_TEXT, _VALUES, max_size=5))
def test_a_writer_that_escapes_everything_is_read_alike(value: dict[str, object]) -> None:
    assert load(json.dumps(value, ensure_ascii=True)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_our_own_error(raw: bytes) -> None:
    try:
        value = load(raw)
    except MalformedError:
        return
    assert isinstance(value, dict)


@given(st.text(st.sampled_from('{}[]",:\\ud8dc0e+-.1tfnull \t'), max_size=40))
def test_any_nearly_json_text_is_read_or_refused(text: str) -> None:
    try:
        value = load(text)
    except MalformedError:
        return
    assert load(dump(value)) == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":1,"b":2,"a":3}',
        '{"x":{"a":1,"a":2}}',
        '{"x":[{"a":null,"a":null}]}',
        '{"a":1,"\\u0061":2}',
    ],
)
def test_a_field_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="'a' stands twice"):
        load(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(number: str) -> None:
    with pytest.raises(MalformedError, match="a number that JSON does not have"):
        load(f'{{"a":{number}}}')


@pytest.mark.parametrize("number", ["1.0", "0.0", "-0.5", "1e3", "1E0", "1e400"])
def test_floating_point_numbers_are_refused(number: str) -> None:
    with pytest.raises(MalformedError, match="a floating point number"):
        load(f'{{"a":[{number}]}}')


@pytest.mark.parametrize("number", [MAX_INTEGER, -MAX_INTEGER, 0])
def test_the_greatest_integers_are_read(number: int) -> None:
    assert load(f'{{"a":{number}}}') == {"a": number}


@pytest.mark.parametrize("number", [str(2**53), str(-(2**53)), "9" * 17, "9" * 5000, "-0"])
def test_an_integer_out_of_range_is_refused(number: str) -> None:
    with pytest.raises(MalformedError, match="an integer out of range") as caught:
        load(f'{{"a":{number}}}')
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("number", ["01", "+1", "0x1", "1_0", ".5", "1.", "--1"])
def test_numbers_spelled_otherwise_are_refused(number: str) -> None:
    with pytest.raises(MalformedError, match="is not JSON"):
        load(f'{{"a":{number}}}')


def nested(levels: int, innermost: str) -> str:
    """One object around arrays, `levels` containers in all, around `innermost`."""
    return '{"a":' + "[" * (levels - 1) + innermost + "]" * (levels - 1) + "}"


@pytest.mark.parametrize("innermost", ["", "1", '"x",null'])
def test_32_levels_are_read_whatever_lies_in_the_innermost(innermost: str) -> None:
    assert MAX_DEPTH == 32
    assert isinstance(load(nested(32, innermost)), dict)


@pytest.mark.parametrize("innermost", ["", "1"])
@pytest.mark.parametrize("levels", [33, 34, 500, 200_000])
def test_more_than_32_levels_are_refused(levels: int, innermost: str) -> None:
    with pytest.raises(MalformedError, match=r"nested too deep|is not JSON"):
        load(nested(levels, innermost))


def test_objects_count_as_levels_too() -> None:
    text = '{"a":' * 33 + "1" + "}" * 33
    with pytest.raises(MalformedError, match="nested too deep"):
        load(text)


def test_the_size_limit_is_of_bytes_and_inclusive() -> None:
    raw = '{"a":"é"}'.encode()
    assert load_object(raw, limit=len(raw), what="note") == {"a": "é"}
    with pytest.raises(MalformedError, match="too large") as caught:
        load_object(raw, limit=len(raw) - 1, what="note")
    assert (caught.value.found, caught.value.expected) == ("10 bytes", "at most 9 bytes")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1',
        b'{"a":1}}',
        b'{"a":1} x',
        b'{"a":1}{"a":1}',
        b'{"a":1}\x00',
        b"{'a':1}",
        b'{"a":1,}',
        b"{a:1}",
        b'{"a":undefined}',
        b'{"a":"\x01"}',
        b'{"a":"\n"}',
        b'{"a":"\\x41"}',
        b'/**/{"a":1}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_what_is_not_json_in_utf8_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError, match="note is not JSON"):
        load(raw)


@pytest.mark.parametrize("text", ["[]", "[{}]", '"a"', "1", "null", "true"])
def test_a_document_must_be_an_object(text: str) -> None:
    with pytest.raises(MalformedError, match="note is not a JSON object"):
        load(text)


@pytest.mark.parametrize("text", ['{"a":"\\ud800"}', '{"a":["\\udc00x"]}', '{"\\udfff":1}'])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="half a surrogate pair"):
        load(text)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert load('{"a":"\\ud83d\\udd11"}') == {"a": "🔑"}


def test_dump_is_compact_and_keeps_order_and_characters() -> None:
    assert dump({"b": 1, "a": ["é", None]}) == '{"b":1,"a":["é",null]}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump({"a": float("nan")})


# Reading by field


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


_WRONG_TYPES = {
    "text": ["1", "true", "null", "[]", "{}"],
    "integer": ['"1"', "true", "false", "null", "[]", "{}"],
    "boolean": ["0", "1", '"true"', "null", "[]", "{}"],
    "time": ["1", "null", "[]"],
    "digest": ["1", "null", "{}"],
    "b64": ["1", "null", "[]"],
    "hex": ["1", "null", "[]"],
    "fields": ["1", "null", "[]", '"{}"'],
    "items": ["1", "null", "{}", '"[]"'],
    "objects": ["1", "null", "{}", "[1]", "[null]", "[[]]", '["a"]'],
    "texts": ["1", "null", "{}", "[1]", "[null]", "[[]]", '[""]'],
}


@pytest.mark.parametrize(
    ("reader", "value"), [(name, each) for name, bad in _WRONG_TYPES.items() for each in bad]
)
def test_a_field_of_another_type_is_refused_by_name(reader: str, value: str) -> None:
    with pytest.raises(MalformedError, match="note: field 'a") as caught:
        getattr(fields(f'{{"a":{value}}}'), reader)("a")
    assert caught.value.found
    assert caught.value.expected


@pytest.mark.parametrize("reader", _WRONG_TYPES)
def test_a_missing_field_is_refused_by_name(reader: str) -> None:
    with pytest.raises(MalformedError, match="note: field 'a' is missing"):
        getattr(fields('{"b":1}'), reader)("a")


def test_each_field_must_be_read() -> None:
    found = fields('{"a":1,"b":2,"c":3}')
    assert found.integer("b") == 2
    with pytest.raises(MalformedError, match="note: unknown field 'a', 'c'"):
        found.done()
    found.integer("a")
    found.raw("c")
    found.done()


def test_asking_whether_a_field_is_there_does_not_read_it() -> None:
    found = fields('{"a":1}')
    assert found.has("a")
    assert not found.has("b")
    with pytest.raises(MalformedError, match="unknown field"):
        found.done()


def test_text_has_a_length() -> None:
    found = fields('{"a":"xyz","none":""}')
    assert found.text("a", limit=3) == "xyz"
    assert found.text("none", empty=True) == ""
    for name, limit in (("a", 2), ("none", 3)):
        with pytest.raises(MalformedError, match="is wrong"):
            found.text(name, limit=limit)


def test_integers_have_a_range_with_both_ends() -> None:
    found = fields('{"a":5}')
    assert found.integer("a", low=5, high=5) == 5
    for low, high in ((6, 9), (0, 4)):
        with pytest.raises(MalformedError, match="field 'a' is wrong"):
            found.integer("a", low=low, high=high)
    with pytest.raises(MalformedError, match="is wrong"):
        fields('{"a":-1}').integer("a")


def test_a_literal_is_of_its_own_type() -> None:
    fields('{"a":1}').literal("a", 1)
    fields('{"a":"note"}').literal("a", "note")
    for text, expected in (('{"a":true}', 1), ('{"a":"1"}', 1), ('{"a":1}', "1"), ('{"a":2}', 1)):
        with pytest.raises(MalformedError, match="field 'a' is wrong"):
            fields(text).literal("a", expected)


def test_a_choice_names_what_is_possible() -> None:
    assert fields('{"a":"red"}').choice("a", Colour) is Colour.RED
    with pytest.raises(MalformedError) as caught:
        fields('{"a":"RED"}').choice("a", Colour)
    assert caught.value.expected == "red or blue"


def test_a_nullable_field_is_null_or_read_and_never_absent() -> None:
    found = fields('{"a":null,"b":7}')
    assert found.nullable("a", found.integer) is None
    assert found.nullable("b", found.integer) == 7
    with pytest.raises(MalformedError, match="is missing"):
        found.nullable("c", found.integer)


def test_times_and_digests_are_read() -> None:
    digest = "sha256:" + "0a" * 32
    found = fields(json.dumps({"t": "2026-11-23T08:00:00Z", "d": digest}))
    assert found.time("t") == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert found.digest("d") == digest


@given(st.binary(max_size=12))
def test_bytes_have_a_limit_in_bytes(data: bytes) -> None:
    found = fields(json.dumps({"b": b64(data), "h": data.hex()}))
    for read in (found.b64, found.hex):
        name = read.__name__[0]
        assert read(name, limit=len(data)) == data
        assert read(name, size=len(data)) == data
        with pytest.raises(MalformedError, match="wrong size"):
            read(name, size=len(data) + 1)
        if data:
            with pytest.raises(MalformedError, match="field"):
                read(name, limit=len(data) - 1)


def test_nested_objects_name_the_whole_way() -> None:
    found = fields('{"a":{"b":[{"c":1},{"c":"x"}]}}')
    second = found.fields("a").objects("b")[1]
    assert second.what == "note: a: b[1]"
    with pytest.raises(MalformedError, match=r"note: a: b\[1\]: field 'c' is wrong"):
        second.integer("c")


def test_lists_are_bounded_and_texts_do_not_repeat() -> None:
    found = fields('{"a":["x","y"],"b":["x","x"],"o":[{},{}]}')
    assert found.texts("a") == ("x", "y")
    with pytest.raises(MalformedError, match="field 'b' is wrong"):
        found.texts("b")
    for read, name in ((found.items, "a"), (found.texts, "a"), (found.objects, "o")):
        assert len(read(name, limit=2)) == 2
        with pytest.raises(MalformedError) as caught:
            read(name, limit=1)
        assert caught.value.expected == "at most 1 items"


def test_the_names_of_a_map_can_be_listed_and_must_still_be_read() -> None:
    found = fields('{"x":1,"y":2}')
    assert found.names() == ("x", "y")
    with pytest.raises(MalformedError, match="unknown field 'x', 'y'"):
        found.done()
