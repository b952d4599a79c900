"""The node's keys: what is signed verifies, the TLS key is the one that is named."""

import hashlib

from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from keyturn.agent.keys import NodeKeys, ReleaseKey, tls_digest
from keyturn.base.dsse import verified_signers
from keyturn.base.signatures import load_verify_key
from keyturn.keyrelease.answer import HPKE_SUITE


def test_the_public_release_key_opens_with_the_private_one() -> None:
    key = ReleaseKey()
    public = hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(key.public[:1184]),
        x25519.X25519PublicKey.from_public_bytes(key.public[1184:]),
    )

    sealed = HPKE_SUITE.encrypt(b"x", public, b"info")

    assert HPKE_SUITE.decrypt(sealed, key.private, b"info") == b"x"


def test_what_the_tls_key_signs_verifies_under_its_key_id(node_keys: NodeKeys) -> None:
    envelope = node_keys.sign("application/x", b"payload")
    key = load_verify_key(node_keys.tls_spki)

    assert verified_signers(envelope, {key.key_id: key}) == (node_keys.tls_key_id,)


def test_the_certificate_carries_the_named_key(node_keys: NodeKeys) -> None:
    spki = node_keys.certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    assert spki == node_keys.tls_spki
    assert tls_digest(node_keys) == hashlib.sha256(spki).hexdigest()
    assert node_keys.rsa.key_size == 3072


def test_keys_do_not_show_themselves(node_keys: NodeKeys) -> None:
    numbers = node_keys.tls.private_numbers()

    assert str(numbers.private_value) not in repr(node_keys)
