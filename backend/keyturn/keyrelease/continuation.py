"""Whether a log that goes on under another key is the tree that the older key signed (§6.2)."""

from collections.abc import Callable, Sequence

from keyturn.base.errors import UntrustedError
from keyturn.base.signatures import load_verify_key
from keyturn.quorum.bodies import Keys, Purpose
from keyturn.quorum.continuation import CheckPrevious
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import SignedCheckpoint, verify_checkpoint
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.merkle import Frontier, Hash, leaf_hash

RootAt = Callable[[int], Hash]
"""The root over the first entries of the tree at hand, so many of them."""


def previous_check(root_at: RootAt) -> CheckPrevious:
    """For `AuthorityState.apply`, from a tree that reaches the entry that is applied."""

    def check(previous: str, keys: Keys, size: int) -> None:
        at = signed_by(previous.encode(), keys).checkpoint
        found = root_at(size)
        if (at.size, at.root) != (size, found):
            raise UntrustedCheckpoint(
                "the log goes on from another tree than its older key signed",
                found=f"{at.size} entries, {at.root.hex()}",
                expected=f"{size} entries, {found.hex()}",
            )

    return check


def believed_root(previous: str, keys: Keys, size: int) -> None:
    """As `previous_check`, for who proved the root when the entry was read first (§8.6)."""
    at = signed_by(previous.encode(), keys).checkpoint
    if at.size != size:
        raise UntrustedCheckpoint(
            "the log goes on from another size", found=str(at.size), expected=str(size)
        )


def signed_by(note: bytes, keys: Keys) -> SignedCheckpoint:
    """A checkpoint of the log that these keys name. Raises MalformedNote, UntrustedCheckpoint."""
    return verify_checkpoint(note, load_verify_key(keys.keys[Purpose.LOG].spki), keys.origin)


def signed_by_any(note: bytes, origin: str, state: AuthorityState) -> SignedCheckpoint:
    """A checkpoint under any name that the log has had, of a size that this key signed (§6.4).

    Raises MalformedNote, UntrustedCheckpoint.
    """
    name = state.log_name(origin)
    if name is None:
        raise UntrustedCheckpoint(
            "checkpoint of another log",
            found=repr(origin[:80]),
            expected=" or ".join(each.origin for each in state.log_names) or "none",
        )
    signed = verify_checkpoint(note, name.key, origin)
    if name.last is not None and signed.checkpoint.size > name.last:
        raise UntrustedCheckpoint(
            "signed by an older log key beyond the entries that it may sign",
            found=f"{signed.checkpoint.size} entries",
            expected=f"at most {name.last}",
            hint="Somebody still has the older key and signs another history. Tell the officers.",
        )
    return signed


def check_named(signed: SignedCheckpoint, state: AuthorityState) -> None:
    """Whether the log that was replayed under a checkpoint names the key that signed it.

    Raises LogInconsistent, UntrustedError.
    """
    keys, at = state.newest_keys, signed.checkpoint
    if keys is None or state.continued:
        raise LogInconsistent(
            "the log does not say by which key it is signed", found=f"{at.size} entries"
        )
    if keys.origin != at.origin:
        raise UntrustedError(
            "the log names another origin than its checkpoint",
            found=at.origin,
            expected=keys.origin,
        )
    signed_by(signed.to_bytes(), keys)


def root_of(before: Frontier, leaves: Sequence[bytes]) -> RootAt:
    """Of a tree and the entries behind it, at sizes from the one to the other."""

    def root_at(size: int) -> Hash:
        behind = leaves[: size - before.size]
        return before.extended(leaf_hash(each) for each in behind).root()

    return root_at
