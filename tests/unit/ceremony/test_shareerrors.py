import pytest

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.ceremony.errors import CeremonyReason
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault, ShareRefused


def test_words_that_are_no_share_are_malformed_and_say_where() -> None:
    error = MalformedShare(ShareFault.UNKNOWN_WORD, "share: word 3", place=3, hint="Compare it.")
    assert isinstance(error, MalformedError)
    assert (error.fault, error.place, error.hint) == (ShareFault.UNKNOWN_WORD, 3, "Compare it.")


def test_a_refused_share_is_a_ceremonys_refusal_with_its_fault() -> None:
    error = ShareRefused(ShareFault.TWICE, "share: entered already", expected="each once")
    assert isinstance(error, UntrustedError)
    assert (error.reason, error.fault) == (CeremonyReason.WRONG_SHARE, ShareFault.TWICE)
    assert str(error) == "share: entered already; expected each once"


@pytest.mark.parametrize("fault", list(ShareFault))
def test_every_fault_says_what_to_do(fault: ShareFault) -> None:
    for error in (ShareRefused(fault, "a message"), MalformedShare(fault, "a message")):
        assert error.hint.endswith(".")
