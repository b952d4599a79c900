"""A line to a real control plane, and what tests wait for."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Places, Profile
from keyturn.client.transport import Transport
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import Signer
from keyturn_app.desk import Topic
from keyturn_app.facts import Facts, Link
from keyturn_app.live.line import Line, Wiring
from support.authority import Clock
from support.control import World
from support.signers import PersonSigner

SECONDS = 20.0


def wiring_to(profile: Profile, places: Places, clock: Clock, *, events: bool = True) -> Wiring:
    """As the shipped one, the key left to `borrow`."""

    def connect(signer: Signer) -> KeyturnClient:
        return KeyturnClient.open(profile, places, now=clock, signer=lambda: signer)

    def no_key(passphrase: bytearray) -> None:
        raise AssertionError("this test borrows its key")

    listen = (lambda: Transport.pinned(profile.server, profile.pin)) if events else None
    return Wiring(connect, listen, no_key)  # type: ignore[arg-type]


@dataclass
class Heard:
    """A line, emptied by the test's thread as a desk's timer empties it."""

    line: Line
    places: Places
    facts: Facts = field(default_factory=Facts)
    topics: set[Topic] = field(default_factory=set)

    def drain(self) -> None:
        delivery = self.line.take()
        self.facts = delivery.facts
        self.topics |= delivery.topics
        for answer in delivery.answers:
            answer()

    def until(self, condition: Callable[[Facts], bool], seconds: float = SECONDS) -> Facts:
        """Empty the mailbox until it holds."""
        end = time.monotonic() + seconds
        pause = threading.Event()
        while True:
            self.drain()
            if condition(self.facts):
                return self.facts
            assert time.monotonic() < end, f"it did not come to pass: {self.facts.connection}"
            pause.wait(0.01)

    def until_link(self, link: Link) -> Facts:
        return self.until(lambda facts: facts.connection.link is link)

    def asked(self, work: Callable[[KeyturnClient], object]) -> object:
        """The answer, or the error, of one question."""
        found: list[object] = []
        self.line.ask(work, found.append, found.append)
        self.until(lambda _: bool(found))
        return found[0]


def profile_of(world: World, officer: str = "ada") -> Profile:
    return Profile(world.url, world.pin, world.keyholder.fingerprint, officer, InKeyring(officer))


@contextlib.contextmanager
def hearing(
    world: World, directory: Path, officer: str = "ada", *, events: bool = True
) -> Iterator[Heard]:
    """An unlocked line; none of its threads is left afterwards."""
    profile = profile_of(world, officer)
    places = Places(directory, directory / "state")
    wiring = wiring_to(profile, places, world.clock, events=events)
    line = Line(profile, places, wiring=wiring, now=world.clock)
    line.start()
    line.borrow(PersonSigner(world.authority.people[officer]))
    try:
        yield Heard(line, places)
    finally:
        line.close()
        line.join(10)
        assert ours() == []


def ours() -> list[str]:
    """Names of this program's own threads that still run."""
    return [each.name for each in threading.enumerate() if each.name.startswith("keyturn-")]
