"""EARs: one algorithm, one key, exact claims; PyJWT as an independent oracle (§5.7, RFC 7515)."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey, key_id_of, load_verify_key
from keyturn.keyrelease.ear import (
    AFFIRMING,
    CONTRAINDICATED,
    MAX_EAR,
    WARNING,
    EarClaims,
    Submodule,
    ear_digest,
    verify_ear,
    worst,
)
from support.authority import START
from unit.keyrelease.release_desk import sign_ear
from unit.quorum.authority_log import der

SECRET = ec.generate_private_key(ec.SECP256R1())
KEY = load_verify_key(der(SECRET))
MODEL, TLS, PROMPT, POLICY = (Digest("sha256:" + each * 64) for each in "1234")
CLAIMS = EarClaims(
    issued=START,
    expires=START + timedelta(seconds=60),
    challenge=bytes(range(56)),
    lease="ab" * 16,
    model=MODEL,
    tls=TLS,
    prompt=PROMPT,
    caveats=("no-witness", "simulated"),
    simulated=True,
    submodules=(
        Submodule("cpu0", AFFIRMING, {"hardware": 2, "executables": 2}, POLICY),
        Submodule("gpu0", AFFIRMING, {"hardware": 2}, POLICY),
    ),
)
TOKEN = sign_ear(CLAIMS, SECRET)
DOCUMENT: dict[str, Any] = {
    "eat_profile": "tag:github.com,2023:veraison/ear",
    "iat": 1795420800,
    "exp": 1795420860,
    "eat_nonce": bytes(range(56)).hex(),
    "ear.verifier-id": {"developer": "Keyturn", "build": "keyturn test"},
    "submods": {
        "cpu0": {
            "ear.status": 2,
            "ear.trustworthiness-vector": {"hardware": 2, "executables": 2},
            "ear.appraisal-policy-id": POLICY,
        },
        "gpu0": {
            "ear.status": 2,
            "ear.trustworthiness-vector": {"hardware": 2},
            "ear.appraisal-policy-id": POLICY,
        },
    },
    "keyturn": {
        "lease": "ab" * 16,
        "model": MODEL,
        "tls_sha256": TLS,
        "prompt_sha256": PROMPT,
        "caveats": ["no-witness", "simulated"],
        "simulated": True,
    },
}


def public() -> ec.EllipticCurvePublicKey:
    return SECRET.public_key()


def signed(
    document: dict[str, Any], header: dict[str, Any] | None = None, raw: bytes | None = None
) -> str:
    """A JWT by PyJWT's key and `cryptography`, not by the code under test."""
    headers = {"alg": "ES256", "typ": "JWT", "kid": KEY.key_id} if header is None else header
    payload = json.dumps(document).encode() if raw is None else raw
    start = b".".join(map(b64url, (json.dumps(headers).encode(), payload)))
    r, s = decode_dss_signature(SECRET.sign(start, ec.ECDSA(hashes.SHA256())))
    return (start + b"." + b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))).decode()


def b64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


# The oracle


def test_another_library_verifies_what_we_sign() -> None:
    options: Any = {"verify_exp": False, "verify_iat": False}
    found = jwt.decode(TOKEN, public(), algorithms=["ES256"], options=options)

    assert found == DOCUMENT
    assert jwt.get_unverified_header(TOKEN) == {"alg": "ES256", "typ": "JWT", "kid": KEY.key_id}
    assert datetime.fromtimestamp(1795420800, UTC) == START


def test_we_verify_what_another_library_signs() -> None:
    token = jwt.encode(DOCUMENT, SECRET, algorithm="ES256", headers={"kid": KEY.key_id})
    assert verify_ear(token, KEY) == CLAIMS


def test_another_library_refuses_what_we_refuse() -> None:
    spoilt = TOKEN[:-2] + ("AA" if TOKEN[-2:] != "AA" else "BA")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(spoilt, public(), algorithms=["ES256"], options={"verify_exp": False})
    with pytest.raises((UntrustedError, MalformedError)):
        verify_ear(spoilt, KEY)


