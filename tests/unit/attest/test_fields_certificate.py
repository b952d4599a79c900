"""A chain's fields against the parser."""

from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest import fields_certificate
from keyturn.attest.certificates import parse_certificate
from keyturn.attest.fields_certificate import chain_sections
from keyturn_sim import SimNode
from unit.attest.test_fields import value_of


def test_names_dates_keys_and_vendors_extensions(node: SimNode) -> None:
    parts = node.collateral()
    chain = [parts["vek"], parts["intermediate"], parts["root"]]
    sections = chain_sections(chain, "CPU")
    assert [each.title for each in sections] == [f"CPU: certificate {place}" for place in range(3)]
    for raw, found in zip(chain, sections, strict=True):
        certificate = parse_certificate(raw)
        assert value_of(found, "subject") == certificate.common_name
        assert value_of(found, "serialNumber") == f"{certificate.serial:#x}"
        assert value_of(found, "certificate (SHA-256)") == certificate.digest.hex()
        assert value_of(found, "notAfter").endswith("Z")
    assert value_of(sections[0], "issuer") == parse_certificate(chain[1]).common_name
    names = {each.name for each in sections[0].fields}
    assert {"extension AMD hwID", "extension AMD ucodeSPL"} <= names


@given(st.binary(max_size=200))
def test_whatever_comes_is_listed(raw: bytes) -> None:
    (found,) = chain_sections([raw], "CPU")
    assert found.fields[-1].name == "(unreadable)"


def test_a_name_is_its_last_text_or_hex() -> None:
    assert fields_certificate._last_text(b"\x30\x05\x0c\x03abc") == "abc"
    assert fields_certificate._last_text(b"\x30\x05\x04\x03abc") == "30050403616263"
    assert fields_certificate._last_text(b"\x30\x02\x0c\x00") == "30020c00"
