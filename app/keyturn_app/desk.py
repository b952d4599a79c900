"""An officer at one server, as presenters see it: verified facts, and one way to ask for more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Profile
from keyturn.officerkeys.signer import Signer
from keyturn_app.facts import Facts

T = TypeVar("T")


class Topic(Enum):
    """What of the facts changed."""

    CONNECTION = "connection"
    SEEN = "seen"  # the log, and with it the authority
    PROPOSALS = "proposals"
    MODELS = "models"
    NODES = "nodes"
    WITNESSES = "witnesses"  # who cosigned the log, and whether this app does
    HAPPENINGS = "happenings"
    ALARMS = "alarms"
    IDENTITY = "identity"  # another officer, locked or unlocked


class Locked(KeyturnError):
    """The officer's key is locked away: nothing can be signed or asked."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sits here. `profile` names the server that is pinned, `name` is from the roster."""

    profile: Profile
    label: str  # of the server, as the officer calls it: "prod-eu"
    officer: str
    name: str
    locked: bool


class Desk(Protocol):
    """Everything here is called, and calls back, on the window's thread."""

    @property
    def identity(self) -> Identity: ...

    @property
    def facts(self) -> Facts: ...

    @property
    def signer(self) -> Signer | None:
        """The officer's key, which raises Locked while locked; None where there never is one."""

    def now(self) -> datetime:
        """UTC, whole seconds; frozen in recordings and tests."""

    def subscribe(
        self, listener: Callable[[frozenset[Topic]], None], *topics: Topic
    ) -> Callable[[], None]:
        """Be told after each change of any of `topics` (none: of all). Gives the call to leave."""

    def ask(
        self,
        work: Callable[[KeyturnClient], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        """Run `work` with the verified client on the network thread; once, in order.

        Gives the call that drops the answer. Fails with Locked while locked. A contradiction
        that `work` runs into becomes an alarm too.
        """

    def refresh(self, *topics: Topic) -> None:
        """Ask the server again now (none: for everything)."""
