"""TPM cases of a manifest: values by bank and number, and refusals that are findings."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.attest.conformance import Verdict
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_conformance import TpmCase, evaluate_tpm, read_pcrs
from keyturn_sim.pki import make_certificate, new_p384_key


def test_values_are_read_by_bank_and_number() -> None:
    found = read_pcrs(b'{"sha1": {"0": "' + b"00" * 20 + b'"}, "sha256": {}}')
    assert found == {HashAlgorithm.SHA1: {0: bytes(20)}, HashAlgorithm.SHA256: {}}


@pytest.mark.parametrize(
    "raw",
    [b"[]", b'{"md5": {}}', b'{"sha1": {"24": ""}}', b'{"sha1": {"0": "00"}}',
     b'{"sha1": {"0": 1}}', b'{"sha1": {"00": "' + b"00" * 20 + b'"}}'],
)  # fmt: skip
def test_values_of_another_form_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedEvidence):
        read_pcrs(raw)


def test_files_of_another_form_are_findings() -> None:
    """A report of no known TEE, and an AK certificate's file with two certificates."""
    files = {"quote": b"", "signature": b"", "ak_public": b""}
    odd = evaluate_tpm(TpmCase("tpm", files | {"hcl_report": bytes(100)}, None, None))
    assert (odd.verdict, odd.reason) == (Verdict.REJECT, "malformed")
    assert "which TEE" in odd.detail
    key = new_p384_key()
    one = make_certificate("x", key, None, key, is_ca=True).public_bytes(Encoding.PEM)
    two = evaluate_tpm(TpmCase("tpm", files | {"ak_cert": one * 2, "ak_ca": one}, None, None))
    assert (two.verdict, two.reason) == (Verdict.REJECT, "malformed")
    assert "another number of certificates" in two.detail


def test_a_refusal_is_a_finding() -> None:
    found = evaluate_tpm(TpmCase("eventlog", {"eventlog": b""}, None, None))
    assert (found.verdict, found.reason) == (Verdict.REJECT, "malformed")
