"""A refused submission says why, to programs and to people."""

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.quorum.errors import (
    LogInconsistent,
    MalformedStatement,
    SubmissionReason,
    SubmissionRefused,
)


def test_a_refusal_carries_its_reason_and_what_was_found_and_expected() -> None:
    digest = Digest("sha256:" + "00" * 32)
    refused = SubmissionRefused(
        SubmissionReason.LAPSED, "too late", found="f", expected="e", hint="h", statement=digest
    )

    assert (refused.reason, refused.statement) == (SubmissionReason.LAPSED, digest)
    assert str(refused) == "too late; found f; expected e"
    assert refused.hint == "h"


def test_each_error_is_of_its_family() -> None:
    assert issubclass(MalformedStatement, MalformedError)
    assert issubclass(SubmissionRefused, UntrustedError)
    assert issubclass(LogInconsistent, UntrustedError)