# Reading


def test_an_ear_reads_back() -> None:
    assert verify_ear(TOKEN, KEY) == CLAIMS
    bare = replace(CLAIMS, prompt=None, submodules=(), caveats=(), simulated=False)
    assert verify_ear(sign_ear(bare, SECRET), KEY) == bare
    assert verify_ear(signed(DOCUMENT), KEY) == CLAIMS


def test_its_digest_is_of_the_compact_form() -> None:
    assert ear_digest(TOKEN) == digest_of(TOKEN.encode("ascii"))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "JWT", "kid": KEY.key_id},
        {"alg": "HS256", "typ": "JWT", "kid": KEY.key_id},
        {"alg": "ES384", "typ": "JWT", "kid": KEY.key_id},
        {"alg": "ES256", "typ": "JWT"},
        {"alg": "ES256", "kid": KEY.key_id},
        {"alg": "ES256", "typ": "JWT", "kid": "0" * 64},
        {"alg": "ES256", "typ": "JWT", "kid": KEY.key_id, "jwk": {}},
        {"alg": "ES256", "typ": "JWT", "kid": KEY.key_id, "jku": "https://example.org"},
        {"alg": "ES256", "typ": "JWT", "kid": KEY.key_id, "crit": ["b64"], "b64": False},
    ],
    ids=lambda header: ",".join(header),
)
def test_no_other_header_is_accepted(header: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="EAR header"):
        verify_ear(signed(DOCUMENT, header), KEY)


def test_an_unsigned_token_is_refused() -> None:
    header = b64url(b'{"alg":"none","typ":"JWT"}')
    for token in (header + b"." + b64url(b"{}") + b".", header + b"." + b64url(b"{}")):
        with pytest.raises(MalformedError):
            verify_ear(token.decode(), KEY)


def test_a_shared_secret_made_of_the_public_key_is_no_key() -> None:
    """CVE-2015-9235: HS256 under the public key's own bytes."""
    header = {"alg": "HS256", "typ": "JWT", "kid": KEY.key_id}
    start = b".".join(map(b64url, (json.dumps(header).encode(), json.dumps(DOCUMENT).encode())))
    token = (start + b"." + b64url(hmac.digest(KEY.spki, start, "sha256"))).decode()
    with pytest.raises(MalformedError, match="'alg' is wrong"):
        verify_ear(token, KEY)


def test_another_key_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    token = sign_ear(CLAIMS, other)
    with pytest.raises(MalformedError, match="'kid' is wrong"):
        verify_ear(token, KEY)

    forged = jwt.encode(DOCUMENT, other, algorithm="ES256", headers={"kid": KEY.key_id})
    with pytest.raises(UntrustedError, match="does not verify"):
        verify_ear(forged, KEY)
    assert verify_ear(token, load_verify_key(der(other))) == CLAIMS


def test_an_ed25519_result_key_verifies_nothing() -> None:
    secret = ed25519.Ed25519PrivateKey.generate()
    key = VerifyKey(load_verify_key(der(secret)).algorithm, der(secret), key_id_of(der(secret)))
    header = {"alg": "ES256", "typ": "JWT", "kid": key.key_id}
    start = b".".join(map(b64url, (json.dumps(header).encode(), json.dumps(DOCUMENT).encode())))
    token = (start + b"." + b64url(secret.sign(start))).decode()

    with pytest.raises(UntrustedError):
        verify_ear(token, key)


def zeroed(token: str) -> str:
    """r = s = 0 (CVE-2022-21449)."""
    return ".".join([*token.split(".")[:2], b64url(bytes(64)).decode()])


def as_der(token: str) -> str:
    """The same signature, but in DER."""
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    return f"{head}.{body}.{b64url(encode_dss_signature(r, s)).decode()}"


