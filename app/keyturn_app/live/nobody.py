"""A desk at which nobody sits: a ceremony's machine, before there is an authority to belong to."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Profile
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import Signer
from keyturn.wire.tls import Pin
from keyturn_app.desk import Identity, Locked, Topic
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.i18n import _
from keyturn_app.live.desk import utc_now

T = TypeVar("T")


class NobodysDesk:
    """Implements `Desk`: knows nothing, asks nobody, holds no key."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        nothing = Profile("", Pin(""), Digest(""), "", InKeyring(""))
        self.identity = Identity(nothing, _("this machine"), "", "", locked=False)
        self.facts = Facts(Connection(Link.STATION))
        self._now = now

    @property
    def signer(self) -> Signer | None:
        return None

    def now(self) -> datetime:
        return self._now()

    def subscribe(
        self,
        listener: Callable[[frozenset[Topic]], None],  # noqa: ARG002 - nothing ever changes
        *topics: Topic,  # noqa: ARG002
    ) -> Callable[[], None]:
        return lambda: None

    def ask(
        self,
        work: Callable[[KeyturnClient], T],  # noqa: ARG002 - there is no server
        *,
        done: Callable[[T], None],  # noqa: ARG002
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        failed(Locked(_("nobody sits here, and there is no server")))
        return lambda: None

    def refresh(self, *topics: Topic) -> None:
        """There is nothing to ask for."""
