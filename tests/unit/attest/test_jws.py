"""Tokens of others: the algorithm is the key's and the verifier's choice, never the token's."""

import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.jws import read_jwk, verify_jws
from keyturn.base.encoding import b64url, unb64url

KEY = ec.generate_private_key(ec.SECP256R1())
POINT = KEY.public_key().public_numbers()
JWK = json.dumps(
    {"kty": "EC", "crv": "P-256", "x": b64url(POINT.x.to_bytes(32, "big")),
     "y": b64url(POINT.y.to_bytes(32, "big"))}
).encode()  # fmt: skip
ALLOWED = {"ES256"}


def token(header: dict[str, object], key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    head = f"{b64url(json.dumps(header).encode())}.{b64url(b'{}')}"
    r, s = decode_dss_signature(key.sign(head.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{head}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}".encode()


GOOD = token({"alg": "ES256", "typ": "JWT"})


def test_a_good_token_is_read() -> None:
    assert verify_jws(GOOD + b"\n", JWK, ALLOWED) == {}


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "HS256"}, {"alg": "ES384"}, {}, {"alg": ["ES256"]},
     {"alg": "ES256", "jwk": {}}, {"alg": "ES256", "crit": ["b64"], "b64": False}],
)  # fmt: skip
def test_the_token_chooses_nothing(header: dict[str, object]) -> None:
    with pytest.raises(UntrustedEvidence) as caught:
        verify_jws(token(header), JWK, ALLOWED)
    assert caught.value.reason is Reason.ALGORITHM_NOT_ALLOWED


def test_what_the_verifier_does_not_allow() -> None:
    with pytest.raises(UntrustedEvidence) as caught:
        verify_jws(GOOD, JWK, {"ES384"})
    assert caught.value.reason is Reason.ALGORITHM_NOT_ALLOWED


def test_another_key_a_changed_body_and_a_cut_signature() -> None:
    other = token({"alg": "ES256"}, ec.generate_private_key(ec.SECP256R1()))
    head, _, signature = GOOD.split(b".")
    changed = b".".join((head, b64url(b'{"a":1}').encode(), signature))
    for wrong in (other, changed, GOOD[:-2], b".".join((head, b"e30", b""))):
        with pytest.raises(UntrustedEvidence) as caught:
            verify_jws(wrong, JWK, ALLOWED)
        assert caught.value.reason is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("raw", [b"", b"a.b", b"a.b.c.d", b"\xff.e30.", b"e30=.e30.", b"W10.e30."])
def test_what_is_no_token_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        verify_jws(raw, JWK, ALLOWED)


def test_keys_of_other_kinds_are_refused() -> None:
    good = json.loads(JWK)
    for change in ({"kty": "RSA"}, {"crv": "P-521"}, {"x": "AA"}, {"d": "AA"}, {"x": "*"}):
        with pytest.raises(MalformedEvidence):
            read_jwk(json.dumps({**good, **change}).encode())


def test_a_token_of_more_than_256_kib_is_refused_for_its_size() -> None:
    body = b64url(b'{"a":"' + b"x" * 200_000 + b'"}')
    head = b64url(b'{"alg":"ES256"}')
    signed = f"{head}.{body}"
    r, s = decode_dss_signature(KEY.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    with pytest.raises(MalformedEvidence, match="not a compact JWS"):
        verify_jws(f"{signed}.{signature}".encode(), JWK, ALLOWED)


def test_a_signature_of_another_length_is_refused_though_its_numbers_are_right() -> None:
    head, body, signature = GOOD.split(b".")
    raw = unb64url(signature.decode(), what="test")
    longer = raw[:32] + b"\0" + raw[32:]  # s with a zero before it: the same numbers
    changed = b".".join((head, body, b64url(longer).encode()))
    with pytest.raises(UntrustedEvidence, match="does not verify"):
        verify_jws(changed, JWK, ALLOWED)
