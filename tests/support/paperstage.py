"""A stage for the page's tests: paper hosts, asked at once on the same thread."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost, HostPlace

T = TypeVar("T")


@dataclass
class PaperDoor:
    """Asks at once; `held` keeps the questions until `answer`."""

    host: CeremonyHost
    id: str = "machine"
    place: HostPlace = HostPlace.MACHINE
    title: str = "This machine"
    held: list[Callable[[], None]] | None = None

    def ask(
        self,
        work: Callable[[CeremonyHost], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        dropped: list[bool] = []

        def run() -> None:
            try:
                found = work(self.host)
            except KeyturnError as error:
                if not dropped:
                    failed(error)
            else:
                if not dropped:
                    done(found)

        if self.held is None:
            run()
        else:
            self.held.append(run)
        return lambda: dropped.append(True)

    def answer(self) -> None:
        while self.held:
            self.held.pop(0)()


@dataclass
class PaperStage:
    """`fresh`: the host that is started when one is asked for."""

    all: list[CeremonyDoor] = field(default_factory=list)
    fresh: CeremonyDoor | None = None
    own: Signer | None = None
    started: list[bool] = field(default_factory=list)
    nobody: bool = False
    """Whether nobody sits here who knows an authority."""
    pinned: list[tuple[Path, str]] = field(default_factory=list)

    def doors(self) -> tuple[CeremonyDoor, ...]:
        return tuple(self.all)

    def own_signer(self) -> Signer | None:
        return self.own

    def minutes(self, transcript: bytes) -> bytes:
        return b"%PDF-1.4 minutes of " + str(len(transcript)).encode()

    def why_no_host(self) -> str:
        return "" if self.fresh is not None else "No host can be started here."

    def start(
        self,
        directory: Path | None,
        *,
        rehearsal: bool,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self.started.append(rehearsal)
        if self.fresh is None:
            failed(KeyturnError("no host can be started here"))
            return
        self.all.append(self.fresh)
        done(self.fresh)

    def join(
        self,
        socket: Path,
        *,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        failed(KeyturnError(f"nobody answers at {socket.name}"))

    def pins(self) -> bool:
        return self.nobody

    def pin(
        self,
        bundle: Path,
        typed: str,
        *,
        done: Callable[[Authority], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self.pinned.append((bundle, typed))
        failed(KeyturnError("not that one"))

    def close(self) -> None:
        self.all.clear()
