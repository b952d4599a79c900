"""What can be wrong with a log, seen by whoever asked: its form, its proof, or the question."""

from keyturn.base.errors import MalformedError, NotFoundError, UntrustedError


class MalformedProof(MalformedError):
    """A proof whose shape cannot belong to its index and sizes."""


class MalformedNote(MalformedError):
    """A signed note, checkpoint, cosignature or receipt that breaks its format."""


class MalformedTile(MalformedError):
    """A tile, tile path or entry bundle that breaks its format."""


class UntrustedProof(UntrustedError):
    """A well-formed proof, or a set of leaves, that does not lead to the root."""


class UntrustedCheckpoint(UntrustedError):
    """A checkpoint of another log, or one whose needed signature is missing or wrong."""


class OutsideTree(NotFoundError):
    """An index or size that the tree does not have (yet)."""
