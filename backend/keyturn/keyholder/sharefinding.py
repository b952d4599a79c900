"""Whose shares open the token now: what the log's newest records say, or a file (§10.12)."""

from collections.abc import Callable, Sequence
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.ceremony.records import Record, parse_record
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.sharesets import ShareSet, check_sets, read_share_set
from keyturn.keyholder.ceremonies.sharing import read_sets

FILE = "shares.json"
SHARES = "share_sets"
"""The field of a record's facts (`ceremony.facts`: TokenMade, PinsReplaced)."""
PROVED = "proved"
"""That of a record which says that every share was entered again (SharesProved)."""
OF_TOKEN = frozenset({"token", SHARES})
"""Of one whose sets are those of a token that the ceremony makes (TokenMade)."""
STANDS = frozenset({"origin", "size", "root"})
"""Of one which says that the log was founded, or goes on, under that token's keys (LogStands)."""
_MAX_SETS = 8
_MAX_FILE = 1 << 20


def current_sets(
    done: Sequence[Digest], read_object: Callable[[Digest], bytes], file: Path
) -> tuple[ShareSet, ...]:
    """The newest sets with a user PIN of which every share was proved: that is when they take
    effect; those of a new token when the log goes on under it, which an aborted ceremony's never
    does. Without any, those of `file`; else none. `done` are records of steps that were done, in
    the log's order.

    Raises MalformedError, ShareRefused for sets of a rehearsal, and what `read_object` raises.
    """
    found = _named(done, read_object, file)
    check_sets(found, rehearsal=False)
    return found


def _named(
    done: Sequence[Digest], read_object: Callable[[Digest], bytes], file: Path
) -> tuple[ShareSet, ...]:
    proved: set[str] = set()
    used: set[str] = set()
    for digest in reversed(done):
        record = parse_record(read_object(digest))
        if isinstance(record.facts.get(PROVED), list):
            proved.add(record.ceremony)
        if record.facts.keys() >= STANDS:
            used.add(record.ceremony)
        if record.ceremony in proved and (
            not record.facts.keys() >= OF_TOKEN or record.ceremony in used
        ):
            sets = sets_of(record)
            if any(each.use is ShareUse.USER for each in sets):
                return sets
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_FILE + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise MalformedError(f"{FILE} cannot be read", found=str(error.strerror)) from error
    return read_sets(raw)


def sets_of(record: Record) -> tuple[ShareSet, ...]:
    """The share sets that a record's facts name, if any. Raises MalformedError."""
    if not isinstance(record.facts.get(SHARES), list):
        return ()
    fields = Fields(record.facts, "ceremony record: facts")
    return tuple(read_share_set(each) for each in fields.objects(SHARES, limit=_MAX_SETS))


def user_set(sets: Sequence[ShareSet]) -> ShareSet | None:
    """The set of the user PIN, which opens the token."""
    return next((each for each in sets if each.use is ShareUse.USER), None)
