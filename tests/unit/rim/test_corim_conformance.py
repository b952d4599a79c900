"""CoRIM cases of a manifest: a refusal is a finding."""

from pathlib import Path

from keyturn.attest.conformance import Verdict
from keyturn.rim.cbor import Tag, write_cbor
from keyturn.rim.corim_conformance import evaluate_corim


def test_an_unsigned_one_is_its_tag_size_and_digest() -> None:
    raw = write_cbor(Tag(571, {0: {}}))
    found = evaluate_corim({"evidence": raw}, None)
    assert (found.verdict, found.claims["cbor_tag"]) == (Verdict.ACCEPT, 571)
    assert found.claims["size"] == len(raw)


def test_a_signed_one_is_verified_by_its_key(vectors_dir: Path) -> None:
    folder = vectors_dir / "eat-corim"
    files = {
        "evidence": (folder / "signed-good-corim.cbor").read_bytes(),
        "key": (folder / "ec-p256.pub.jwk").read_bytes(),
    }
    found = evaluate_corim(files, None)
    assert (found.verdict, found.claims["signer"]) == (Verdict.ACCEPT, "ACME Ltd signing key")
    protected = found.claims["protected"]
    assert isinstance(protected, dict)
    assert bytes.fromhex(str(protected["8"]))
    changed = {**files, "evidence": files["evidence"][:-1] + b"\0"}
    assert evaluate_corim(changed, None).reason == "signature-invalid"


def test_a_refusal_is_a_finding() -> None:
    found = evaluate_corim({"evidence": b""}, None)
    assert (found.verdict, found.reason) == (Verdict.REJECT, "malformed")
    assert evaluate_corim({"evidence": b"", "key": b""}, None).reason == "malformed"
