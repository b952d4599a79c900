"""DSSE v1: the specification's own vectors, an oracle, and the places where we are narrower.

Narrower on purpose: a keyid on every signature, standard base64 only, no key twice, no unknown
field, no payload type left empty. The specification's vectors for those are refusals here.
"""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as OracleEnvelope

from keyturn.base.dsse import Envelope, Signature, pae, parse_envelope, verified_signers
from keyturn.base.encoding import b64, digest_of, unb64
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import KeyId, VerifyKey, load_verify_key

VECTORS = json.loads(Path(__file__).with_name("dsse_vectors.json").read_text(encoding="utf-8"))
SEEDS = {name: bytes.fromhex(seed) for name, seed in VECTORS["keys"].items()}
PRIVATE = {n: ed25519.Ed25519PrivateKey.from_private_bytes(s) for n, s in SEEDS.items()}
KIND = "application/vnd.keyturn.policy.v1+json"


def public(name: str) -> VerifyKey:
    return load_verify_key(
        PRIVATE[name]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


KEYS = {public(name).key_id: public(name) for name in SEEDS}
A, B = public("A").key_id, public("B").key_id


def sign(payload: bytes, *names: str, kind: str = KIND) -> Envelope:
    message = pae(kind, payload)
    return Envelope(
        kind,
        payload,
        tuple(Signature(public(n).key_id, PRIVATE[n].sign(message)) for n in names),
    )


@pytest.mark.parametrize("case", VECTORS["vectors"], ids=lambda case: str(case["id"]))
def test_the_specifications_vectors(case: dict[str, object]) -> None:
    signatures = case["signatures"]
    assert isinstance(signatures, dict)
    document = {
        "payloadType": case["payloadType"],
        "payload": case["payload"],
        "signatures": [{"keyid": public(n).key_id, "sig": sig} for n, sig in signatures.items()],
    }
    envelope = parse_envelope(json.dumps(document).encode())
    if case["expect"] == "accept":
        assert pae(envelope.payload_type, envelope.payload).hex() == case["pae"]
        signers = verified_signers(envelope, KEYS)
        assert signers == tuple(public(name).key_id for name in signatures)
    else:
        with pytest.raises(UntrustedError, match="does not verify"):
            verified_signers(envelope, KEYS)


def test_the_pae_of_protocol_md() -> None:
    """protocol.md v1.0, "Test Vectors"; the signature there is r ‖ s, ours is DER."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    numbers = ec.EllipticCurvePublicNumbers(
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
        ec.SECP256R1(),
    )
    key = load_verify_key(
        numbers.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    raw = unb64(
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    )
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    signature = Signature(key.key_id, encode_dss_signature(r, s))
    envelope = Envelope("http://example.com/HelloWorld", b"hello world", (signature,))
    assert verified_signers(envelope, {key.key_id: key}) == (key.key_id,)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30), st.binary(max_size=50))
def test_pae_agrees_with_securesystemslib(kind: str, payload: bytes) -> None:
    assert pae(kind, payload) == OracleEnvelope(payload, kind, {}).pae()


@given(
    st.tuples(st.text("ab 1", max_size=6), st.binary(max_size=8)),
    st.tuples(st.text("ab 1", max_size=6), st.binary(max_size=8)),
)
def test_no_two_contents_have_the_same_pae(a: tuple[str, bytes], b: tuple[str, bytes]) -> None:
    assert (pae(*a) == pae(*b)) == (a == b)


@given(st.binary(max_size=60), st.sampled_from([("A",), ("B",), ("A", "B")]))
def test_what_is_written_is_read_back_and_verifies(payload: bytes, names: tuple[str, ...]) -> None:
    envelope = sign(payload, *names)
    again = parse_envelope(envelope.to_bytes())
    assert again == envelope
    assert again.to_bytes() == envelope.to_bytes()
    assert again.digest == digest_of(payload)
    assert set(verified_signers(again, KEYS)) == {public(name).key_id for name in names}


@given(st.data())
def test_no_flipped_bit_of_an_envelope_is_accepted_as_something_else(data: st.DataObject) -> None:
    good = sign(b'{"type":"policy"}', "A", "B")
    raw = bytearray(good.to_bytes())
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << (bit % 8)
    try:
        changed = parse_envelope(bytes(raw))
        verified_signers(changed, KEYS)
    except (MalformedError, UntrustedError):
        return
    # Only white space can have been touched, and compact JSON has none.
    pytest.fail(f"accepted with bit {bit} flipped: {changed}")


def test_an_envelope_without_signature_proves_nothing() -> None:
    with pytest.raises(UntrustedError, match="has no signature"):
        verified_signers(sign(b"{}"), KEYS)


def test_one_foreign_signature_spoils_the_good_one() -> None:
    envelope = sign(b"{}", "A", "B")
    assert verified_signers(envelope, KEYS) == (A, B)
    with pytest.raises(UntrustedError, match=f"unknown key {B[:16]}"):
        verified_signers(envelope, {A: KEYS[A]})


def test_a_signature_under_another_keys_id_is_refused() -> None:
    good = sign(b"{}", "A")
    moved = Envelope(KIND, b"{}", (Signature(B, good.signatures[0].value),))
    with pytest.raises(UntrustedError, match="does not verify"):
        verified_signers(moved, KEYS)


def test_one_key_cannot_stand_twice() -> None:
    one = sign(b"{}", "A").signatures[0]
    with pytest.raises(MalformedError, match="one key signed twice"):
        parse_envelope(Envelope(KIND, b"{}", (one, one)).to_bytes())


def document(**changes: object) -> bytes:
    """A good envelope with fields replaced, or left out where the change is None."""
    one = {"keyid": A, "sig": b64(bytes(64))}
    fields = {"payloadType": KIND, "payload": b64(b"{}"), "signatures": [one], **changes}
    return json.dumps({k: v for k, v in fields.items() if v is not None}).encode()


def test_the_unchanged_document_is_read() -> None:
    assert parse_envelope(document()).signatures[0].key_id == A


ONE = {"keyid": KeyId("0" * 64), "sig": "AA=="}


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": None},
        {"payloadType": None},
        {"signatures": None},
        {"payloadType": ""},
        {"payloadType": "x" * 201},
        {"payload": "-_-_"},
        {"payload": "e30"},
        {"extra": 1},
        {"signatures": {}},
        {"signatures": [{"sig": "AA=="}]},
        {"signatures": [{"keyid": "0" * 64}]},
        {"signatures": [ONE | {"cert": "x"}]},
        {"signatures": [ONE | {"keyid": "A"}]},
        {"signatures": [ONE | {"keyid": "F" * 64}]},
        {"signatures": [ONE | {"keyid": "0" * 62}]},
        {"signatures": [ONE | {"sig": "AA"}]},
        {"signatures": [ONE | {"sig": b64(bytes(4097))}]},
        {"signatures": [{"keyid": f"{n:064x}", "sig": "AA=="} for n in range(65)]},
    ],
    ids=str,
)
def test_any_other_form_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError, match="envelope"):
        parse_envelope(document(**changes))


def test_an_envelope_has_a_limit() -> None:
    raw = document()
    parse_envelope(raw, limit=len(raw))
    with pytest.raises(MalformedError, match="too large"):
        parse_envelope(raw, limit=len(raw) - 1)
    with pytest.raises(MalformedError, match="is not JSON"):
        parse_envelope(raw + b"x")
