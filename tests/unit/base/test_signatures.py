"""Public keys that sign: RFC 8032's vectors, P-256, and every key that must not be one."""

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.encoding import sha256
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import Algorithm, key_id_of, load_verify_key

# RFC 8032 §7.1, tests 1 to 3: public key, message, signature.
RFC8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410 §4 and its appendix


def spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


P256 = ec.derive_private_key(7, ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.mark.parametrize(("public", "message", "signature"), RFC8032)
def test_ed25519_agrees_with_rfc_8032(public: str, message: str, signature: str) -> None:
    key = load_verify_key(ED25519_PREFIX + bytes.fromhex(public))
    assert key.algorithm is Algorithm.ED25519
    key.verify(bytes.fromhex(signature), bytes.fromhex(message))
    with pytest.raises(UntrustedError, match="does not verify"):
        key.verify(bytes.fromhex(signature), bytes.fromhex(message) + b"\x00")


def test_p256_agrees_with_rfc_6979() -> None:
    """RFC 6979 A.2.5: ECDSA over P-256 with SHA-256, message "sample"."""
    numbers = ec.EllipticCurvePublicNumbers(
        0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
        0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
        ec.SECP256R1(),
    )
    signature = encode_dss_signature(
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    )
    key = load_verify_key(spki(numbers.public_key()))
    assert key.algorithm is Algorithm.P256
    key.verify(signature, b"sample")
    with pytest.raises(UntrustedError, match="does not verify"):
        key.verify(signature, b"test")


def test_the_id_of_a_key_is_the_hash_of_its_spki() -> None:
    der = spki(ED.public_key())
    key = load_verify_key(der)
    assert key.key_id == key_id_of(der) == sha256(der).hex()
    assert key.spki == der


@given(st.binary(max_size=40), st.integers(0, 64 * 8 - 1))
def test_a_flipped_bit_of_an_ed25519_signature_never_verifies(message: bytes, bit: int) -> None:
    signature = bytearray(ED.sign(message))
    key = load_verify_key(spki(ED.public_key()))
    key.verify(bytes(signature), message)
    signature[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(UntrustedError):
        key.verify(bytes(signature), message)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_flipped_bit_of_a_message_never_verifies(message: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(message) * 8 - 1))
    changed = bytearray(message)
    changed[bit // 8] ^= 1 << (bit % 8)
    signature = P256.sign(message, ec.ECDSA(hashes.SHA256()))
    key = load_verify_key(spki(P256.public_key()))
    key.verify(signature, message)
    with pytest.raises(UntrustedError):
        key.verify(signature, bytes(changed))


@given(st.binary(max_size=80))
def test_any_bytes_as_signature_are_refused_with_our_own_error(signature: bytes) -> None:
    for private in (ED, P256):
        with pytest.raises(UntrustedError, match="does not verify"):
            load_verify_key(spki(private.public_key())).verify(signature, b"message")


def test_a_p256_signature_is_exact_der_and_over_sha256() -> None:
    key = load_verify_key(spki(P256.public_key()))
    good = P256.sign(b"m", ec.ECDSA(hashes.SHA256()))
    for bad in (good + b"\x00", good[:-1], b"", P256.sign(b"m", ec.ECDSA(hashes.SHA384()))):
        with pytest.raises(UntrustedError):
            key.verify(bad, b"m")


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x00",
        bytes(44),
        spki(ED.public_key())[:-1],
        spki(ED.public_key()) + b"\x00",
        spki(P256.public_key()) + b"\x00",
        spki(P256.public_key())[:-1],
    ],
)
def test_bytes_that_are_no_key_are_refused(der: bytes) -> None:
    with pytest.raises(MalformedError):
        load_verify_key(der)


@pytest.mark.parametrize(
    "public",
    [
        ec.derive_private_key(7, ec.SECP384R1()).public_key(),
        ec.derive_private_key(7, ec.SECP256K1()).public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
        x25519.X25519PrivateKey.from_private_bytes(bytes(32)).public_key(),
        ed448.Ed448PrivateKey.from_private_bytes(bytes(57)).public_key(),
    ],
    ids=lambda key: type(key).__name__,
)
def test_keys_of_other_kinds_are_refused(public: object) -> None:
    with pytest.raises(MalformedError, match="of a kind that does not sign here"):
        load_verify_key(spki(public))


def test_a_compressed_point_is_another_spelling_and_refused() -> None:
    point = P256.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    prefix = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")  # RFC 5480
    assert serialization.load_der_public_key(prefix + point) == P256.public_key()
    with pytest.raises(MalformedError, match="canonical"):
        load_verify_key(prefix + point)


def test_a_point_off_the_curve_is_refused() -> None:
    der = bytearray(spki(P256.public_key()))
    der[-1] ^= 1
    with pytest.raises(MalformedError, match="not a public key"):
        load_verify_key(bytes(der))


# Ed25519 points of small order, computed here with the curve's own law (RFC 8032 §5.1.4).
PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME
Point = tuple[int, int]


def add(p: Point, q: Point) -> Point:
    (x1, y1), (x2, y2) = p, q
    k = D * x1 * x2 * y1 * y2 % PRIME
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, PRIME) % PRIME
    y = (y1 * y2 + x1 * x2) * pow(1 - k, -1, PRIME) % PRIME
    return x, y


def x_of(y: int) -> int | None:
    """A square root of (y² - 1) / (d y² + 1), or None (RFC 8032 §5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    root = pow(square, (PRIME + 3) // 8, PRIME)
    if root * root % PRIME != square:
        root = root * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    return root if root * root % PRIME == square else None


def times(n: int, p: Point) -> Point:
    total = (0, 1)
    for _ in range(n):
        total = add(total, p)
    return total


def small_order_encodings() -> set[bytes]:
    """All encodings of the eight points whose order divides 8: ℓ times points that lie anywhere."""
    order = 2**252 + 27742317777372353535851937790883648493
    found: set[bytes] = set()
    y = 2
    while len(found) < 8:
        x = x_of(y)
        if x is not None:
            p: Point = (0, 1)
            base: Point = (x, y)
            for bit in bin(order)[2:]:
                p = add(p, p)
                p = add(p, base) if bit == "1" else p
            for k in range(8):
                px, py = times(k, p)
                found.add((py | (px & 1) << 255).to_bytes(32, "little"))
        y += 1
    return found


def test_points_of_small_order_are_refused() -> None:
    encodings = small_order_encodings()
    assert len(encodings) == 8
    for raw in encodings:
        with pytest.raises(MalformedError, match="small order"):
            load_verify_key(ED25519_PREFIX + raw)


def test_under_a_point_of_small_order_one_signature_would_fit_every_message() -> None:
    """Why they are refused: R = the neutral point, S = 0 verifies for anything under it."""
    neutral = (1).to_bytes(32, "little")
    library = ed25519.Ed25519PublicKey.from_public_bytes(neutral)
    for message in (b"yes", b"no"):
        library.verify(neutral + bytes(32), message)


@pytest.mark.parametrize("y", [PRIME, PRIME + 1, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_an_ed25519_key_has_one_spelling(y: int, sign: int) -> None:
    raw = (y | sign << 255).to_bytes(32, "little")
    with pytest.raises(MalformedError, match="not canonical"):
        load_verify_key(ED25519_PREFIX + raw)
