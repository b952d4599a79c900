"""Files as texts of QR pictures: split, joined in any order, and everything that goes wrong."""

import os
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.client.errors import ForeignPart, MalformedPart, PartsMissing
from keyturn.client.qrparts import (
    MAX_PARTS,
    MAX_PAYLOAD,
    MAX_WHOLE,
    Part,
    base45,
    is_part,
    join,
    parse_part,
    split,
    transfer_of,
    unbase45,
)

WHOLE = os.urandom(3000)


def parts_of(whole: bytes) -> list[Part]:
    return [parse_part(each) for each in split(whole)]


@given(st.binary(min_size=1, max_size=6000), st.data())
def test_any_order_and_duplicates_give_the_whole(whole: bytes, data: st.DataObject) -> None:
    parts = parts_of(whole)
    again = data.draw(st.lists(st.sampled_from(parts), max_size=5))
    assert join(data.draw(st.permutations(parts + again))) == whole


@given(st.binary(max_size=300))
def test_base45_there_and_back(raw: bytes) -> None:
    assert unbase45(base45(raw)) == raw


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"AB", "BB8"),
        (b"Hello!!", "%69 VD92EX0"),
        (b"base-45", "UJCLQE7W581"),
        (b"ietf!", "QED8WEX0"),
    ],
)
def test_the_examples_of_rfc_9285(raw: bytes, text: str) -> None:
    assert (base45(raw), unbase45(text)) == (text, raw)


@pytest.mark.parametrize("text", ["A", "GGW", ":::", "::", "bb8", "BB8\u00e9", "BB8A"])
def test_what_is_no_base45_is_refused(text: str) -> None:
    with pytest.raises(MalformedPart):
        unbase45(text)


@given(st.text(max_size=200))
def test_no_text_brings_it_down(text: str) -> None:
    for each in (text, split(b"x")[0][:24] + text):
        try:
            parse_part(each)
        except MalformedPart:
            continue


def test_missing_parts_are_listed() -> None:
    parts = parts_of(WHOLE)
    assert len(parts) == 4
    with pytest.raises(PartsMissing) as caught:
        join([parts[2], parts[0], parts[2]])
    assert (caught.value.missing, caught.value.count) == ((2, 4), 4)
    assert "also 2, 4" in str(caught.value)


def test_a_part_of_another_transfer_is_named() -> None:
    parts, other = parts_of(WHOLE), parts_of(os.urandom(3000))
    with pytest.raises(ForeignPart) as caught:
        join([parts[0], other[1], *parts[2:]])
    assert caught.value.index == 2
    assert (caught.value.found, caught.value.expected) == (other[1].name, parts[0].name)


def test_a_part_that_comes_twice_and_differs() -> None:
    parts = parts_of(WHOLE)
    with pytest.raises(MalformedPart, match="comes twice, and differs"):
        join([*parts, replace(parts[1], payload=parts[1].payload[::-1])])


def test_parts_that_do_not_agree_on_their_number() -> None:
    parts = parts_of(WHOLE)
    with pytest.raises(MalformedPart, match="do not agree"):
        join([*parts[:-1], replace(parts[-1], count=5, index=5)])


@pytest.mark.parametrize("place", range(4))
def test_damage_in_any_part_is_found(place: int) -> None:
    parts = parts_of(WHOLE)
    payload = bytearray(parts[place].payload)
    payload[len(payload) // 2] ^= 1
    parts[place] = replace(parts[place], payload=bytes(payload))
    with pytest.raises(MalformedPart, match="damaged"):
        join(parts)


def of(packed: bytes, whole: bytes) -> list[Part]:
    pieces = [packed[at : at + MAX_PAYLOAD] for at in range(0, len(packed), MAX_PAYLOAD)]
    transfer = transfer_of(whole)
    return [Part(transfer, place + 1, len(pieces), each) for place, each in enumerate(pieces)]


def test_another_whole_under_that_id_is_refused() -> None:
    with pytest.raises(MalformedPart, match="another digest"):
        join(of(zlib.compress(b"other"), WHOLE))


@pytest.mark.parametrize(
    "packed", [zlib.compress(b"whole")[:-2], zlib.compress(b"whole") + b"more", b"whole"]
)
def test_what_does_not_end_where_it_should_is_refused(packed: bytes) -> None:
    with pytest.raises(MalformedPart, match="damaged"):
        join(of(packed, b"whole"))


def test_what_would_grow_beyond_the_limit_is_not_unpacked() -> None:
    bomb = bytes(64 * MAX_WHOLE)
    with pytest.raises(MalformedPart, match="not a size for pictures"):
        join(of(zlib.compress(bomb, 9), bomb))


@pytest.mark.parametrize("whole", [b"", bytes(MAX_WHOLE + 1), os.urandom(MAX_PARTS * MAX_PAYLOAD)])
def test_what_is_too_large_is_not_split(whole: bytes) -> None:
    with pytest.raises(MalformedPart):
        split(whole)


def test_the_largest_file_goes() -> None:
    assert join(parts_of(bytes(MAX_WHOLE))) == bytes(MAX_WHOLE)


@pytest.mark.parametrize(
    "changed",
    [{"index": 0}, {"index": 3}, {"count": 0}, {"count": MAX_PARTS + 1}, {"payload": b""}],
)
def test_heads_that_cannot_be_are_refused(changed: dict[str, int]) -> None:
    part = Part(bytes(8), 1, 2, b"payload")
    with pytest.raises(MalformedPart):
        parse_part(replace(part, **changed).text())  # type: ignore[arg-type]


def test_too_long_another_version_and_other_codes() -> None:
    text = split(b"x")[0]
    assert is_part(text)
    assert not is_part("https://example.org")
    with pytest.raises(MalformedPart, match="too long"):
        parse_part(text * 100)
    with pytest.raises(MalformedPart, match="not a part"):
        parse_part(base45(b"KTQ\x02" + bytes(20)))
    with pytest.raises(MalformedPart, match="wrong size"):
        parse_part(base45(unbase45(text) + bytes(MAX_PAYLOAD)))
    with pytest.raises(MalformedPart, match="no picture"):
        join([])
