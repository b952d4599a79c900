"""Proposals as files: opened, verified, signed without a network, written out, posted. No Qt."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import PartsMissing
from keyturn.client.offline import ProposalFile, read_file, write_new_file
from keyturn.client.png import Grey, read_grey
from keyturn.client.proposals import Proposal
from keyturn.client.qrparts import Part, join
from keyturn.client.qrpictures import (
    Reader,
    is_picture,
    parts_of,
    read_pictures,
    read_with_others,
)
from keyturn.quorum.approvals import Decision
from keyturn_app.desk import Desk
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.questions import Asker, Notice, OpenFiles, SaveFile, failure
from keyturn_app.screens.approvals.deciding import Offer
from keyturn_app.screens.approvals.previewing import ToSign, kept_for
from keyturn_app.screens.approvals.viewmodel import FileView
from keyturn_app.tasks import Door, Job, Progress

SHOWN = 20
"""Numbers of missing pictures in one line."""


@dataclass(frozen=True, slots=True)
class Opened:
    """`signed`: holds a decision made here that no file has yet."""

    name: str
    file: ProposalFile
    signed: bool = False


class Filing:
    """What is open from a file. `changed` is called after each change, `failed` on errors."""

    def __init__(
        self,
        desk: Desk,
        asker: Asker,
        door: Door,
        *,
        changed: Callable[[], None],
        failed: Callable[[KeyturnError], None],
        reader: Reader = read_grey,
        grab: Callable[[], Grey | None] = lambda: None,
    ) -> None:
        self._desk, self._asker, self._door = desk, asker, door
        self._reader, self._grab = reader, grab
        self._pasted: tuple[Part, ...] = ()
        self._changed, self._failed = changed, failed
        self._jobs: list[Job] = []
        self._drop: Callable[[], None] = lambda: None
        self.opened: Opened | None = None
        self.busy = ""

    # ---- reading ----

    def open(self, opened: Callable[[], None]) -> None:
        """Ask for a file and verify it against the pinned authority.

        Of a proposal in pictures one is chosen: the others are looked for beside it.
        """
        question = OpenFiles(_("Open a proposal's file or pictures"), (readable(), pattern()))

        def chosen(paths: tuple[Path, ...] | None) -> None:
            if paths is not None:
                self._read(paths, opened)

        self._asker.paths(question, chosen)

    def paste(self, opened: Callable[[], None]) -> None:
        """Take the codes out of the picture on the clipboard: all of a transfer, or one by one."""
        try:
            grey = self._grab()
        except KeyturnError as error:
            self._unread(error)
            return
        if grey is None:
            self._asker.tell(
                Notice(
                    _("There is no picture on the clipboard"),
                    _("Grab the part of the screen that shows the codes, copy it, paste again."),
                )
            )
            return

        def work(_job: Job, _tell: Callable[[Progress], None]) -> tuple[Part, ...]:
            return parts_of(grey, _("the picture on the clipboard"))

        def found(parts: tuple[Part, ...]) -> None:
            self._gather(parts, opened)

        self._begin(_("The picture is being read."))
        self._run(_("Read a picture of codes"), work, found, self._unpictured)

    def shut(self) -> None:
        self.opened = None
        self._changed()

    def _gather(self, parts: tuple[Part, ...], opened: Callable[[], None]) -> None:
        """With what was pasted before, until the transfer is whole or another one begins."""
        self._pasted = (*self._pasted, *parts)
        try:
            whole = join(self._pasted)
        except PartsMissing as error:
            self._unpictured(error, pasted=True)
            return
        except KeyturnError as error:
            self._pasted = ()
            self._unread(error)
            return
        self._pasted = ()
        self.read(whole, _("clipboard"), opened)

    def _read(self, paths: tuple[Path, ...], opened: Callable[[], None]) -> None:
        first = paths[0]
        pictures = is_picture(first) or len(paths) > 1

        def work(_job: Job, _tell: Callable[[Progress], None]) -> bytes:
            if len(paths) > 1:
                return read_pictures(paths, self._reader)
            return read_with_others(first, self._reader) if pictures else read_file(first)

        self._begin(_("The file is being verified."))
        lost = self._unpictured if pictures else self._lost
        self._run(
            _("Read a proposal's file"),
            work,
            lambda raw: self.read(raw, first.name, opened),
            lost,
        )

    def read(self, raw: bytes, name: str, opened: Callable[[], None]) -> None:
        """Verify a proposal's file; `name` is what it is called."""

        def verified(file: ProposalFile) -> None:
            self.opened = Opened(name, file)
            opened()

        self._begin(_("The file is being verified."))
        self._ask(lambda client: client.read_export(raw), verified, self._unread)

    # ---- signing and writing ----

    def decide(self, decision: Decision, comment: str, signed: ToSign | None = None) -> None:
        """Sign into the open file with this officer's key, then ask where to write it.

        `signed`: the impact preview that was shown.
        """
        if self.opened is None:
            return
        before = self.opened

        def work(client: KeyturnClient) -> ProposalFile:
            preview = kept_for(client, signed)
            return client.sign_offline(before.file, decision, comment, preview=preview)

        def done(file: ProposalFile) -> None:
            self.opened = Opened(before.name, file, signed=True)
            self._changed()
            self.save()

        self._begin(_("Your decision is being signed."))
        self._ask(work, done)

    def save(self) -> None:
        """Write the open file, with what was signed here, to a new one."""
        if self.opened is None:
            return
        opened = self.opened
        name = Path(opened.name)
        suggested = f"{name.stem}.{self._desk.identity.officer}.json"
        done = self._written_ours
        self.write(opened.file, suggested, lambda: done(opened))

    def write(self, file: ProposalFile, suggested: str, written: Callable[[], None]) -> None:
        """Ask where, and write a file that is not there yet."""
        title = _("Write a proposal's file")
        self.write_bytes(file.to_bytes(), title, suggested, written)

    def write_bytes(
        self, raw: bytes, title: str, suggested: str, written: Callable[[], None] = lambda: None
    ) -> None:
        """As `write`, of any file."""

        def chosen(path: Path | None) -> None:
            if path is None:
                return

            def work(_job: Job, _tell: Callable[[Progress], None]) -> Path:
                write_new_file(path, raw)
                return path

            def done(where: Path) -> None:
                self._asker.toast(_("Written to {name}").format(name=where.name))
                written()

            self._begin(_("The file is being written."))
            self._run(title, work, done)

        self._asker.path(SaveFile(title, suggested, (pattern(),)), chosen)

    def export(self, digest: Digest, subject: str) -> None:
        """Fetch the file of a proposal, verified as its reader will, and write it."""
        suggested = f"proposal-{subject}-{digest.removeprefix('sha256:')[:8]}.json"
        self.fetch(digest, lambda file: self.write(file, suggested, self._changed))

    def fetch(self, digest: Digest, fetched: Callable[[ProposalFile], None]) -> None:
        self._begin(_("The file is being fetched."))
        self._ask(lambda client: client.export(digest), fetched)

    def _written_ours(self, which: Opened) -> None:
        if self.opened is which:
            self.opened = Opened(which.name, which.file)
        self._changed()

    # ---- posting ----

    def post(self, posted: Callable[[Proposal], None]) -> None:
        """Give the server the approvals that it lacks, each as it was signed."""
        if self.opened is None:
            return
        file = self.opened.file
        fresh = [each.raw for each in file.approvals if each.raw in self._fresh(file)]
        digest = file.statement.digest

        def work(client: KeyturnClient) -> Proposal:
            proposal = client.proposal(digest)
            for raw in fresh:
                proposal = client.post_approval(digest, raw)
            return proposal

        def done(proposal: Proposal) -> None:
            self.opened = None
            self._asker.toast(n_("{count} approval posted", "{count} approvals posted", len(fresh)))
            posted(proposal)

        self._begin(_("The approvals are being posted."))
        self._ask(work, done)

    def view(self) -> FileView | None:
        if self.opened is None:
            return None
        file = self.opened.file
        fresh = self._fresh(file)
        names = tuple(
            f"{each.officer} · {each.decision.value}"
            for each in file.approvals
            if each.raw in fresh
        )
        notice = _(
            "From {name}, verified here against the pinned authority. Not known from a file: "
            "whether it was overtaken, withdrawn, or is in force."
        )
        bundle = self._desk.facts.bundle
        if bundle is not None:
            notice = _(
                "From {name}, verified here: pinned authority, roster version {version}, the "
                "newest that this station has seen. This station cannot know whether that roster "
                "is in force now, nor what the log says: what was overtaken, withdrawn or revoked."
            )
        if self._desk.facts.seen is not None:
            notice = _("From {name}, verified here against the pinned authority and the log.")
        return FileView(
            self.opened.name,
            notice.format(name=self.opened.name, version="" if bundle is None else bundle.version),
            names,
            self._post_offer(file, len(names)),
            self.opened.signed,
        )

    def close(self) -> None:
        for job in self._jobs:
            job.drop()
        self._drop()

    # ---- inside ----

    def _fresh(self, file: ProposalFile) -> set[bytes]:
        """Approvals that the server's list does not have; all while it is not known."""
        known = _known(self._desk.facts, file.statement.digest)
        there = set() if known is None else {each.raw for each in known.approvals}
        return {each.raw for each in file.approvals} - there

    def _post_offer(self, file: ProposalFile, fresh: int) -> Offer:
        facts = self._desk.facts
        if facts.connection.link is Link.STATION:
            return Offer(_("A station posts nothing: carry the signed file back."), shown=False)
        if facts.connection.link is not Link.LIVE:
            return Offer(_("Posting needs a connection to the server."))
        if self.busy:
            return Offer(self.busy)
        if _known(facts, file.statement.digest) is None:
            return Offer(_("The server does not have this proposal."))
        return Offer("" if fresh else _("The server has every approval of this file."))

    def _begin(self, what: str) -> None:
        self.busy = what
        self._changed()

    def _end(self) -> None:
        self.busy = ""

    def _run(
        self,
        label: str,
        work: Callable[..., object],
        done: Callable[..., None],
        lost: Callable[[KeyturnError], None] | None = None,
    ) -> None:
        def finished(found: object) -> None:
            self._end()
            done(found)

        self._jobs.append(self._door.run(label, work, done=finished, failed=lost or self._lost))

    def _ask(
        self,
        work: Callable[[KeyturnClient], object],
        done: Callable[..., None],
        lost: Callable[[KeyturnError], None] | None = None,
    ) -> None:
        def finished(found: object) -> None:
            self._end()
            done(found)

        self._drop = self._desk.ask(work, done=finished, failed=lost or self._lost)

    def _unread(self, error: KeyturnError) -> None:
        """The file's fault, not the server's."""
        self._end()
        self._asker.tell(failure(_("This file is not shown: it does not verify"), error))
        self._changed()

    def _unpictured(self, error: KeyturnError, *, pasted: bool = False) -> None:
        """What is missing is no fault: it is asked for."""
        if not isinstance(error, PartsMissing):
            self._unread(error)
            return
        self._end()
        self._asker.tell(
            Notice(
                _("Pictures are missing"),
                (_here() if pasted else _in_directory()).format(
                    have=error.count - len(error.missing),
                    count=error.count,
                    missing=_listed(error.missing),
                ),
                hint=_("Copy the next picture, and paste it.")
                if pasted
                else _("Put them beside the others, and open any of them again."),
            )
        )
        self._changed()

    def _lost(self, error: KeyturnError) -> None:
        self._end()
        self._failed(error)
        self._changed()


def _known(facts: Facts, digest: Digest) -> Proposal | None:
    if facts.proposals is None:
        return None
    return next((each for each in facts.proposals.all if each.digest == digest), None)


def _here() -> str:
    return _("{have} of {count} pictures were pasted. Still missing: {missing}.")


def _in_directory() -> str:
    return _("{have} of {count} pictures are here. Still missing: {missing}.")


def pattern() -> str:
    """What a dialog of files lists."""
    return _("Proposal files (*.json)")


def readable() -> str:
    return _("Proposal files and pictures (*.json *.png *.jpg *.jpeg)")


def _listed(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:SHOWN]))
    left = len(numbers) - SHOWN
    return shown + " " + n_("and {count} more", "and {count} more", left) if left > 0 else shown
