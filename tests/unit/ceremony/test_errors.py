"""What a refusal carries."""

import pytest

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony


def test_a_refusal_has_a_stable_reason_beside_its_message() -> None:
    refused = CeremonyRefused(
        CeremonyReason.WRONG_TIME, "a message", found="1", expected="2", hint="do this"
    )
    assert isinstance(refused, UntrustedError)
    assert refused.reason.value == "wrong-time"
    assert (str(refused), refused.hint) == ("a message; found 1; expected 2", "do this")


def test_reasons_are_told_apart() -> None:
    assert len({each.value for each in CeremonyReason}) == len(CeremonyReason)


@pytest.mark.parametrize("reason", list(CeremonyReason))
def test_nobody_is_refused_without_being_told_what_to_do(reason: CeremonyReason) -> None:
    assert CeremonyRefused(reason, "a message").hint.endswith(".")


def test_a_malformed_document_is_malformed() -> None:
    assert issubclass(MalformedCeremony, MalformedError)
