"""Simulated certificates say what they are, and the small DER writer writes DER."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from keyturn_sim import SimVendors
from keyturn_sim.pki import (
    der_oid,
    der_tlv,
    der_uint,
    ec_key,
    key_to_der,
    make_certificate,
    make_crl,
    new_p256_key,
    new_p384_key,
    rsa_key,
)


def test_every_subject_says_simulated(vendors: SimVendors) -> None:
    for certificate in (
        vendors.ark,
        vendors.ask,
        vendors.device_root,
        vendors.identity,
        vendors.provisioner,
    ):
        (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert str(name.value).startswith("SIMULATED ")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "020100"), (127, "02017f"), (128, "02020080"), (255, "020200ff")]
)
def test_integers(value: int, text: str) -> None:
    assert der_uint(value).hex() == text


@pytest.mark.parametrize(
    ("size", "head"), [(0, "0400"), (127, "047f"), (128, "048180"), (256, "04820100")]
)
def test_lengths(size: int, head: str) -> None:
    assert der_tlv(4, bytes(size)).hex() == head + "00" * size


def test_keys_of_another_kind_are_refused(vendors: SimVendors) -> None:
    raw = key_to_der(new_p384_key())
    assert key_to_der(ec_key(raw)) == raw
    with pytest.raises(TypeError):
        rsa_key(raw)
    with pytest.raises(TypeError):
        ec_key(key_to_der(vendors.ark_key))


@pytest.mark.parametrize(
    ("dotted", "text"),
    [("2.5.29.19", "0603551d13"), ("1.2.840.113741.1.13.1", "06092a864886f84d010d01")],
)
def test_object_identifiers(dotted: str, text: str) -> None:
    assert der_oid(dotted).hex() == text


@pytest.mark.parametrize(
    ("key", "algorithm"), [(new_p256_key(), "sha256"), (new_p384_key(), "sha384")]
)
def test_each_curve_signs_with_its_own_hash(key, algorithm: str) -> None:  # type: ignore[no-untyped-def]
    root = make_certificate("root", key, None, key, is_ca=True)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    raw = make_crl(root, key, this_update=now, next_update=now + timedelta(days=1), revoked=(7,))
    crl = x509.load_der_x509_crl(raw)
    for signed in (root, crl):
        assert signed.signature_hash_algorithm is not None
        assert signed.signature_hash_algorithm.name == algorithm
    assert crl.is_signature_valid(key.public_key())
    assert [entry.serial_number for entry in crl] == [7]
