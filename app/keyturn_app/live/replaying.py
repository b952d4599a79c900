"""A desk over a recording: the same client and verifiers, answered at once, at its own time.

For pictures of the app, and for whoever wants to look around without a server. Nothing can be
signed or posted. No Qt in here.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.base.times import parse_time
from keyturn.client.client import KeyturnClient
from keyturn.client.memory import Memory
from keyturn.client.offline import ProposalFile
from keyturn.client.profile import station_profile
from keyturn.client.proposals import Proposal
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import load_bundle, make_bundle
from keyturn_app.desk import Identity, Locked, Topic
from keyturn_app.facts import Bundle, Connection, Facts, Happening, Link
from keyturn_app.i18n import _
from keyturn_app.live.alarms import alarm_of, kind_of
from keyturn_app.live.gathering import GATHERED, gather
from keyturn_app.live.listeners import Listener, TopicListeners
from keyturn_app.presenting import Listeners
from keyturn_app.recording import HAPPENED, Moment, Recording
from keyturn_app.shell.session import Seat

T = TypeVar("T")


class ReplayDesk:
    """Implements `Desk`. `meet` gathers everything; before it nothing is known."""

    def __init__(self, recording: Recording, moment: Moment, label: str) -> None:
        self._moment = moment
        self._recording = recording
        self._memory = Memory(recording.profile.fingerprint)
        self._client = recording.client(moment, self._memory)
        self.identity = Identity(
            recording.profile, label, recording.profile.officer, recording.profile.officer, False
        )
        self.facts = Facts()
        self._listeners = TopicListeners()

    @property
    def signer(self) -> Signer | None:
        return None

    def now(self) -> datetime:
        return self._moment.time

    def subscribe(self, listener: Listener, *topics: Topic) -> Callable[[], None]:
        return self._listeners.add(listener, *topics)

    def ask(
        self,
        work: Callable[[KeyturnClient], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        try:
            if self.identity.locked:
                raise Locked("the officer's key is locked away")
            found = work(self._client)
        except KeyturnError as error:
            failed(error)
        else:
            done(found)
        return lambda: None

    def refresh(self, *topics: Topic) -> None:
        """What is recorded does not change."""

    # ---- for whoever stages a picture ----

    def sever(self) -> None:
        """As an officer station of the recorded authority: it has the bundle, and no server.

        Raises whatever the verifiers raise.
        """
        self.meet()
        seen, profile = self.facts.seen, self.identity.profile
        assert seen is not None  # it was met
        bundle = make_bundle(seen.state)
        station = station_profile(profile.fingerprint, profile.officer, profile.key)
        authority = load_bundle(bundle, profile.fingerprint, self.now())
        self.identity = replace(self.identity, profile=station, label=_("Station"))
        self.know(Facts(Connection(Link.STATION), bundle=Bundle(authority, self.now())))

    def file_of(self, proposal: Proposal) -> bytes:
        """A recorded proposal as the file that is carried to a station."""
        seen = self.facts.seen
        assert seen is not None  # it was met
        return ProposalFile(
            proposal.statement, proposal.approvals, seen.authority, make_bundle(seen.state)
        ).to_bytes()

    def meet(self) -> None:
        """Verify the moment and know it. Raises whatever the verifiers raise."""
        facts = gather(self._client, self.facts, GATHERED, self.now())
        happened = tuple(
            Happening(each.id, each.kind, dict(each.data), _time_of(each.data, self.now()))
            for each in self._client.happened(0, HAPPENED)
        )
        live = Connection(Link.LIVE, heard=self.now(), behind_ms=0, events_per_second=1.0)
        roster = facts.seen.roster if facts.seen else None
        officer = roster and next(
            (each for each in roster.officers.values() if each.id == self.identity.officer), None
        )
        if officer:
            self.identity = replace(self.identity, name=officer.name)
        self.know(replace(facts, connection=live, happenings=happened))

    def lose(self, silence: timedelta) -> None:
        """The server stopped answering so long ago."""
        lost = Connection(
            Link.RECONNECTING,
            heard=self.now() - silence,
            failures=7,
            error="the server cannot be reached: ConnectTimeout. "
            "Check the address in the profile, and that the control plane runs.",
        )
        self.know(replace(self.facts, connection=lost))

    def catch(self, lies: Mapping[str, tuple[int, bytes]], directory: Path) -> None:
        """Be told `lies` instead of what was recorded, and catch the server at it.

        Raises ValueError when the verifiers found nothing wrong.
        """
        lying = replace(self._moment, answers={**self._moment.answers, **lies})
        client = self._recording.client(lying)
        self._caught(lambda: gather(client, self.facts, GATHERED, self.now()), directory)

    def _caught(self, look: Callable[[], object], directory: Path) -> None:
        try:
            look()
        except KeyturnError as error:
            kind = kind_of(error)
            if kind is None:
                raise
            alarm = alarm_of(error, kind, directory, self.now())
            caught = Connection(Link.DISTRUSTED, heard=self.now(), error=str(error))
            self.know(replace(self.facts, connection=caught, alarms=(alarm,)))
        else:
            raise ValueError("the verifiers believed it")

    def rewind(self, earlier: Moment, directory: Path) -> None:
        """Be shown an older log than the one that was met, and catch the server at it."""
        client = self._recording.client(earlier, self._memory)
        self._caught(lambda: gather(client, self.facts, GATHERED, self.now()), directory)

    def know(self, facts: Facts, *topics: Topic) -> None:
        """Other facts than the recording's; of `topics` something changed, or of all."""
        self.facts = facts
        self._listeners.tell(frozenset(topics or Topic))

    def set_locked(self, locked: bool) -> None:
        self.identity = replace(self.identity, locked=locked)
        self._listeners.tell(frozenset({Topic.IDENTITY}))


class ReplaySession:
    """Implements `Session`: one seat, whose key is never opened."""

    def __init__(self, desk: ReplayDesk) -> None:
        self.listeners = Listeners()
        self.desk = desk

    @property
    def seat(self) -> Seat:
        identity = self.desk.identity
        return Seat("recording", identity.label, identity.name, environment="demo")

    @property
    def seats(self) -> tuple[Seat, ...]:
        return (self.seat,)

    def sit(self, seat_id: str) -> None:
        """There is no other seat."""

    def repin(self, pin: str) -> None:
        """A recording has no server."""

    def lock(self) -> None:
        self.desk.set_locked(True)

    def unlock(
        self,
        passphrase: bytearray,
        *,
        done: Callable[[], None],
        failed: Callable[[KeyturnError], None],  # noqa: ARG002 - the protocol's; nothing fails
    ) -> None:
        passphrase[:] = bytes(len(passphrase))
        self.desk.set_locked(False)
        done()

    def close(self) -> None:
        """Nothing is open."""


def _time_of(data: Mapping[str, object], default: datetime) -> datetime:
    text = data.get("time")
    return parse_time(text, what="event: time") if isinstance(text, str) else default
