"""The hosts that are known now: each asked for its list, at most once at a time. No Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.quorum.bundle import Authority
from keyturn_app import wording
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, HostPlace, HostSeen, Stage
from keyturn_app.screens.ceremonies.listing import HostState

RUNNING = (HostPlace.KEYHOLDER, HostPlace.LOCAL)
"""Where the running keyholder answers; through the server first."""


@dataclass(slots=True)
class Asked:
    """What one host said last."""

    door: CeremonyDoor
    seen: HostSeen | None = None
    error: str = ""
    refuted: bool = False
    asking: bool = False
    drop: Callable[[], None] = lambda: None


class Hosts:
    """`heard` is told after each answer."""

    def __init__(self, stage: Stage, heard: Callable[[], None]) -> None:
        self._stage, self._heard = stage, heard
        self._all: dict[str, Asked] = {}

    def get(self, name: str) -> Asked | None:
        return self._all.get(name)

    def states(self) -> tuple[HostState, ...]:
        return tuple(
            HostState(name, each.door.place, each.door.title, each.seen, each.error, each.refuted)
            for name, each in self._all.items()
        )

    @property
    def settled(self) -> bool:
        """Whether all have told what they have."""
        return not any(each.asking or each.seen is None for each in self._all.values())

    def proved(self, pinned: Authority) -> Authority | None:
        """The newest state of this authority that the log of a keyholder on this machine proves; of
        another one, which was pinned before, none."""
        found = [each.seen.authority for each in self._all.values() if each.seen is not None]
        known = [e for e in found if e is not None and e.fingerprint == pinned.fingerprint]
        return max(known, key=lambda each: each.state.size, default=None)

    def keyholder(self) -> CeremonyDoor | None:
        """The way to the running keyholder; through the server where there is one."""
        doors = self._stage.doors()
        found = (each for place in RUNNING for each in doors if each.place is place)
        return next(found, None)

    def look(self) -> None:
        """Ask each for its list."""
        doors = self._stage.doors()
        for door in doors:
            asked = self._all.setdefault(door.id, Asked(door))
            asked.door = door
            if not asked.asking:
                asked.asking = True
                asked.drop = door.ask(
                    lambda host: host.look(),
                    done=partial(self._looked, asked),
                    failed=partial(self._not_looked, asked),
                )
        there = {door.id for door in doors}
        for gone in set(self._all) - there:
            del self._all[gone]

    def close(self) -> None:
        for each in self._all.values():
            each.drop()

    def _not_looked(self, asked: Asked, error: KeyturnError) -> None:
        asked.refuted = isinstance(error, UntrustedError | MalformedError)
        self._heard_of(asked, wording.error_text(error), None)

    def _looked(self, asked: Asked, seen: HostSeen) -> None:
        asked.refuted = False
        self._heard_of(asked, "", seen)

    def _heard_of(self, asked: Asked, error: str, seen: HostSeen | None) -> None:
        asked.asking, asked.error, asked.seen = False, error, seen
        self._heard()
