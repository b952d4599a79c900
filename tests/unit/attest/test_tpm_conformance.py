"""TPM cases of a manifest: values by bank and number, and refusals that are findings."""

import pytest

from keyturn.attest.conformance import Verdict
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_conformance import TpmCase, evaluate_tpm, read_pcrs


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


def test_a_refusal_is_a_finding() -> None:
    found = evaluate_tpm(TpmCase("eventlog", {"eventlog": b""}, None, None))
    assert (found.verdict, found.reason) == (Verdict.REJECT, "malformed")
