"""What the log that was seen holds of ceremonies, and who signed them. No Qt in here."""

from collections.abc import Callable

from keyturn.quorum.roster import Roster
from keyturn_app.desk import Desk
from keyturn_app.entitled import not_asking
from keyturn_app.facts import Seen
from keyturn_app.screens.ceremonies.due import LogCeremony, LogRecord, by_ceremony, logged
from keyturn_app.screens.ceremonies.heldby import HeldBy


class InLog:
    """`changed` when somebody's name is known."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk = desk
        self._held_by = HeldBy(desk, changed)
        self._read: tuple[object, tuple[LogCeremony, ...], tuple[LogRecord, ...]] = (None, (), ())

    def ceremonies(self) -> tuple[LogCeremony, ...]:
        """Read again only when the log is another one."""
        seen: Seen | None = self._desk.facts.seen
        key = None if seen is None else (seen.state.size, id(seen.leaves))
        if seen is not None and key != self._read[0]:
            records = logged(seen.leaves)
            self._read = (key, by_ceremony(records), records)
        return self._read[1] if seen is not None else ()

    def ask_who(self) -> None:
        """Who signed what is over, where there is a server to ask."""
        if not not_asking(self._desk):
            held = self.ceremonies()
            self._held_by.ask(held, self._read[2])

    def again(self) -> None:
        """What did not come may be asked for once more."""
        self._held_by.again()
        self.ask_who()

    def people(self, roster: Roster | None) -> dict[str, tuple[str, ...]]:
        """Who signed, by ceremony, as far as it was proved."""
        names = {} if roster is None else {str(e.id): e.name for e in roster.officers.values()}
        return {
            ceremony: tuple(names.get(each, each) for each in officers)
            for ceremony, officers in self._held_by.known.items()
        }

    def close(self) -> None:
        self._held_by.close()