@pytest.mark.parametrize(
    "spoil",
    [
        zeroed,
        as_der,
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: token + ".",
        lambda token: "." + token,
        lambda token: token[:-1],
        lambda token: token.replace(".", "..", 1),
        lambda token: token.replace(".", ". ", 1),
        lambda token: "é" + token,
        lambda token: token.ljust(MAX_EAR + 1, "A"),
        lambda _: "",
        lambda _: "..",
    ],
)
def test_a_spoilt_token_is_refused(spoil: Callable[[str], str]) -> None:
    with pytest.raises((MalformedError, UntrustedError)):
        verify_ear(spoil(TOKEN), KEY)


def without(path: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    place, *walk = document, *path.split("/")
    for step in walk[:-1]:
        place = place[step]
    del place[walk[-1]]
    return document


@pytest.mark.parametrize(
    "path",
    [
        *DOCUMENT,
        *(f"keyturn/{name}" for name in DOCUMENT["keyturn"]),
        "ear.verifier-id/developer",
        "ear.verifier-id/build",
        "submods/cpu0/ear.status",
        "submods/cpu0/ear.trustworthiness-vector",
        "submods/cpu0/ear.appraisal-policy-id",
    ],
)
def test_every_claim_is_needed(path: str) -> None:
    with pytest.raises(MalformedError, match="is missing"):
        verify_ear(signed(without(path)), KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"nbf": 0},
        {"eat_profile": "tag:github.com,2022:veraison/ear"},
        {"iat": "now"},
        {"iat": 1.5},
        {"iat": -1},
        {"iat": 2**53 - 1},
        {"exp": 253_402_300_800},
        {"eat_nonce": "00" * 55},
        {"ear.verifier-id": {"developer": "Somebody", "build": "1"}},
        {"ear.verifier-id": {"developer": "Keyturn", "build": "1", "more": 1}},
        {"submods": []},
        {"submods": {"cpu0": {**DOCUMENT["submods"]["cpu0"], "more": 1}}},
        {"submods": {"cpu0": {**DOCUMENT["submods"]["cpu0"], "ear.status": 128}}},
        {"submods": {"cpu0": {**DOCUMENT["submods"]["cpu0"], "ear.status": "affirming"}}},
        {"keyturn": {**DOCUMENT["keyturn"], "more": 1}},
        {"keyturn": {**DOCUMENT["keyturn"], "lease": "ab"}},
        {"keyturn": {**DOCUMENT["keyturn"], "simulated": 1}},
        {"keyturn": {**DOCUMENT["keyturn"], "tls_sha256": None}},
        {"keyturn": {**DOCUMENT["keyturn"], "caveats": ["x", "x"]}},
    ],
    ids=lambda change: str(change)[:60],
)
def test_other_claims_are_refused_even_signed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        verify_ear(signed({**DOCUMENT, **change}), KEY)


def test_signed_bytes_that_are_no_json_are_refused() -> None:
    for raw in (b"", b"[]", b'{"iat":1,"iat":2}', b"\xff"):
        with pytest.raises(MalformedError):
            verify_ear(signed({}, raw=raw), KEY)


def test_the_last_date_is_read() -> None:
    late = {**DOCUMENT, "exp": 253_402_300_799}
    assert verify_ear(signed(late), KEY).expires.year == 9999


@settings(max_examples=300)
@given(place=st.integers(0, len(TOKEN) - 1), mask=st.integers(1, 127))
def test_a_changed_byte_is_refused(place: int, mask: int) -> None:
    raw = bytearray(TOKEN.encode())
    raw[place] ^= mask
    with pytest.raises(KeyturnError):
        verify_ear(raw.decode(), KEY)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([AFFIRMING], 2),
        ([AFFIRMING, WARNING], 32),
        ([CONTRAINDICATED, WARNING, AFFIRMING], 96),
        ([], 96),
    ],
)
def test_the_worst_status_is_the_highest(statuses: list[int], expected: int) -> None:
    """AR4SI: the higher tier is the worse; nothing appraised affirms nothing."""
    assert worst(statuses) == expected
