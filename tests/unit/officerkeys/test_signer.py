"""A signer's envelope is one that keyturn.base.dsse verifies, by the id of the signer's key."""

import pytest

from keyturn.base.dsse import Envelope, parse_envelope, verified_signers
from keyturn.base.errors import UntrustedError
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.ceremony.shareboxes import seal_box
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.signer import OfficerSigner


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_envelope_verifies_after_a_round_trip(algorithm: Algorithm) -> None:
    signer = OfficerSigner(generate("ada", "Ada", algorithm))
    envelope = parse_envelope(signer.sign("text/plain", b"exact bytes").to_bytes())
    key = load_verify_key(signer.spki)
    assert verified_signers(envelope, {key.key_id: key}) == (signer.key_id,)
    assert (envelope.payload_type, envelope.payload) == ("text/plain", b"exact bytes")
    assert signer.officer == "ada"


def test_the_payload_type_is_signed_too() -> None:
    signer = OfficerSigner(generate("ada", "Ada", Algorithm.ED25519))
    key = load_verify_key(signer.spki)
    signed = signer.sign("application/vnd.keyturn.approval.v1+json", b"{}")
    moved = Envelope("application/vnd.keyturn.sign-in.v1+json", b"{}", signed.signatures)
    with pytest.raises(UntrustedError, match="does not verify"):
        verified_signers(moved, {key.key_id: key})


def test_what_is_derived_is_the_keys_own() -> None:
    secret = generate("ada", "Ada", Algorithm.ED25519)
    assert OfficerSigner(secret).derived(b"x") == secret.derived(b"x")


def test_what_is_sealed_to_the_officer_is_opened_by_their_signer() -> None:
    with generate("ada", "Ada", Algorithm.ED25519) as secret:
        signer = OfficerSigner(secret)
        sealed = seal_box(b"words", secret.public.hpke, b"info")
        assert signer.unseal(sealed, b"info") == b"words"
        with pytest.raises(UntrustedError):
            signer.unseal(sealed, b"other")
