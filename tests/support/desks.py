"""A desk without threads: real clients, asked at once or when the test says; a scripted officer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.officerkeys.signer import Signer
from keyturn_app.desk import Identity, Locked, Topic
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.live.gathering import GATHERED, gather
from keyturn_app.questions import (
    Confirm,
    Confirmed,
    Notice,
    OpenDirectory,
    OpenFile,
    OpenFiles,
    Passphrase,
    SaveFile,
)
from keyturn_app.tasks import Job, Progress, Work

T = TypeVar("T")


class InlineDesk:
    """`Desk` for presenters' tests. `waiting`: hold what is asked until `answer` is called;
    `cosigns`: be a witness where the roster says so."""

    def __init__(
        self, identity: Identity, client: KeyturnClient | None, now: Callable[[], datetime]
    ) -> None:
        self.identity = identity
        self.facts = Facts()
        self.waiting = False
        self.cosigns = False
        self._client = client
        self._now = now
        self._held: list[Callable[[], None]] = []
        self._listeners: list[tuple[Callable[[frozenset[Topic]], None], frozenset[Topic]]] = []

    @property
    def signer(self) -> Signer | None:
        return None

    def now(self) -> datetime:
        return self._now()

    def subscribe(
        self, listener: Callable[[frozenset[Topic]], None], *topics: Topic
    ) -> Callable[[], None]:
        entry = (listener, frozenset(topics or Topic))
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry) if entry in self._listeners else None

    def ask(
        self,
        work: Callable[[KeyturnClient], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        dropped: list[bool] = []

        def run() -> None:
            try:
                if self._client is None or self.identity.locked:
                    raise Locked("the officer's key is locked away")
                found = work(self._client)
            except KeyturnError as error:
                if not dropped:
                    failed(error)
            else:
                if not dropped:
                    done(found)

        self._held.append(run)
        if not self.waiting:
            self.answer()
        return lambda: dropped.append(True)

    def answer(self) -> None:
        """Run everything that was asked so far."""
        while self._held:
            self._held.pop(0)()

    def refresh(self, *topics: Topic) -> None:
        if self._client is None:
            return
        gathered = gather(
            self._client, self.facts, topics or GATHERED, self.now(), cosigns=self.cosigns
        )
        live = Connection(Link.LIVE, heard=self.now())
        self.show(replace(gathered, connection=live), *(topics or Topic))

    def show(self, facts: Facts, *topics: Topic) -> None:
        """Let these be the facts, and tell whoever listens to `topics` (none: all)."""
        self.facts = facts
        told = frozenset(topics or Topic)
        for listener, wanted in tuple(self._listeners):
            if told & wanted:
                listener(told & wanted)


class InlineDoor:
    """`Door` whose work is done at once, on this thread."""

    def __init__(self) -> None:
        self.progressed: list[Progress] = []
        self.before: Callable[[Job], None] = lambda job: None

    def run(
        self,
        label: str,
        work: Work[T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
        progress: Callable[[Progress], None] | None = None,
    ) -> Job:
        job = Job(label)
        self.before(job)

        def tell(each: Progress) -> None:
            self.progressed.append(each)
            if progress is not None:
                progress(each)

        try:
            found = work(job, tell)
        except KeyturnError as error:
            failed(error)
        else:
            done(found)
        return job


@dataclass
class ScriptedOfficer:
    """`Asker` that answers as told, and remembers what it was asked."""

    confirms: Confirmed | None = field(default_factory=Confirmed)
    secret: bytes | None = None
    chosen: Path | None = None
    several: tuple[Path, ...] = ()
    asked: list[object] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)
    toasts: list[str] = field(default_factory=list)

    def confirm(self, question: Confirm, answered: Callable[[Confirmed | None], None]) -> None:
        self.asked.append(question)
        answered(self.confirms)

    def passphrase(
        self, question: Passphrase, answered: Callable[[bytearray | None], None]
    ) -> None:
        self.asked.append(question)
        answered(None if self.secret is None else bytearray(self.secret))

    def path(
        self,
        question: OpenFile | OpenDirectory | SaveFile,
        answered: Callable[[Path | None], None],
    ) -> None:
        self.asked.append(question)
        answered(self.chosen)

    def paths(
        self, question: OpenFiles, answered: Callable[[tuple[Path, ...] | None], None]
    ) -> None:
        self.asked.append(question)
        chosen = self.several or (() if self.chosen is None else (self.chosen,))
        answered(chosen or None)

    def tell(self, notice: Notice) -> None:
        self.told.append(notice)

    def toast(self, text: str) -> None:
        self.toasts.append(text)
