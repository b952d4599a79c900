"""Expectations from Tink's description of the format, computed here without our code.

Interoperability with Tink itself is in tests/unit/vault/test_tink.py.
"""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from keyturn.seal.errors import MalformedSealedModel, SealBroken
from keyturn.seal.identity import ModelId
from keyturn.seal.paths import ModelPath
from keyturn.seal.stream import (
    FileCipher,
    Header,
    associated_data,
    parse_header,
    sealed_size,
    segment_at,
    segment_count,
)

MIB = 1 << 20
FIRST = MIB - 40 - 16
NEXT = MIB - 16
MODEL = ModelId("tiny")
PATH = ModelPath("a/b.bin")
HEADER = Header(bytes(range(32)), b"prefix7")


def cipher(dek=b"k" * 32, model=MODEL, path=PATH, header=HEADER):
    return FileCipher(bytearray(dek), model, path, header)


@pytest.mark.parametrize(
    ("size", "segments", "total"),
    [
        (0, 1, 56),
        (1, 1, 57),
        (FIRST - 1, 1, MIB - 1),
        (FIRST, 1, MIB),
        (FIRST + 1, 2, MIB + 1 + 16),
        (FIRST + NEXT - 1, 2, 2 * MIB - 1),
        (FIRST + NEXT, 2, 2 * MIB),
        (FIRST + NEXT + 1, 3, 2 * MIB + 1 + 16),
    ],
)
def test_sizes_at_segment_edges(size, segments, total):
    assert (segment_count(size), sealed_size(size)) == (segments, total)


@given(st.integers(0, 1 << 40))
def test_segments_cover_file_and_plaintext_without_gaps(size):
    count = segment_count(size)
    for index in {0, 1, count // 2, count - 1} & set(range(count)):
        segment = segment_at(size, index)
        assert segment.last == (index == count - 1)
        assert segment.block_at == index * MIB
        assert segment.block_size == segment.skip + segment.plain_size + 16
        block_end, plain_end = (
            segment.block_at + segment.block_size,
            segment.plain_at + segment.plain_size,
        )
        if segment.last:
            assert (block_end, plain_end) == (sealed_size(size), size)
        else:
            following = segment_at(size, index + 1)
            assert (block_end, plain_end) == (following.block_at, following.plain_at)
            assert segment.block_size == MIB


def test_key_and_nonce_are_those_of_the_specification():
    segment = segment_at(FIRST + 5, 1)
    out = bytearray(5 + 16)
    cipher().seal_into(segment, memoryview(b"hello"), memoryview(out))
    # RFC 5869, by hand: extract with the salt, one round of expand with the associated data.
    prk = hmac.digest(HEADER.salt, b"k" * 32, hashlib.sha256)
    key = hmac.digest(prk, b"keyturn/1\0tiny\0a/b.bin" + b"\1", hashlib.sha256)
    nonce = b"prefix7" + (1).to_bytes(4, "big") + b"\1"
    assert AESGCM(key).decrypt(nonce, bytes(out), None) == b"hello"


def test_associated_data_is_unambiguous():
    assert associated_data(MODEL, PATH) == b"keyturn/1\x00tiny\x00a/b.bin"


def test_header_is_40_bytes_and_round_trips():
    raw = HEADER.to_bytes()
    assert (len(raw), raw[0]) == (40, 40)
    assert parse_header(raw) == HEADER


@pytest.mark.parametrize("raw", [b"", bytes(40), bytes([40]) * 39, bytes([40]) * 41])
def test_wrong_headers_are_refused(raw):
    with pytest.raises(MalformedSealedModel, match="header"):
        parse_header(raw)


def test_header_parts_have_one_size():
    with pytest.raises(MalformedSealedModel, match="size"):
        Header(bytes(31), bytes(7))


def sealed(data: bytes) -> bytearray:
    segment = segment_at(len(data), 0)
    block = bytearray(segment.block_size)
    cipher().seal_into(segment, memoryview(data), memoryview(block)[segment.skip :])
    return block


def test_what_was_sealed_opens():
    block, out = sealed(b"weights"), bytearray(7)
    cipher().open_into(segment_at(7, 0), memoryview(block), memoryview(out))
    assert out == b"weights"


@given(st.integers(40, 40 + 7 + 16 - 1), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(place, bit):
    block = sealed(b"weights")
    block[place] ^= 1 << bit
    with pytest.raises(SealBroken, match=r"'a/b.bin', segment 0: not authentic"):
        cipher().open_into(segment_at(7, 0), memoryview(block), memoryview(bytearray(7)))


@pytest.mark.parametrize(
    "other",
    [
        cipher(dek=b"l" * 32),
        cipher(model=ModelId("other")),
        cipher(path=ModelPath("a/c.bin")),
        cipher(header=Header(bytes(32), b"prefix7")),
        cipher(header=Header(bytes(range(32)), b"prefix8")),
    ],
    ids=["key", "model", "path", "salt", "prefix"],
)
def test_each_part_of_the_context_matters(other):
    block = sealed(b"weights")
    with pytest.raises(SealBroken, match="not authentic"):
        other.open_into(segment_at(7, 0), memoryview(block), memoryview(bytearray(7)))


def test_a_middle_segment_does_not_pass_for_the_last_one():
    data = memoryview(bytes(FIRST))
    middle = segment_at(FIRST + 1, 0)
    block = bytearray(middle.block_size)
    cipher().seal_into(middle, data, memoryview(block)[middle.skip :])
    with pytest.raises(SealBroken, match="not authentic"):
        cipher().open_into(segment_at(FIRST, 0), memoryview(block), memoryview(bytearray(FIRST)))


def test_a_short_block_is_refused_before_decryption():
    block = sealed(b"weights")
    with pytest.raises(SealBroken, match="wrong size; found 62 bytes; expected 63 bytes"):
        cipher().open_into(segment_at(7, 0), memoryview(block)[:-1], memoryview(bytearray(7)))


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_data_keys_have_32_bytes(size):
    with pytest.raises(MalformedSealedModel, match="data key"):
        cipher(dek=bytes(size))
