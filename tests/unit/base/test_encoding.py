"""Byte encodings (our protocol §1.1): one spelling of each value, everything else refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.encoding import (
    b64,
    digest_bytes,
    digest_of,
    lp,
    parse_digest,
    sha256,
    u32,
    unb64,
    unhex,
)
from keyturn.base.errors import MalformedError

# FIPS 180-2 appendix B.1, and the well-known digest of nothing.
SHA256_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
SHA256_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_lengths_are_four_bytes_big_endian() -> None:
    assert lp(b"") == bytes(4)
    assert lp(b"abc") == b"\x00\x00\x00\x03abc"
    assert lp(bytes(0x010203))[:4] == b"\x00\x01\x02\x03"
    assert u32(0x01020304) == b"\x01\x02\x03\x04"


@given(st.lists(st.binary(max_size=20), max_size=5), st.lists(st.binary(max_size=20), max_size=5))
def test_no_two_lists_have_the_same_length_prefixed_bytes(a: list[bytes], b: list[bytes]) -> None:
    assert (b"".join(map(lp, a)) == b"".join(map(lp, b))) == (a == b)


def test_a_view_of_wider_items_is_measured_in_bytes() -> None:
    wide = memoryview(bytes(8)).cast("I")
    assert lp(wide) == b"\x00\x00\x00\x08" + bytes(8)
    assert lp(bytearray(b"x")) == lp(memoryview(b"x")) == b"\x00\x00\x00\x01x"


@pytest.mark.parametrize("value", [-1, 2**32])
def test_u32_does_not_wrap_around(value: int) -> None:
    with pytest.raises(OverflowError):
        u32(value)


@pytest.mark.parametrize(("data", "expected"), [(b"abc", SHA256_ABC), (b"", SHA256_EMPTY)])
def test_digests_are_those_of_fips_180(data: bytes, expected: str) -> None:
    assert sha256(data).hex() == expected
    assert digest_of(bytearray(data)) == digest_of(memoryview(data)) == f"sha256:{expected}"
    assert digest_bytes(parse_digest(f"sha256:{expected}")) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        SHA256_ABC,
        f"sha256:{SHA256_ABC[:-1]}",
        f"sha256:{SHA256_ABC}0",
        f"sha256:{SHA256_ABC}\n",
        f" sha256:{SHA256_ABC}",
        f"SHA256:{SHA256_ABC}",
        f"sha256:{SHA256_ABC.upper()}",
        f"sha512:{SHA256_ABC}",
        f"sha256-{SHA256_ABC}",
        "sha256:" + "٠" * 64,
        "sha256:" + "0x" * 32,
    ],
)
def test_a_digest_has_one_spelling(text: str) -> None:
    with pytest.raises(MalformedError, match="model is not a digest") as caught:
        parse_digest(text, what="model")
    assert caught.value.expected == "sha256:<64 hex digits>"


# RFC 4648 §10.
RFC4648 = {
    b"": "",
    b"f": "Zg==",
    b"fo": "Zm8=",
    b"foo": "Zm9v",
    b"foob": "Zm9vYg==",
    b"fooba": "Zm9vYmE=",
    b"foobar": "Zm9vYmFy",
}


@pytest.mark.parametrize("data", RFC4648)
def test_base64_is_that_of_rfc_4648(data: bytes) -> None:
    assert b64(data) == RFC4648[data]
    assert unb64(RFC4648[data], size=len(data)) == data


@given(st.binary(max_size=100))
def test_base64_and_hex_come_back(data: bytes) -> None:
    assert unb64(b64(data)) == data
    assert unhex(data.hex()) == data


@given(st.text(st.sampled_from("ABab01+/=-_ \n"), max_size=12))
def test_no_other_spelling_of_base64_is_accepted(text: str) -> None:
    try:
        data = unb64(text)
    except MalformedError:
        return
    assert base64.b64encode(data).decode() == text


@pytest.mark.parametrize(
    "text",
    [
        "Zg",
        "Zg=",
        "Zh==",
        "Zm9=",
        "Zg==\n",
        " Zg==",
        "Zg==Zg==",
        "Z g==",
        "-_-_",
        "Zg==é",
        "====",
        "A",
    ],
)
def test_base64_cut_loose_or_with_stray_bits_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match=r"tag is (not )?base64"):
        unb64(text, what="tag")


@pytest.mark.parametrize("text", ["a", "abc", "AB", "aB", "0x00", "a b ", "00\n", "٠٠", "g0", "é"])
def test_hex_has_one_spelling(text: str) -> None:
    with pytest.raises(MalformedError, match="tag is not"):
        unhex(text, what="tag")


def test_a_refusal_shows_one_character_of_a_value_and_never_the_value() -> None:
    secret = "5EC12E7" * 8
    with pytest.raises(MalformedError) as caught:
        unhex(secret, what="key")
    assert caught.value.found == "'E' at 1"
    with pytest.raises(MalformedError) as caught:
        unb64(secret + "!", what="key")
    assert secret[:8] not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 3])
def test_a_demanded_size_is_exact(size: int) -> None:
    for read, text in ((unb64, "Zm8="), (unhex, "666f")):
        assert read(text, size=2) == b"fo"
        with pytest.raises(MalformedError) as caught:
            read(text, size=size)
        assert (caught.value.found, caught.value.expected) == ("2 bytes", f"{size} bytes")
