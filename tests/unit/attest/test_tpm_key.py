"""TPM public areas: name, attributes, and what makes a key an AK."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_algorithms import Scheme
from keyturn.attest.tpm_key import (
    Attribute,
    check_ak_attributes,
    parse_pem_key,
    parse_tpm_public,
)
from support.tpm import AK_ATTRIBUTES, ecc_public, rsa_public

ECC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("name", ["ak-ecc", "ak-rsa"])
def test_a_real_tpms_key_is_read_whole(vectors_dir, name: str) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "tpm" / "swtpm" / f"{name}.tpmt").read_bytes()
    key = check_ak_attributes(parse_tpm_public(raw))
    assert key.attributes == 0x50072
    assert key.scheme is (Scheme.ECDSA if name == "ak-ecc" else Scheme.RSASSA)
    for size in range(len(raw)):
        with pytest.raises(MalformedEvidence):
            parse_tpm_public(raw[:size])
    with pytest.raises(MalformedEvidence, match="too many"):
        parse_tpm_public(raw + b"\0")


def test_the_name_is_the_one_that_the_tpm_gave(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    folder = vectors_dir / "tpm" / "swtpm"
    key = parse_tpm_public((folder / "ak-ecc.tpmt").read_bytes())
    assert key.name == (folder / "ak.name").read_bytes()


def test_made_keys_are_read_as_what_they_are() -> None:
    assert parse_tpm_public(ecc_public(ECC)).public_key == ECC.public_key()
    assert parse_tpm_public(rsa_public(RSA)).public_key == RSA.public_key()


@pytest.mark.parametrize(
    "bit",
    [
        Attribute.FIXED_TPM,
        Attribute.FIXED_PARENT,
        Attribute.SENSITIVE_DATA_ORIGIN,
        Attribute.RESTRICTED,
        Attribute.SIGN,
        Attribute.DECRYPT,
    ],
)
def test_one_wrong_attribute_makes_it_no_ak(bit: Attribute) -> None:
    key = parse_tpm_public(ecc_public(ECC, AK_ATTRIBUTES ^ bit.value))
    with pytest.raises(UntrustedEvidence, match="restricted signing key") as caught:
        check_ak_attributes(key)
    assert caught.value.reason is Reason.AK_ATTRIBUTES
    said = f"not {bit.name}" if bit is not Attribute.DECRYPT else bit.name
    assert caught.value.found.endswith(f" ({str(said).lower()})")
    assert key.name != parse_tpm_public(ecc_public(ECC)).name


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (0, b"\x00\x25", "another kind"),  # SYMCIPHER
        (2, b"\x00\x12", "not known"),  # SM3 as name hash
        (12, b"\x00\x13", "unknown signature scheme"),
        (16, b"\x00\x05", "unknown curve"),  # P-521
        (18, b"\x00\x20", "unknown curve or has a KDF"),
        (22, b"\xff" * 32, "no point"),
    ],
)
def test_an_ecc_key_of_another_form_is_refused(at: int, value: bytes, says: str) -> None:
    raw = bytearray(ecc_public(ECC))
    raw[at : at + len(value)] = value
    with pytest.raises(MalformedEvidence, match=says):
        parse_tpm_public(bytes(raw))


def test_a_short_rsa_key_is_refused_though_it_says_so() -> None:
    short = rsa.generate_private_key(65537, 1024)
    with pytest.raises(MalformedEvidence, match="another size"):
        parse_tpm_public(rsa_public(short))


def test_an_rsa_key_of_another_size_than_it_says_is_refused() -> None:
    raw = bytearray(rsa_public(RSA))
    raw[16:18] = (3072).to_bytes(2, "big")
    with pytest.raises(MalformedEvidence, match="another size"):
        parse_tpm_public(bytes(raw))


def test_what_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(MalformedEvidence, match="too large"):
        parse_tpm_public(bytes(4096))
    with pytest.raises(MalformedEvidence, match="too large"):
        parse_pem_key(b"-----BEGIN" + bytes(4096))


def test_a_pem_key_is_a_key_and_nothing_else() -> None:
    pem = ECC.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert parse_pem_key(pem) == ECC.public_key()
    strange = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = strange.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(MalformedEvidence, match="another kind"):
        parse_pem_key(pem)
    with pytest.raises(MalformedEvidence, match="no public key"):
        parse_pem_key(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
