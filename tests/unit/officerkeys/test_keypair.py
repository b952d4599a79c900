"""Key pairs: what is signed verifies by keyturn.base, and what is wiped is gone."""

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import x25519

from keyturn.base.encoding import unb64
from keyturn.base.errors import UntrustedError
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.officerkeys.errors import KeyMismatch
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret, generate

# RFC 8032 §7.1, TEST 1 and RFC 7748 §6.1 (Alice): published key pairs.
ED25519_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
ED25519_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
ED25519_EMPTY = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)
X25519_PRIVATE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c4a2fc36ef3b5f2b8a1c6c1e1e1e1")
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


def rfc_public(spki: bytes = SPKI_PREFIX + ED25519_PUBLIC) -> OfficerPublic:
    sealing = x25519.X25519PrivateKey.from_private_bytes(X25519_PRIVATE).public_key()
    return OfficerPublic("ada", "Ada", Algorithm.ED25519, spki, sealing.public_bytes_raw())


def test_ed25519_signs_as_rfc_8032_says() -> None:
    secret = OfficerSecret(rfc_public(), bytearray(ED25519_SEED + X25519_PRIVATE))
    assert secret.sign(b"") == ED25519_EMPTY


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_what_is_signed_verifies_and_nothing_else(algorithm: Algorithm) -> None:
    secret = generate("ada", "Ada", algorithm)
    key = load_verify_key(secret.public.spki)
    assert key.algorithm is algorithm
    signature = secret.sign(b"statement")
    key.verify(signature, b"statement")
    with pytest.raises(UntrustedError, match="does not verify"):
        key.verify(signature, b"Statement")


def test_two_officers_never_share_keys() -> None:
    first, second = (generate("ada", "Ada", Algorithm.ED25519) for _ in range(2))
    assert first.public.spki != second.public.spki
    assert first.public.hpke != second.public.hpke


def test_unseal_opens_what_was_sealed_to_this_officer() -> None:
    secret = generate("ada", "Ada", Algorithm.ED25519)
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    public = x25519.X25519PublicKey.from_public_bytes(secret.public.hpke)
    sealed = suite.encrypt(b"a share", public, b"session 1")
    assert secret.unseal(sealed, b"session 1") == b"a share"
    with pytest.raises(UntrustedError):
        secret.unseal(sealed, b"session 2")
    with pytest.raises(UntrustedError):
        generate("bob", "Bob", Algorithm.ED25519).unseal(sealed, b"session 1")
    with pytest.raises(UntrustedError):
        secret.unseal(sealed[:31], b"session 1")


def test_wiped_means_zero_in_place_and_unusable() -> None:
    private = bytearray(ED25519_SEED + X25519_PRIVATE)
    with OfficerSecret(rfc_public(), private) as secret:
        window = secret.private_copy()
    assert window == ED25519_SEED + X25519_PRIVATE
    assert private == b""
    with pytest.raises(ValueError, match="wiped"):
        secret.sign(b"")


def test_keys_of_another_public_half_are_refused_and_wiped() -> None:
    other = generate("bob", "Bob", Algorithm.ED25519).public
    private = bytearray(ED25519_SEED + X25519_PRIVATE)
    with pytest.raises(KeyMismatch, match="not those of the public keys"):
        OfficerSecret(rfc_public(other.spki), private)
    assert private == b""


def test_an_impossible_scalar_is_refused() -> None:
    public = generate("ada", "Ada", Algorithm.P256).public
    with pytest.raises(KeyMismatch, match="not keys of their kind"):
        OfficerSecret(public, bytearray(64))


def test_roster_entry_has_the_fields_of_the_protocol_and_no_secret() -> None:
    secret = generate("ada", "Ada L.", Algorithm.P256)
    entry = secret.public.roster_entry(["proposer", "approver", "approver"])
    assert set(entry) == {"id", "name", "roles", "keys", "hpke"}
    assert entry["roles"] == ["approver", "proposer"]
    assert unb64(str(entry["hpke"]), size=32) == secret.public.hpke
    assert repr(secret) == f"OfficerSecret('ada', {secret.public.key_id[:16]})"


def test_what_is_derived_is_of_this_key_and_this_purpose() -> None:
    secret, other = (generate("ada", "Ada", Algorithm.ED25519) for _ in range(2))
    assert secret.derived(b"one") == secret.derived(b"one")
    found = {secret.derived(b"one"), secret.derived(b"two"), other.derived(b"one")}
    assert {len(each) for each in found} == {32}
    assert len(found) == 3
    assert not any(each in bytes(secret.private_copy()) for each in found)
    secret.wipe()
    with pytest.raises(ValueError, match="wiped"):
        secret.derived(b"one")
