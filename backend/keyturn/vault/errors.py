"""What can go wrong between a sealed model and a disk."""

from collections.abc import Iterator
from contextlib import contextmanager

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError


class SourceRefused(MalformedError):
    """A directory to be sealed holds something that cannot be sealed."""


class SourceChanged(UntrustedError):
    """A file changed while it was being sealed."""


class StorageFailed(UnreachableError):
    """A file or directory could not be read or written."""


class NotEnoughMemory(UnreachableError):
    """The plaintext of a model does not fit into this machine's memory."""


class CopyDamaged(UntrustedError):
    """A copy of a sealed model is not what its manifest lists. `faults` names each file."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        shown = "; ".join(faults[:5]) + ("; …" if len(faults) > 5 else "")
        super().__init__(
            f"{len(faults)} sealed file(s) are damaged: {shown}",
            hint="Fetch the named files again from where the model was published.",
        )
        self.faults = faults


class ModelWiped(UnreachableError):
    """The model was opened once, but its memory has been wiped."""


class SealCancelled(KeyturnError):
    """Sealing was stopped on request. Nothing is left of it."""


@contextmanager
def storage_errors(action: str) -> Iterator[None]:
    """Turn an OSError into StorageFailed that says what was being done."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"{action}: {error.strerror or error}") from error
