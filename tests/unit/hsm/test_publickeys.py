import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.hsm.errors import HsmRequestError, TokenError
from keyturn.hsm.publickeys import ed25519_key, p256_key, parse_node_key, rsa_key, spki_of

MODULUS = (1 << 3071) | 1


def _spki(modulus: int, exponent: int = 65537) -> bytes:
    return spki_of(rsa.RSAPublicNumbers(exponent, modulus).public_key())


@pytest.mark.parametrize("bits", [3072, 4096])
def test_large_rsa_keys_are_taken(bits: int) -> None:
    key = parse_node_key(_spki((1 << (bits - 1)) | 1))
    assert (len(key.modulus), key.exponent) == (bits // 8, b"\x01\x00\x01")


@pytest.mark.parametrize(
    ("modulus", "exponent", "message"),
    [
        ((1 << 2047) | 1, 65537, "2048 bits"),
        ((1 << 3070) | 1, 65537, "3071 bits"),
        ((1 << 4096) | 1, 65537, "4097 bits"),
        (MODULUS, 3, "exponent 3"),
        (MODULUS, 65539, "exponent 65539"),
    ],
)
def test_others_are_refused_with_what_was_found(modulus: int, exponent: int, message: str) -> None:
    with pytest.raises(HsmRequestError, match=message):
        parse_node_key(_spki(modulus, exponent))


@pytest.mark.parametrize(
    "spki",
    [
        b"",
        b"\x30\x00",
        _spki(MODULUS) + b"\0",
        _spki(MODULUS)[:-1],
        b"\x30" * 2000,
        spki_of(ed25519.Ed25519PrivateKey.generate().public_key()),
        spki_of(ec.generate_private_key(ec.SECP256R1()).public_key()),
    ],
)
def test_what_is_no_rsa_spki_is_refused(spki: bytes) -> None:
    with pytest.raises(HsmRequestError):
        parse_node_key(spki)


def test_points_of_the_token_become_keys() -> None:
    edwards = ed25519.Ed25519PrivateKey.generate().public_key()
    raw = edwards.public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert ed25519_key(b"\x04\x20" + raw) == edwards
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = curve.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert p256_key(b"\x04\x41" + point) == curve


@pytest.mark.parametrize("point", [b"", b"\x04\x20", b"\x04\x21" + bytes(33), bytes(34)])
def test_other_points_are_refused(point: bytes) -> None:
    with pytest.raises(TokenError):
        ed25519_key(point)
    with pytest.raises(TokenError):
        p256_key(point)


def test_a_point_off_the_curve_is_refused() -> None:
    with pytest.raises(TokenError, match="P-256"):
        p256_key(b"\x04\x41\x04" + bytes(63) + b"\x01")


def test_an_rsa_key_that_is_none_is_refused() -> None:
    with pytest.raises(TokenError):
        rsa_key(b"\x01", b"\x01")
