"""Where the app itself gets its hosts: the keyholder through the server, processes on this machine.

No Qt in here: slow work goes through the desk's network thread and the tasks' door.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.minutes import make_minutes
from keyturn.client.ceremonydoor import LocalDoor
from keyturn.client.ceremonyhost import HostProcess
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import FileUnusable
from keyturn.client.minutes import minutes_pdf
from keyturn.client.unsealdoor import is_keyholder
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority
from keyturn.tlog.checkpoints import Checkpoint
from keyturn_app.desk import Desk
from keyturn_app.entitled import not_asking
from keyturn_app.i18n import _
from keyturn_app.live.nobody import NobodysDesk
from keyturn_app.screens.ceremonies.hosting import ClientHost
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost, HostPlace
from keyturn_app.screens.ceremonies.keeping import proved
from keyturn_app.screens.ceremonies.keyholding import KeyholderHost, LocalKeyholderHost
from keyturn_app.screens.ceremonies.pinning import pinned
from keyturn_app.tasks import Door

T = TypeVar("T")
SOCKET = "ceremony.sock"


class KeyholderAt:
    """The running keyholder, through the server that this app is connected to."""

    id = HostPlace.KEYHOLDER.value
    place = HostPlace.KEYHOLDER

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._made: tuple[KeyturnClient, Authority | None, KeyholderHost] | None = None

    @property
    def title(self) -> str:
        return _("Keyholder of {label}").format(label=self._desk.identity.label)

    def ask(
        self,
        work: Callable[[CeremonyHost], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        seen = self._desk.facts.seen
        authority = None if seen is None else seen.authority
        checkpoint = None if seen is None else seen.checkpoint.checkpoint

        def errand(client: KeyturnClient) -> T:
            made = self._made
            if made is None or made[0] is not client or made[1] is not authority:
                host = KeyholderHost(client, authority, checkpoint)
                made = self._made = (client, authority, host)
            return work(made[2])

        return self._desk.ask(errand, done=done, failed=failed)


Ground = tuple[Authority | None, Checkpoint | None]
"""The pinned authority, and the newest checkpoint of its log that was verified here."""


class MachineAt:
    """What answers at a socket of this machine: a host process, or the running keyholder."""

    def __init__(
        self,
        door: Door,
        socket: Path,
        title: str,
        ground: Callable[[], Ground],
        *,
        keyholder: bool = False,
        said: str = "",
    ) -> None:
        """`said`: the words of its key, as it told this app, which started it."""
        self.id = str(socket)
        self.title = title
        self.place = HostPlace.LOCAL if keyholder else HostPlace.MACHINE
        self._door, self._socket, self._ground, self._said = door, socket, ground, said
        self._made: tuple[Authority | None, ClientHost] | None = None

    def ask(
        self,
        work: Callable[[CeremonyHost], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        host = self._host()
        job = self._door.run(
            "ask a ceremony's host", lambda _job, _tell: work(host), done=done, failed=failed
        )
        return job.drop

    def _host(self) -> ClientHost:
        """Made anew when this machine knows another authority than before."""
        authority, seen = self._ground()
        made = self._made
        if made is None or made[0] is not authority:
            host: ClientHost = ClientHost(LocalDoor(self._socket), authority, said=self._said)
            if self.place is HostPlace.LOCAL:
                host = LocalKeyholderHost(self._socket, authority, seen)
            made = self._made = (authority, host)
        return made[1]


@dataclass(slots=True)
class _Started:
    """What was started here, and what goes with it. `scratch`: a rehearsal's directory."""

    processes: list[HostProcess] = field(default_factory=list)
    scratch: list[Path] = field(default_factory=list)


class AppStage:
    """A `Stage` over one desk."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk, self._door = desk, door
        self._keyholder = KeyholderAt(desk)
        self._machines: list[CeremonyDoor] = []
        self._started = _Started()
        self._closed = False

    def doors(self) -> tuple[CeremonyDoor, ...]:
        connected = not not_asking(self._desk)
        return (*([self._keyholder] if connected else []), *self._machines)

    def own_signer(self) -> Signer | None:
        return self._desk.signer

    def minutes(self, transcript: bytes) -> bytes:
        authority, _seen = self._known()
        here = None if authority is None else authority.state.fingerprint
        return minutes_pdf(make_minutes(proved(transcript, here)))

    def why_no_host(self) -> str:
        return ""

    def start(
        self,
        directory: Path | None,
        *,
        rehearsal: bool,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        started = self._started

        def work() -> HostProcess:
            home = directory
            if home is None:
                home = Path(mkdtemp(prefix="keyturn-rehearsal-"))
                started.scratch.append(home)
            try:
                home.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise FileUnusable(f"cannot use {home}: {error.strerror}") from error
            process = HostProcess.start(home, home / SOCKET, rehearsal=rehearsal)
            started.processes.append(process)
            return process

        title = _("Rehearsal on this machine") if rehearsal else _("This machine")
        self._door.run(
            "start a ceremony's host",
            lambda _job, _tell: work(),
            done=lambda process: self._has_started(process, title, done),
            failed=failed,
        )

    def join(
        self,
        socket: Path,
        *,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        def found(keyholder: bool) -> None:
            title = _("Keyholder on this machine") if keyholder else socket.parent.name
            made = MachineAt(
                self._door, socket, title or str(socket), self._known, keyholder=keyholder
            )
            self._machines = [each for each in self._machines if each.id != made.id]
            self._machines.append(made)
            done(made)

        self._door.run(
            _("look who answers"),
            lambda _job, _tell: is_keyholder(socket),
            done=found,
            failed=failed,
        )

    def pins(self) -> bool:
        return isinstance(self._desk, NobodysDesk)

    def pin(
        self,
        bundle: Path,
        typed: str,
        *,
        done: Callable[[Authority], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        now = self._desk.now()

        def known(authority: Authority) -> None:
            if isinstance(self._desk, NobodysDesk):
                self._desk.know(authority)
            done(authority)

        self._door.run(
            _("verify an authority's bundle"),
            lambda _job, _tell: pinned(bundle, typed, now),
            done=known,
            failed=failed,
        )

    def close(self) -> None:
        """End what was started here. A ceremony goes on from its record when it is started anew."""
        self._closed = True
        self._machines.clear()
        for each in self._started.processes:
            each.end()
        for scratch in self._started.scratch:
            shutil.rmtree(scratch, ignore_errors=True)

    # ---- inside ----

    def _known(self) -> Ground:
        facts = self._desk.facts
        if facts.seen is not None:
            return facts.seen.authority, facts.seen.checkpoint.checkpoint
        return (None if facts.bundle is None else facts.bundle.authority), None

    def _has_started(
        self, process: HostProcess, title: str, done: Callable[[CeremonyDoor], None]
    ) -> None:
        if self._closed:
            process.end()
            return
        made = MachineAt(self._door, process.door.path, title, self._known, said=process.phrase)
        self._machines.append(made)
        done(made)
