"""Simulated certificates say what they are, and the small DER writer writes DER."""

import pytest
from cryptography.x509.oid import NameOID

from keyturn_sim import SimVendors
from keyturn_sim.pki import der_tlv, der_uint, key_to_der, new_p384_key, p384_key, rsa_key


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
    assert key_to_der(p384_key(raw)) == raw
    with pytest.raises(TypeError):
        rsa_key(raw)
    with pytest.raises(TypeError):
        p384_key(key_to_der(vendors.ark_key))
