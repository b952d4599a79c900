"""Who signed a ceremony that is over: from its records in the log, proved before a name is said.

The log names each record by its digest; the server gives the records, and they are read as a
stranger reads a transcript (our protocol §10.4, §10.12). No Qt in here.
"""

from collections.abc import Callable, Sequence
from functools import partial

from keyturn.ceremony.sessions import is_session, verify_session
from keyturn.ceremony.transcript import make_transcript, parse_transcript, verify_transcript
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import NotFound
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.state import AuthorityState
from keyturn_app.desk import Desk
from keyturn_app.screens.ceremonies.due import LogCeremony, LogRecord

AT_MOST = 12
"""The newest of a list; who held older ones the record says."""


class HeldBy:
    """Asks once for each ceremony; `changed` when something is known."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed
        self._known: dict[str, tuple[str, ...]] = {}
        self._asked: set[str] = set()
        self._drops: list[Callable[[], None]] = []

    @property
    def known(self) -> dict[str, tuple[str, ...]]:
        """Officers by ceremony, in the order of their signatures."""
        return self._known

    def again(self) -> None:
        """What did not come may be asked for once more."""
        self._asked = set(self._known)

    def ask(self, held: Sequence[LogCeremony], records: Sequence[LogRecord]) -> None:
        """`held`: the newest first, of which those that are over are asked for."""
        seen = self._desk.facts.seen
        over = [each.ceremony for each in held if each.finished or each.aborted][:AT_MOST]
        for ceremony in over if seen is not None else ():
            if ceremony in self._asked:
                continue
            self._asked.add(ceremony)
            assert seen is not None  # there is nothing to go through else
            mine = [each for each in records if each.entry.ceremony == ceremony]
            self._drops.append(
                self._desk.ask(
                    partial(signers_of, records=mine, state=seen.state),
                    done=partial(self._told, ceremony),
                    failed=lambda _error: None,
                )
            )

    def close(self) -> None:
        for drop in self._drops:
            drop()

    def _told(self, ceremony: str, officers: tuple[str, ...]) -> None:
        self._known[ceremony] = officers
        self._changed()


def signers_of(
    client: KeyturnClient, records: Sequence[LogRecord], state: AuthorityState
) -> tuple[str, ...]:
    """Officers in the order of their first signatures.

    Raises NotFound, ServerLied where a record is not the one that the log names, and what proving
    them raises.
    """
    raws = [_record(client, each) for each in records]
    transcript = parse_transcript(make_transcript(raws, make_bundle(state)))
    if is_session(transcript):
        session = verify_session(transcript, state.fingerprint)
        signed = [each.officer for each in session.signatures]
    else:
        verified = verify_transcript(transcript, state.fingerprint)
        signed = [e.officer for each in verified.done for e in each.signatures]
        signed += [each.said.officer for each in verified.words]
    return tuple(dict.fromkeys(str(each) for each in signed))


def _record(client: KeyturnClient, logged: LogRecord) -> bytes:
    raw = client.read_object(logged.entry.record)
    if raw is None:
        raise NotFound(
            "the server has not the record that the log names", found=logged.entry.record
        )
    return raw
