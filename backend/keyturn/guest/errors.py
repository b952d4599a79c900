"""What can go wrong where evidence is made, named from the side of whoever runs the machine."""

from keyturn.base.errors import MalformedError, UnreachableError


class DeviceUnreachable(UnreachableError):
    """A device that signs evidence did not answer."""


class DeviceAnswerMalformed(MalformedError):
    """A device answered with something that is not evidence."""


class CertificatesUnusable(MalformedError):
    """A file that is to hold the CPU's certificates does not."""
