"""Quotes and their signatures: every bit counts, and PCR values only under their digest."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_quote import check_pcrs, parse_quote, parse_signature, verify_quote
from support import tpm
from support.tpm import SHA1, SHA256, SHA384

KEY = ec.generate_private_key(ec.SECP256R1())
NONCE = bytes(range(32))
PCRS = {SHA256: {0: b"\x01" * 32, 7: b"\x02" * 32}}
RAW = tpm.quote(PCRS, NONCE)


def values(found: dict[int, dict[int, bytes]]) -> dict[HashAlgorithm, dict[int, bytes]]:
    return {HashAlgorithm(bank): each for bank, each in found.items()}


def test_a_quote_is_read_whole() -> None:
    quote = parse_quote(RAW)
    assert quote.extra_data == NONCE
    assert quote.selection == ((HashAlgorithm.SHA256, (0, 7)),)
    assert (quote.clock_ms, quote.reset_count, quote.restart_count, quote.safe) == (
        1234,
        7,
        0,
        True,
    )
    for size in range(len(RAW)):
        with pytest.raises(MalformedEvidence):
            parse_quote(RAW[:size])
    with pytest.raises(MalformedEvidence, match="too many"):
        parse_quote(RAW + b"\0")
    with pytest.raises(MalformedEvidence, match="too large"):
        parse_quote(RAW + bytes(4096))


def test_a_clock_is_safe_or_not() -> None:
    at = RAW.index((1234).to_bytes(8, "big")) + 16
    assert not parse_quote(RAW[:at] + b"\0" + RAW[at + 1 :]).safe
    with pytest.raises(MalformedEvidence, match="neither safe nor unsafe"):
        parse_quote(RAW[:at] + b"\2" + RAW[at + 1 :])


def test_only_what_a_tpm_made_and_only_of_pcrs() -> None:
    with pytest.raises(MalformedEvidence) as caught:
        parse_quote(tpm.quote(PCRS, NONCE, magic=0xFF544348))
    assert caught.value.reason is Reason.BAD_MAGIC
    with pytest.raises(MalformedEvidence) as caught:
        parse_quote(tpm.quote(PCRS, NONCE, kind=0x8017))  # TPM2_Certify
    assert caught.value.reason is Reason.NOT_A_QUOTE


def test_a_bank_twice_a_high_pcr_and_too_many_banks() -> None:
    twice = tpm.quote(PCRS, NONCE).replace(
        b"\x00\x00\x00\x01\x00\x0b\x03\x81\x00\x00",
        b"\x00\x00\x00\x02\x00\x0b\x03\x81\x00\x00\x00\x0b\x03\x81\x00\x00",
    )
    with pytest.raises(MalformedEvidence, match="a bank twice"):
        parse_quote(twice)
    high = RAW.replace(b"\x00\x0b\x03\x81\x00\x00", b"\x00\x0b\x04\x81\x00\x00\x01")
    with pytest.raises(MalformedEvidence, match="above 23"):
        parse_quote(high)
    many = RAW.replace(b"\x00\x00\x00\x01\x00\x0b", b"\x00\x00\x00\x63\x00\x0b")
    with pytest.raises(MalformedEvidence, match="too many banks"):
        parse_quote(many)


@pytest.mark.parametrize("key", [KEY, rsa.generate_private_key(65537, 2048)])
def test_a_signature_of_either_kind(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    quote, signature = parse_quote(RAW), tpm.sign(key, RAW)
    assert verify_quote(quote, signature, key.public_key()).hash is HashAlgorithm.SHA256
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    for wrong, by in ((signature[:-1], key.public_key()), (signature + b"\0", key.public_key()),
                      (signature, other), (b"", key.public_key())):  # fmt: skip
        with pytest.raises(UntrustedEvidence) as caught:
            verify_quote(quote, wrong, by)
        assert caught.value.reason is Reason.SIGNATURE_INVALID


def test_pss_is_verified_as_pss_and_sha1_never() -> None:
    key = rsa.generate_private_key(65537, 2048)
    value = key.sign(RAW, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    quote = parse_quote(RAW)
    pss = b"\x00\x16\x00\x0b" + tpm.tpm2b(value)
    verify_quote(quote, pss, key.public_key())
    for wrong in (b"\x00\x14\x00\x0b" + tpm.tpm2b(value), b"\x00\x16\x00\x04" + tpm.tpm2b(value)):
        with pytest.raises(UntrustedEvidence):
            verify_quote(quote, wrong, key.public_key())


def test_a_signature_of_an_unknown_scheme_or_too_large() -> None:
    with pytest.raises(MalformedEvidence, match="unknown scheme"):
        parse_signature(b"\x00\x1a\x00\x0b" + tpm.tpm2b(bytes(64)))
    with pytest.raises(MalformedEvidence, match="too large"):
        parse_signature(bytes(2000))


def test_the_values_are_those_that_were_quoted() -> None:
    quote = parse_quote(RAW)
    more = values({SHA256: {**PCRS[SHA256], 9: bytes(32)}, SHA1: {0: bytes(20)}})
    assert check_pcrs(quote, HashAlgorithm.SHA256, more) == values(PCRS)  # and no others
    for wrong in ({0: b"\x01" * 32}, {0: b"\x01" * 32, 7: b"\x02" * 20}, {}):
        with pytest.raises(UntrustedEvidence) as caught:
            check_pcrs(quote, HashAlgorithm.SHA256, values({SHA256: wrong}))
        assert caught.value.reason is Reason.PCR_VALUES_INCOMPLETE
    with pytest.raises(UntrustedEvidence) as caught:
        check_pcrs(quote, HashAlgorithm.SHA256, values({SHA256: {0: b"\x01" * 32, 7: bytes(32)}}))
    assert caught.value.reason is Reason.PCR_DIGEST_MISMATCH


def test_the_digest_is_of_the_signatures_hash_and_not_of_the_bank() -> None:
    pcrs = {SHA384: {0: b"\x05" * 48}}
    quote = parse_quote(tpm.quote(pcrs, NONCE))
    assert quote.pcr_digest == hashlib.sha256(b"\x05" * 48).digest()
    check_pcrs(quote, HashAlgorithm.SHA256, values(pcrs))
    with pytest.raises(UntrustedEvidence):
        check_pcrs(quote, HashAlgorithm.SHA384, values(pcrs))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_quote_or_refused(raw: bytes) -> None:
    for read in (parse_quote, parse_signature):
        try:
            read(raw)
        except MalformedEvidence:
            continue
