"""What can go wrong on a node, named from the operator's side."""

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError


class ConfigInvalid(MalformedError):
    """The agent's configuration cannot be used."""


class ControlUnreachable(UnreachableError):
    """The control plane, or the keyholder behind it, could not be asked. Trying again may help."""


class ControlAnswerMalformed(MalformedError):
    """The control plane answered with something that the protocol does not know."""


class AnswerUntrusted(UntrustedError):
    """A grant, renewal or revocation lacks a proof that it needs."""


class ModelUnusable(MalformedError):
    """The opened model cannot be run by this engine."""


class RequestInvalid(MalformedError):
    """A client's request is not one that this node answers. `param` is the field at fault."""

    def __init__(
        self, message: str, *, param: str | None = None, found: str = "", expected: str = ""
    ) -> None:
        super().__init__(message, found=found, expected=expected)
        self.param = param


class NotServing(KeyturnError):
    """The node holds no live lease, or its model is not open: nothing is computed."""


class Overloaded(KeyturnError):
    """More requests are waiting than the node will hold."""


class ControlRefused(KeyturnError):
    """The control plane answered, and its answer is an error of ours or of its own."""
