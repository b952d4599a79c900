"""Wycheproof's files (C2SP/wycheproof), test by test, through the primitives that Keyturn calls.

A case agrees when every test ends as its file says: `valid` is accepted, `invalid` refused,
`acceptable` may be either. Nothing here is used outside of conformance.
"""

import hmac
import json
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from keyturn.attest.conformance import Finding, Verdict
from keyturn.attest.errors import Reason
from keyturn.attest.p256 import verify_p256
from keyturn.attest.p384 import verify_p384
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import JsonObject

MAX_FILE = 16 << 20
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
}
_NONCES = range(8, 129)  # bytes, that the library takes
_RESULTS = ("valid", "invalid", "acceptable")

Part = dict[str, Any]
Test = Callable[[Part], bool]
"""A test with what its group says: whether the primitive accepts it. May raise one of `_NO`."""

_NO = (
    InvalidSignature,
    InvalidTag,
    InvalidUnwrap,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    KeyturnError,
)
"""How primitives refuse."""


def evaluate_vectors(raw: bytes) -> Finding:
    """Run one file. Rejected where any test ends otherwise than the file says."""
    try:
        document = json.loads(raw[: MAX_FILE + 1])
        return _run(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Finding(
            Verdict.REJECT, Reason.MALFORMED.value, {}, f"{type(error).__name__}: {error}"
        )


def _run(document: Part) -> Finding:
    groups = document["testGroups"]
    algorithm = document["algorithm"]
    results: Counter[str] = Counter()
    wrong = []
    for group in groups:
        test = _TESTS.get((algorithm, group["type"]))
        if test is None:
            return Finding(Verdict.REJECT, "unsupported", {}, f"{algorithm}, {group['type']}")
        common = {name: value for name, value in group.items() if name != "tests"}
        for each in group["tests"]:
            result = each["result"]
            if result not in _RESULTS:
                raise ValueError(f"a result {result!r}")
            results[result] += 1
            if result != "acceptable" and _accepts(test, {**common, **each}) != (result == "valid"):
                wrong.append(f"test {each['tcId']} is {result}")
    counts: JsonObject = {name: results[name] for name in _RESULTS if results[name]}
    claims: JsonObject = {
        "algorithm": algorithm,
        "tests": sum(results.values()),
        "results": counts,
    }
    if wrong:
        return Finding(Verdict.REJECT, "per-test", claims, "; ".join(wrong[:5]))
    return Finding(Verdict.ACCEPT, "per-test", claims)


def _accepts(test: Test, each: Part) -> bool:
    try:
        return test(each)
    except _NO:
        return False


def _hex(part: Part, name: str) -> bytes:
    return bytes.fromhex(part[name])


# ---- one function a kind of test ----


def _aes_gcm(each: Part) -> bool:
    key, nonce = _hex(each, "key"), _hex(each, "iv")
    cipher = AESGCM(key)
    if len(nonce) in _NONCES:
        return _aead(cipher.encrypt, cipher.decrypt, each, nonce)
    return bool(nonce) and _gcm_seal(key, nonce, each) == _hex(each, "ct") + _hex(each, "tag")


def _gcm_seal(key: bytes, nonce: bytes, each: Part) -> bytes:
    """SP 800-38D §7.1 from AES in counter mode, for nonces that the library does not take.

    Keyturn's nonces have 12 bytes; these tests ask for what no code here uses.
    """
    message, aad = _hex(each, "msg"), _hex(each, "aad")
    h = int.from_bytes(_aes_ctr(key, bytes(16), bytes(16)), "big")
    start = _ghash(h, _padded(nonce) + bytes(8) + struct.pack(">Q", 8 * len(nonce)))
    counter = int.from_bytes(start[12:], "big") + 1 & 0xFFFFFFFF
    sealed = _aes_ctr(key, start[:12] + counter.to_bytes(4, "big"), message)
    lengths = struct.pack(">QQ", 8 * len(aad), 8 * len(sealed))
    tag = _ghash(h, _padded(aad) + _padded(sealed) + lengths)
    return sealed + _aes_ctr(key, start, tag)


def _aes_ctr(key: bytes, start: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(start)).encryptor().update(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)


def _ghash(h: int, data: bytes) -> bytes:
    """SP 800-38D §6.4; bit 0 of a block is its first."""
    y = 0
    for at in range(0, len(data), 16):
        x, z, v = y ^ int.from_bytes(data[at : at + 16], "big"), 0, h
        for bit in range(127, -1, -1):
            z ^= v if x >> bit & 1 else 0
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def _chacha(each: Part) -> bool:
    cipher = ChaCha20Poly1305(_hex(each, "key"))
    return _aead(cipher.encrypt, cipher.decrypt, each, _hex(each, "iv"))


def _xchacha(each: Part) -> bool:
    """draft-irtf-cfrg-xchacha §2.3: a subkey of the nonce's first 16 bytes, the rest as nonce."""
    nonce = _hex(each, "iv")
    if len(nonce) != 24:
        return False
    cipher = ChaCha20Poly1305(_hchacha20(_hex(each, "key"), nonce[:16]))
    return _aead(cipher.encrypt, cipher.decrypt, each, bytes(4) + nonce[16:])


def _hchacha20(key: bytes, nonce: bytes) -> bytes:
    """The rounds without the last addition, which is taken off a block of ChaCha20 again."""
    block = Cipher(algorithms.ChaCha20(key, nonce), None).encryptor().update(bytes(64))
    start = struct.unpack("<16I", b"expand 32-byte k" + key + nonce)
    mixed = [
        (out - into) & 0xFFFFFFFF
        for out, into in zip(struct.unpack("<16I", block), start, strict=True)
    ]
    return struct.pack("<8I", *mixed[:4], *mixed[12:])


def _aead(
    encrypt: Callable[[bytes, bytes, bytes], bytes],
    decrypt: Callable[[bytes, bytes, bytes], bytes],
    each: Part,
    nonce: bytes,
) -> bool:
    message, aad = _hex(each, "msg"), _hex(each, "aad")
    sealed = _hex(each, "ct") + _hex(each, "tag")
    opened = decrypt(nonce, sealed, aad) == message
    return opened and encrypt(nonce, message, aad) == sealed


def _aes_wrap(each: Part) -> bool:
    key, message, wrapped = _hex(each, "key"), _hex(each, "msg"), _hex(each, "ct")
    return aes_key_unwrap(key, wrapped) == message and aes_key_wrap(key, message) == wrapped


def _ecdh(each: Part) -> bool:
    public = load_der_public_key(_hex(each, "public"))
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    curve = ec.SECP384R1()
    if public.curve.name != curve.name:
        return False
    private = ec.derive_private_key(int(each["private"], 16), curve)
    return private.exchange(ec.ECDH(), public) == _hex(each, "shared")


def _x25519(each: Part) -> bool:
    private = x25519.X25519PrivateKey.from_private_bytes(_hex(each, "private"))
    public = x25519.X25519PublicKey.from_public_bytes(_hex(each, "public"))
    return private.exchange(public) == _hex(each, "shared")


def _ecdsa(each: Part) -> bool:
    """DER signatures: P-256 as statements have them, P-384 as vendors' reports do."""
    spki, message, signature = _hex(each, "publicKeyDer"), _hex(each, "msg"), _hex(each, "sig")
    if each["sha"] == "SHA-256":
        load_verify_key(spki).verify(signature, message)
        return True
    key = load_der_public_key(spki)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    key.verify(signature, message, ec.ECDSA(_HASHES[each["sha"]]))
    r, s = decode_dss_signature(signature)
    verify_p384(key, r, s, message, "test")
    return True


def _ecdsa_raw(each: Part) -> bool:
    key = load_der_public_key(_hex(each, "publicKeyDer"))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    verify_p256(key, _hex(each, "sig"), _hex(each, "msg"), "test", Reason.SIGNATURE_INVALID)
    return True


def _ed25519(each: Part) -> bool:
    load_verify_key(_hex(each, "publicKeyDer")).verify(_hex(each, "sig"), _hex(each, "msg"))
    return True


def _hkdf(each: Part) -> bool:
    found = HKDF(_HASHES[each["sha"]], each["size"], _hex(each, "salt"), _hex(each, "info"))
    return found.derive(_hex(each, "ikm")) == _hex(each, "okm")


def _hmac(each: Part) -> bool:
    tag = hmac.digest(_hex(each, "key"), _hex(each, "msg"), "sha256")[: each["tagSize"] // 8]
    return hmac.compare_digest(tag, _hex(each, "tag"))


def _mlkem(each: Part) -> bool:
    private = mlkem.MLKEM768PrivateKey.from_seed_bytes(_hex(each, "seed"))
    if "ek" in each and private.public_key().public_bytes_raw() != _hex(each, "ek"):
        return False
    return private.decapsulate(_hex(each, "c")) == _hex(each, "K")


def _oaep(each: Part) -> bool:
    key = load_der_private_key(_hex(each, "privateKeyPkcs8"), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        return False
    scheme = padding.OAEP(
        padding.MGF1(_HASHES[each["mgfSha"]]), _HASHES[each["sha"]], _hex(each, "label")
    )
    return key.decrypt(_hex(each, "ct"), scheme) == _hex(each, "msg")


def _pss(each: Part) -> bool:
    key = _rsa_key(each)
    scheme = padding.PSS(padding.MGF1(_HASHES[each["mgfSha"]]), each["sLen"])
    key.verify(_hex(each, "sig"), _hex(each, "msg"), scheme, _HASHES[each["sha"]])
    return True


def _pkcs1(each: Part) -> bool:
    key = _rsa_key(each)
    key.verify(_hex(each, "sig"), _hex(each, "msg"), padding.PKCS1v15(), _HASHES[each["sha"]])
    return True


def _rsa_key(each: Part) -> rsa.RSAPublicKey:
    key = load_der_public_key(_hex(each, "publicKeyDer"))
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("not an RSA key")
    return key


_TESTS: dict[tuple[str, str], Test] = {
    ("AES-GCM", "AeadTest"): _aes_gcm,
    ("CHACHA20-POLY1305", "AeadTest"): _chacha,
    ("XCHACHA20-POLY1305", "AeadTest"): _xchacha,
    ("AES-WRAP", "KeywrapTest"): _aes_wrap,
    ("ECDH", "EcdhTest"): _ecdh,
    ("XDH", "XdhComp"): _x25519,
    ("ECDSA", "EcdsaVerify"): _ecdsa,
    ("ECDSA", "EcdsaP1363Verify"): _ecdsa_raw,
    ("EDDSA", "EddsaVerify"): _ed25519,
    ("HMACSHA256", "MacTest"): _hmac,
    ("ML-KEM", "MLKEMTest"): _mlkem,
    ("RSAES-OAEP", "RsaesOaepDecrypt"): _oaep,
    ("RSASSA-PSS", "RsassaPssVerify"): _pss,
    ("RSASSA-PKCS1-v1_5", "RsassaPkcs1Verify"): _pkcs1,
    ("HKDF-SHA-256", "HkdfTest"): lambda each: _hkdf({**each, "sha": "SHA-256"}),
    ("HKDF-SHA-384", "HkdfTest"): lambda each: _hkdf({**each, "sha": "SHA-384"}),
}
