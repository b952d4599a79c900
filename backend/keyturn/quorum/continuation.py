"""The log goes on under another log key: an `origin` entry, then its `keys` (our protocol §6.2).

What is judged here is which entries and statements may stand there. Whether `previous` is really
signed over the tree's own root is for who has the tree: `CheckPrevious`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.base.errors import UntrustedError
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.quorum.bodies import Keys, Purpose
from keyturn.quorum.entries import OriginEntry
from keyturn.quorum.errors import LogInconsistent, SubmissionReason, SubmissionRefused

CheckPrevious = Callable[[str, Keys, int], None]
"""Whether a note is the last checkpoint of the log that these keys name, over so many entries and
their root. Raises MalformedError, UntrustedError."""


@dataclass(frozen=True, slots=True)
class LogName:
    """An origin and key of the log, and `last`: the largest size that they sign; None: they count
    now."""

    origin: str
    key: VerifyKey
    last: int | None


def log_names(chain: Iterable[tuple[int, Keys]]) -> tuple[LogName, ...]:
    """Every name that the log has had, the oldest first, from its `keys` by entry index."""
    names: list[LogName] = []
    for index, keys in chain:
        key = load_verify_key(keys.keys[Purpose.LOG].spki)
        if names and (names[-1].origin, names[-1].key.spki) == (keys.origin, key.spki):
            continue
        if names:  # the `origin` entry stands before it
            names[-1] = LogName(names[-1].origin, names[-1].key, index - 1)
        names.append(LogName(keys.origin, key, None))
    return tuple(names)


def is_other_log_key(new: Keys, before: Keys | None) -> bool:
    """Whether `keys` name another log key or origin than those before them."""
    return before is not None and _named(new) != _named(before)


def check_log_key(new: Keys, names: tuple[LogName, ...], *, continued: bool) -> None:
    """Whether `keys` may come into force next. `continued`: directly behind an `origin` entry.

    Raises SubmissionRefused.
    """
    if not names:
        return
    now, new_key = names[-1], _named(new)[1]
    changes = (new.origin != now.origin, new_key != now.key.spki)
    if continued or any(changes):
        _check_new(new, names, changes, continued=continued)


def _check_new(
    new: Keys, names: tuple[LogName, ...], changes: tuple[bool, bool], *, continued: bool
) -> None:
    if not continued:
        raise SubmissionRefused(
            SubmissionReason.LOG_NOT_CONTINUED,
            "another log key or origin, where the log does not go on under it",
            found=new.origin,
            expected=names[-1].origin,
            hint="a new log key comes into force by the ceremony that replaces the token",
        )
    old = {each.origin for each in names} | {each.key.key_id for each in names}
    if not all(changes) or old & {new.origin, new.keys[Purpose.LOG].key_id}:
        raise SubmissionRefused(
            SubmissionReason.LOG_NOT_CONTINUED,
            "a log goes on under another key and another origin, each of them new",
            found=new.origin,
            expected="an origin and a log key that were never named",
        )


def check_origin(
    entry: OriginEntry,
    size: int,
    authority: Digest,
    keys: Keys | None,
    check_previous: CheckPrevious | None,
) -> None:
    """An `origin` entry at index `size`, after `keys`. Raises LogInconsistent, UntrustedError."""
    if entry.authority != authority:
        raise UntrustedError(
            "the log belongs to another authority", found=entry.authority, expected=authority
        )
    if (entry.previous is None) != (size == 0):
        raise LogInconsistent(
            f"entry {size}: an origin entry names a checkpoint of before if it is not the first"
        )
    if entry.previous is None:
        return
    if keys is None:
        raise LogInconsistent(f"entry {size}: the log goes on before any keys were named")
    if check_previous is None:
        raise LogInconsistent(f"entry {size}: without the tree nobody can tell how the log goes on")
    check_previous(entry.previous, keys, size)


def _named(keys: Keys) -> tuple[str, bytes]:
    return keys.origin, keys.keys[Purpose.LOG].spki
