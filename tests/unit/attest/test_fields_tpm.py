"""A quote's and a log's fields against the parsers."""

from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.fields_tpm import log_section, pcrs_section, quote_section
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_quote import parse_quote
from unit.attest.test_fields import tiles, value_of
from unit.attest.test_tpm_quote import NONCE, PCRS, RAW, values


def test_every_byte_of_a_quote_is_in_one_field() -> None:
    found = quote_section(RAW)
    tiles(found, RAW)
    assert value_of(found, "magic") == "0xff544347"
    assert value_of(found, "extraData") == NONCE.hex()
    assert value_of(found, "attested.pcrDigest") == parse_quote(RAW).pcr_digest.hex()
    (chosen,) = [each for each in found.fields if each.name == "attested.pcrSelect[0].pcrSelect"]
    assert chosen.note == "PCR 0, 7"


def test_registers_by_bank_and_number() -> None:
    found = pcrs_section(values(PCRS))
    assert [each.name for each in found.fields] == ["sha256 PCR 0", "sha256 PCR 7"]
    assert found.fields[0].raw == PCRS[HashAlgorithm.SHA256.value][0]


@given(st.binary(max_size=300))
def test_whatever_comes_is_listed(raw: bytes) -> None:
    quote = quote_section(raw)
    assert quote.fields or not raw
    assert log_section(raw).specification


def test_a_cut_quote_says_where_it_ends() -> None:
    for size in range(len(RAW)):
        found = quote_section(RAW[:size])
        assert found.fields[-1].name == "(unreadable)"
