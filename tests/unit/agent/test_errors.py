"""Three things stay apart: malformed, untrusted, unreachable."""

from keyturn.agent import errors
from keyturn.base.errors import MalformedError, UnreachableError, UntrustedError


def test_what_may_pass_by_itself_is_unreachable() -> None:
    assert issubclass(errors.ControlUnreachable, UnreachableError)
    assert issubclass(errors.AnswerUntrusted, UntrustedError)
    assert issubclass(errors.ModelUnusable, MalformedError)
    assert not issubclass(errors.ControlRefused, UnreachableError)
