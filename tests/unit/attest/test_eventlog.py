"""Event logs: their two forms, where they end, and the registers that they lead to."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.eventlog import EV_NO_ACTION, MAX_EVENTS, MAX_LOG, parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from support.tpm import SHA1, SHA256, old_record, record, spec_id

SEPARATOR = 4
LOCALITY = b"StartupLocality\0"


def extended(start: bytes, *data: bytes) -> bytes:
    """What a register of SHA-256 reads after these were measured."""
    for each in data:
        start = hashlib.sha256(start + hashlib.sha256(each).digest()).digest()
    return start


def announcing(*hashes: tuple[int, int], more: bytes = b"") -> bytes:
    """A first record that announces hashes by number and size."""
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(hashes))
    data += b"".join(struct.pack("<HH", *each) for each in hashes) + b"\0" + more
    return old_record(0, 3, data, bytes(20))


def test_registers_follow_from_the_events_in_order() -> None:
    raw = spec_id() + record(0, 8, b"v1") + record(7, SEPARATOR, bytes(4)) + record(0, 1, b"x")
    log = parse_event_log(raw)
    assert [each.index for each in log.events] == [0, 1, 2]
    assert log.banks == (HashAlgorithm.SHA1, HashAlgorithm.SHA256)
    assert log.replay(HashAlgorithm.SHA256) == {
        0: extended(bytes(32), b"v1", b"x"),
        7: extended(bytes(32), bytes(4)),
    }
    assert log.replay(HashAlgorithm.SHA384) == {}
    assert log.size == len(raw)


def test_a_log_of_the_first_form_has_sha1_alone() -> None:
    log = parse_event_log(old_record(0, 8, b"v1") + old_record(0, SEPARATOR, bytes(4)))
    assert log.banks == (HashAlgorithm.SHA1,)
    assert [each.kind for each in log.events] == [8, SEPARATOR]


def test_what_is_no_action_extends_nothing_but_may_say_the_locality() -> None:
    locality = record(0, EV_NO_ACTION, LOCALITY + b"\x03")
    log = parse_event_log(spec_id() + locality + record(0, 8, b"v1") + record(1, 1, b"y"))
    assert log.startup_locality == 3
    start = bytes(31) + b"\x03"
    assert log.replay(HashAlgorithm.SHA256)[0] == extended(start, b"v1")
    assert log.replay(HashAlgorithm.SHA256)[1] == extended(bytes(32), b"y")


def test_what_extends_a_register_neither_announces_nor_says_a_locality() -> None:
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 1)
    data += struct.pack("<HH", SHA256, 32) + b"\0"
    log = parse_event_log(old_record(0, 8, data) + old_record(0, SEPARATOR, bytes(4)))
    assert log.banks == (HashAlgorithm.SHA1,)
    assert len(log.events) == 2
    log = parse_event_log(old_record(0, EV_NO_ACTION, b"anything") + old_record(0, 8, b"v1"))
    assert [each.kind for each in log.events] == [EV_NO_ACTION, 8]
    log = parse_event_log(spec_id() + record(0, 8, LOCALITY + b"\x03"))
    assert log.startup_locality == 0
    assert log.replay(HashAlgorithm.SHA256)[0] == extended(bytes(32), LOCALITY + b"\x03")


def test_banks_are_those_that_something_was_extended_in() -> None:
    idle = record(0, EV_NO_ACTION, b"", banks=[SHA1, SHA256])
    log = parse_event_log(spec_id() + idle + record(0, 8, b"v1", banks=[SHA256]))
    assert log.banks == (HashAlgorithm.SHA256,)


@pytest.mark.parametrize("said", [b"\x03\x00", b"\x07", b""])
def test_a_locality_that_cannot_be_is_refused(said: bytes) -> None:
    with pytest.raises(MalformedEvidence, match="locality"):
        parse_event_log(spec_id() + record(0, EV_NO_ACTION, LOCALITY + said))


def test_two_localities_are_refused() -> None:
    both = b"".join(record(0, EV_NO_ACTION, LOCALITY + each) for each in (b"\x00", b"\x03"))
    with pytest.raises(MalformedEvidence, match="twice"):
        parse_event_log(spec_id() + both)


@pytest.mark.parametrize("filler", [b"\x00", b"\xff"])
def test_padding_ends_the_log_and_anything_in_it_does_not(filler: bytes) -> None:
    raw = spec_id() + record(0, 8, b"v1")
    log = parse_event_log(raw + filler * 500)
    assert (log.size, len(log.events)) == (len(raw), 1)
    with pytest.raises(MalformedEvidence):
        parse_event_log(raw + filler * 500 + b"\x01")


def test_a_cut_log_is_refused_unless_it_is_cut_between_records() -> None:
    first = spec_id() + record(1, 8, b"v1")
    raw = first + record(7, SEPARATOR, b"\x01\x02\x03\x04")
    whole = {len(spec_id()), len(first)}
    for size in range(1, len(raw)):
        if size in whole:
            parse_event_log(raw[:size])
        else:
            with pytest.raises(MalformedEvidence):
                parse_event_log(raw[:size])


def test_hashes_that_are_not_known_are_read_over_by_their_announced_size() -> None:
    sm3 = 0x0012
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 2)
    data += struct.pack("<HHHH", SHA256, 32, sm3, 32) + b"\0"
    head = old_record(0, 3, data, bytes(20))
    digest = hashlib.sha256(b"v1").digest()
    event = struct.pack("<III", 0, 8, 2) + struct.pack("<H", sm3) + bytes(32)
    event += struct.pack("<H", SHA256) + digest + struct.pack("<I", 2) + b"v1"
    log = parse_event_log(head + event)
    assert log.events[0].digests == ((HashAlgorithm.SHA256, digest),)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (spec_id([SHA256]) + record(0, 8, b"", banks=[SHA1]), "does not announce"),
        (spec_id([SHA256]) + record(0, 8, b"", banks=[SHA256, SHA256]), "twice"),
        (spec_id([SHA256]) + struct.pack("<III", 0, 8, 0), "no digest"),
        (spec_id([SHA256]) + struct.pack("<III", 0, 8, 99), "too many"),
        (spec_id([SHA256]) + record(24, 8, b"", banks=[SHA256]), "does not exist"),
        (old_record(24, 8, b"v1"), "does not exist"),
        (spec_id([]), "announces no hash"),
        (spec_id([SHA256, SHA256]), "announces a hash twice"),
        (spec_id([SHA256]).replace(b"\x0b\x00\x20\x00", b"\x0b\x00\x30\x00"), "another size"),
        (spec_id([SHA256])[:-1], "cut off"),
        (bytes(MAX_LOG + 1), "too large"),
        (b"", "cut off"),
        (spec_id() + record(0, 8, b"", banks=[SHA1]) * MAX_EVENTS + b"\x01", "too many events"),
        (announcing((SHA256, 32), (0x12, 0)), "impossible size"),
        (announcing((SHA256, 32), (0x12, 65)), "impossible size"),
        (announcing((SHA256, 32), more=b"\0"), "too many"),
    ],
)
def test_another_form_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(MalformedEvidence, match=says):
        parse_event_log(raw)


def test_a_length_beyond_all_memory_takes_none() -> None:
    huge = struct.pack("<II", 0, 8) + bytes(20) + b"\xff\xff\xff\xff"
    with pytest.raises(MalformedEvidence, match="too long"):
        parse_event_log(huge)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_log_or_refused(raw: bytes) -> None:
    for each in (raw, spec_id() + raw):
        try:
            parse_event_log(each)
        except MalformedEvidence:
            continue
