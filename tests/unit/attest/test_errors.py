"""Refusals carry a stable reason and are the base package's kinds of error."""

import pytest

from keyturn.attest.errors import REFUSALS, MalformedEvidence, Reason, UntrustedEvidence
from keyturn.base.errors import MalformedError, UntrustedError


def test_both_refusals_are_caught_together_and_keep_found_and_expected() -> None:
    with pytest.raises(REFUSALS) as caught:
        raise UntrustedEvidence("no", reason=Reason.CERT_EXPIRED, found="a", expected="b")
    assert (caught.value.reason, str(caught.value)) == (
        Reason.CERT_EXPIRED,
        "no; found a; expected b",
    )


def test_malformed_and_untrusted_stay_apart() -> None:
    assert issubclass(MalformedEvidence, MalformedError)
    assert issubclass(UntrustedEvidence, UntrustedError)
    assert MalformedEvidence("x").reason is Reason.MALFORMED


def test_reasons_of_the_vectors_exist(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    import json

    cases = json.loads((vectors_dir / "manifest.json").read_bytes())["cases"]
    reasons = {c["expected"]["reason"] for c in cases if c["tee"] == "snp"} - {"ok"}
    assert reasons <= {reason.value for reason in Reason}
