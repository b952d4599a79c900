"""Wycheproof through our code: a file whose results are exchanged must no longer agree."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.attest.conformance import Verdict
from keyturn.cli.evidence.wycheproof import evaluate_vectors

FILES = (
    "aes_gcm_test.json",
    "ecdsa_secp256r1_sha256_p1363_test.json",
    "hkdf_sha256_test.json",
    "hmac_sha256_test.json",
    "rsa_pss_2048_sha256_mgf1_32_test.json",
    "xchacha20_poly1305_test.json",
)


def exchanged(document: dict[str, Any], result: str) -> bytes:
    """The file with one test's result turned round."""
    for group in document["testGroups"]:
        for each in group["tests"]:
            if each["result"] == result:
                each["result"] = "invalid" if result == "valid" else "valid"
                return json.dumps(document).encode()
    raise AssertionError("no such test")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("result", ["valid", "invalid"])
def test_one_wrong_result_is_found(vectors_dir: Path, name: str, result: str) -> None:
    document = json.loads((vectors_dir / "crypto" / name).read_bytes())
    few = {**document, "testGroups": document["testGroups"][:8]}
    assert evaluate_vectors(json.dumps(few).encode()).verdict is Verdict.ACCEPT
    found = evaluate_vectors(exchanged(few, result))
    assert (found.verdict, found.reason) == (Verdict.REJECT, "per-test")
    assert "test " in found.detail


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{}", b'{"testGroups": 1, "algorithm": "x"}', b"\xff" * 8,
     b'{"algorithm": "ECDH", "testGroups": [{"type": "EcdhTest", "tests": [{"result": "good"}]}]}'],
)  # fmt: skip
def test_what_is_no_such_file_is_malformed(raw: bytes) -> None:
    assert evaluate_vectors(raw).reason == "malformed"


def test_an_algorithm_that_nobody_runs_does_not_agree() -> None:
    raw = b'{"algorithm": "DSA", "testGroups": [{"type": "DsaVerify", "tests": []}]}'
    assert evaluate_vectors(raw).reason == "unsupported"
