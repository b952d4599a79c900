"""What can be wrong with a release request, an answer or a lease."""

from keyturn.base.errors import MalformedError, UntrustedError


class MalformedRequest(MalformedError):
    """A release request, its claims or its evidence does not have the form of our protocol §5.2."""


class AnswerRejected(UntrustedError):
    """A release answer does not prove what the node needs before it opens a model (§5.6)."""


class AuditFailed(UntrustedError):
    """A log breaks a rule of release: what it says happened was not allowed to happen."""
