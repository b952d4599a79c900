"""What may pass by itself is unreachable; what can only be mended is malformed."""

from keyturn.base.errors import MalformedError, UnreachableError
from keyturn.guest import errors


def test_a_device_that_does_not_answer_may_answer_later() -> None:
    assert issubclass(errors.DeviceUnreachable, UnreachableError)
    assert issubclass(errors.DeviceAnswerMalformed, MalformedError)
    assert issubclass(errors.CertificatesUnusable, MalformedError)
