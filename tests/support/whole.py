"""The real keyholder on its socket, and a real control plane over HTTPS before it."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keyturn.agent.control import HttpControl
from keyturn.base.encoding import Digest
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Places, Profile
from keyturn.client.proposals import Proposal
from keyturn.keyholder.server import KeyholderServer
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn.wire.keyholder import AnyRequest
from support.authority import Authority
from support.control import World, running_server
from support.signers import PersonSigner
from support.system import System

PROPOSER = "ada"
APPROVERS = ("bela", "chen", "dora", "emil")


@dataclass
class OnSocket:
    """A system's keyholder as a control plane of `support.control` finds one."""

    system: System
    path: Path

    @property
    def fingerprint(self) -> Digest:
        return self.system.fingerprint

    @property
    def authority(self) -> Authority:
        return self.system.authority

    @property
    def leaves(self) -> list[bytes]:
        return list(self.system.keyholder.journal.log.leaves())

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """The shipped server, in a thread; a fault in it fails the test."""
        faults: list[str] = []

        def answer(request: AnyRequest) -> dict[str, object]:
            return self.system.keyholder.answer(request)

        server = KeyholderServer(self.path, answer, faults.append)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield
        finally:
            server.stop()
            thread.join(10)
        assert not thread.is_alive()
        assert faults == []


@dataclass
class Whole:
    """One system with its control plane, and a desk for each officer."""

    system: System
    world: World
    desks: dict[str, KeyturnClient]

    def propose(self, kind: Kind, subject: str, body: dict[str, object], **parts: bytes) -> Digest:
        """Signed and posted by Ada; nobody has approved yet."""
        made = self.system.authority.propose(kind, subject, body)
        self.desks[PROPOSER].propose(made.raw, **parts)
        return made.digest

    def approve(self, digest: Digest, by: str) -> Proposal:
        return self.desks[by].decide(digest, Decision.APPROVE, "")

    def enact(self, kind: Kind, subject: str, body: dict[str, object], **parts: bytes) -> Proposal:
        """In force through the control plane, approved by as many as it takes."""
        made = self.system.authority.propose(kind, subject, body)
        found = self.desks[PROPOSER].propose(made.raw, **parts)
        by = (PROPOSER,) if kind is Kind.REVOCATION else APPROVERS[: DEFAULT_THRESHOLDS[kind]]
        for name in by:
            found = self.approve(made.digest, name)
        self.system.authority.entered(kind, subject, made)
        return found

    @contextlib.contextmanager
    def node_link(self) -> Iterator[HttpControl]:
        """The control plane as a node reaches it."""
        control = HttpControl(self.world.url, self.world.pin)
        try:
            yield control
        finally:
            control.close()


@contextlib.contextmanager
def running_whole(system: System, directory: Path, **config: object) -> Iterator[Whole]:
    """The control plane and all desks, for the time of a test."""
    keyholder = OnSocket(system, directory / "keyholder.sock")
    with contextlib.ExitStack() as stack:
        stack.enter_context(keyholder.serving())
        world = stack.enter_context(
            running_server(directory, keyholder, system.clock, **config)  # type: ignore[arg-type]
        )
        desks = {
            name: stack.enter_context(_desk(world, system, directory, name))
            for name in (PROPOSER, *APPROVERS)
        }
        yield Whole(system, world, desks)


def _desk(world: World, system: System, directory: Path, name: str) -> KeyturnClient:
    profile = Profile(world.url, world.pin, system.fingerprint, name, InKeyring(name))
    signer = PersonSigner(system.authority.people[name])
    place = directory / "desks" / name
    return KeyturnClient.open(
        profile, Places(place, place), now=system.clock, signer=lambda: signer
    )
