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
from keyturn.quorum.bundle import Authority
from keyturn.wire.tls import Pin
from keyturn_app.desk import Identity, Locked, Topic
from keyturn_app.facts import Bundle, Connection, Facts, Link
from keyturn_app.i18n import _
from keyturn_app.live.desk import utc_now
from keyturn_app.live.listeners import Listener, TopicListeners

T = TypeVar("T")


class NobodysDesk:
    """Implements `Desk`: knows no more than it is told, asks nobody, holds no key."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        nothing = Profile("", Pin(""), Digest(""), "", InKeyring(""))
        self.identity = Identity(nothing, _("this machine"), "", "", locked=False)
        self.facts = Facts(Connection(Link.STATION))
        self._now = now
        self._listeners = TopicListeners()

    @property
    def signer(self) -> Signer | None:
        return None

    def now(self) -> datetime:
        return self._now()

    def know(self, authority: Authority) -> None:
        """Somebody brought its bundle here, and typed its fingerprint."""
        self.facts = Facts(Connection(Link.STATION), bundle=Bundle(authority, self._now()))
        self._listeners.tell(frozenset({Topic.SEEN}))

    def subscribe(self, listener: Listener, *topics: Topic) -> Callable[[], None]:
        return self._listeners.add(listener, *topics)

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
