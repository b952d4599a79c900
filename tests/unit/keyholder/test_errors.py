"""What a keyholder refuses, by the three kinds that callers tell apart."""

import pytest

from keyturn.base.errors import KeyturnError, UnreachableError, UntrustedError
from keyturn.keyholder.errors import ClockRefused, KeyholderSealed, KeyholderStopped, WrongToken


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyholderSealed(), UnreachableError),
        (KeyholderStopped("stopped"), UnreachableError),
        (ClockRefused("the clock"), UntrustedError),
        (WrongToken("another"), UntrustedError),
    ],
)
def test_each_is_of_its_kind(error: KeyturnError, kind: type[KeyturnError]) -> None:
    assert isinstance(error, kind)
    assert error.message
