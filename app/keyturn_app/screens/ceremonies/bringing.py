"""Handing in a KEK's file: the backup of a restore, the wrapped KEK of an import. No Qt here.

It is read and held against plan, statement and record before it goes, and is said to lie at the
host only when the host gave it back (our protocol §10.8).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import KeyId
from keyturn.ceremony.course import Course
from keyturn.ceremony.people import keys_concerned
from keyturn.ceremony.records import Record
from keyturn.ceremony.script import Action, ScriptKind
from keyturn.client.ceremonybrought import Brought
from keyturn.client.ceremonyfiles import (
    BACKUP,
    MAX_KEK_FILE,
    WRAPPED,
    BackupFile,
    KekFile,
    WrongFile,
    read_backup,
    read_wrapped,
)
from keyturn.client.offline import read_file
from keyturn.quorum.bundle import Authority
from keyturn.quorum.ceremony_body import Restore
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.questions import Confirm, OpenFile, failure
from keyturn_app.screens.ceremonies.handingin import HandInGround
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost
from keyturn_app.screens.ceremonies.viewmodel import HandIn, Phase

_WAITS = {Phase.SIGNING, Phase.STEP_DONE, Phase.WORKING, Phase.INTERRUPTED, Phase.LOCKED}
_USES = {
    ScriptKind.RESTORE: Action.RESTORE_KEK,
    ScriptKind.RESTORE_DRILL: Action.PROVE_BACKUP,
    ScriptKind.KEY_IMPORT: Action.IMPORT_KEK,
}
"""The step that needs a file; from then on nothing is handed in."""
_AGAIN = timedelta(seconds=10)
"""How often the host is asked what lies there: others hand files in too."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file that a ceremony waits for. `keks`: what the plan is about; `backup`: the file that
    the statement names, where it is known here; `transport`: the key's id in the record."""

    name: str
    kind: ScriptKind
    keks: tuple[KeyId, ...]
    backup: Digest | None = None
    transport: KeyId | None = None


@dataclass(frozen=True, slots=True)
class _Lies:
    """What the host gave when it was asked last. `error`: what came is no such file."""

    found: KekFile | None
    error: KeyturnError | None = None


class Bringing:
    """For one ceremony at one host. `changed` when what is shown is another."""

    def __init__(
        self, host: CeremonyDoor, ground: HandInGround, changed: Callable[[], None]
    ) -> None:
        self._host, self._ground, self._changed = host, ground, changed
        self._lies: _Lies | None = None
        self._at: tuple[str, int] | None = None
        self._again: datetime | None = None
        self._busy = ""
        self._drops: list[Callable[[], None]] = []

    def view(self, course: Course | None, phase: Phase, brought: Brought | None) -> HandIn | None:
        """None where no file is waited for."""
        want = self._wanted(course, brought)
        if want is None or phase not in _WAITS:
            return None
        working = _("The host is at work.") if phase is Phase.WORKING else ""
        title = _("Wrapped KEK") if want.name == WRAPPED else _("KEK backup")
        button = _("Hand in {file}…").format(file=want.name)
        why, lies = self._busy or working, self._lies
        if lies is None or (lies.found is None and lies.error is None):
            return HandIn(_needed(want), button, why, title=title)
        try:
            if lies.error is not None:
                raise lies.error
            assert lies.found is not None
            check_file(lies.found, want)
        except KeyturnError as error:
            text = _("What lies at the host will not do: {error}").format(
                error=wording.error_text(error)
            )
            return HandIn(text, button, why, title=title)
        sure = is_named(want)
        return HandIn(_lies_there(lies.found, want), "" if sure else button, why, sure, title)

    def look(self, course: Course | None, brought: Brought | None) -> None:
        """Ask the host what lies there, when a record is new and now and then."""
        want, now = self._wanted(course, brought), self._ground.now()
        if want is None or course is None:
            return
        at = (want.name, course.last.seq)
        if at == self._at and self._again is not None and now < self._again:
            return
        self._at, self._again = at, now + _AGAIN
        ceremony, name = course.plan.ceremony, want.name
        self._ask(lambda: self._look(ceremony, name))

    def ask(self, course: Course, brought: Brought | None) -> None:
        """Choose the file."""
        want = self._wanted(course, brought)
        if want is None or self._busy:
            return
        kinds = (_("Key files (*.json)"), _("All files (*)"))
        title = _("Wrapped KEK") if want.name == WRAPPED else _("KEK backup")
        self._ground.asker.path(
            OpenFile(title, kinds), lambda path: self._read(path, course.plan.ceremony, want)
        )

    def close(self) -> None:
        for drop in self._drops:
            drop()

    # ---- inside ----

    def _wanted(self, course: Course | None, brought: Brought | None) -> Wanted | None:
        return None if course is None else wanted(course, self._ground.authority(), brought)

    def _ask(self, begin: Callable[[], Callable[[], None]]) -> None:
        self._drops = [*self._drops[-8:], begin()]

    def _look(self, ceremony: str, name: str) -> Callable[[], None]:
        return self._host.ask(
            lambda host: _seen(host.file(ceremony, name), name),
            done=self._seen,
            failed=lambda _error: self._seen(None),  # the wizard says that nobody answers
        )

    def _seen(self, lies: _Lies | None) -> None:
        if lies != self._lies:
            self._lies = lies
            self._changed()

    def _read(self, path: Path | None, ceremony: str, want: Wanted) -> None:
        if path is None or self._busy:
            return
        self._set(_("The file is being read…"))
        job = self._ground.door.run(
            _("Reading a KEK's file"),
            lambda _job, _tell: fitting(read_file(path, MAX_KEK_FILE), want),
            done=lambda found: self._show(found, ceremony, want),
            failed=self._failed,
        )
        self._ask(lambda: job.drop)

    def _show(self, found: KekFile, ceremony: str, want: Wanted) -> None:
        """What it is, before it goes."""
        self._set("")
        self._ground.asker.confirm(
            Confirm(
                _("Hand in {file}").format(file=want.name),
                _fits(want),
                _("Hand it in"),
                details=tuple(f"{name}: {value}" for name, value in what_it_is(found)),
            ),
            lambda answer: None if answer is None else self._put(found, ceremony, want.name),
        )

    def _put(self, found: KekFile, ceremony: str, name: str) -> None:
        def work(host: CeremonyHost) -> _Lies:
            host.put_file(ceremony, name, found.raw)
            return _seen(host.file(ceremony, name), name)

        self._set(_("Being handed in…"))
        self._ask(lambda: self._host.ask(work, done=self._is_there, failed=self._failed))

    def _is_there(self, lies: _Lies) -> None:
        self._lies = lies
        self._set("")

    def _failed(self, error: KeyturnError) -> None:
        self._set("")
        self._ground.asker.tell(failure(_("Not handed in"), error))

    def _set(self, busy: str) -> None:
        self._busy = busy
        self._changed()


def wanted(course: Course, authority: Authority | None, brought: Brought | None) -> Wanted | None:
    """The file that this ceremony waits for; None: none, or not any more. A rehearsal makes up
    its own."""
    plan, uses = course.plan, _USES.get(course.plan.kind)
    if plan.rehearsal or course.over or uses is None or record_of(course, uses) is not None:
        return None
    keks = keys_concerned(plan)
    if plan.kind is not ScriptKind.KEY_IMPORT:
        return Wanted(BACKUP, plan.kind, keks, backup=_named(course, authority, brought))
    transport = transport_key(course)
    return None if transport is None else Wanted(WRAPPED, plan.kind, keks, transport=transport)


def record_of(course: Course, action: Action) -> Record | None:
    """Of the step with this action, when it is done."""
    steps = {each.id for each in course.script.steps if each.action is action}
    return next((each for each in course.done if each.step in steps), None)


def transport_key(course: Course) -> KeyId | None:
    """The id of the transport key, as the record of its making has it."""
    record = record_of(course, Action.MAKE_TRANSPORT_KEY)
    key = None if record is None else record.facts.get("key")
    found = key.get("id") if isinstance(key, dict) else None
    return KeyId(found) if isinstance(found, str) else None


def fitting(raw: bytes, want: Wanted) -> KekFile:
    """A file, if it is the one that is waited for. Raises MalformedError, WrongFile."""
    found = _parse(raw, want.name)
    check_file(found, want)
    return found


def check_file(found: KekFile, want: Wanted) -> None:
    """Raises WrongFile: what it is, what is expected and what to do."""
    if want.transport is not None and found.key != want.transport:
        raise WrongFile(
            _("The KEK is wrapped to another key than this ceremony's transport key."),
            found=wording.grouped(found.key),
            expected=wording.grouped(want.transport),
            hint=_("Save the transport key here, compare its id at the other HSM, wrap anew."),
        )
    if found.kek not in want.keks and (want.keks or want.kind is not ScriptKind.RESTORE_DRILL):
        raise WrongFile(
            _("The file holds another KEK than the plan names."),
            found=wording.grouped(found.kek),
            expected=", ".join(map(wording.grouped, want.keks)) or _("a plan that names the KEK"),
            hint=_("Fetch the file of that KEK."),
        )
    if want.backup is not None and found.digest != want.backup:
        raise WrongFile(
            _("This is another backup than the restore statement names."),
            found=wording.grouped(found.digest),
            expected=wording.grouped(want.backup),
            hint=_("Fetch the backup of that digest; one KEK may have been backed up twice."),
        )


def is_named(want: Wanted) -> bool:
    """Whether a file that fits is the very one: no other need be handed in."""
    return want.backup is not None or want.transport is not None


def what_it_is(found: KekFile) -> tuple[tuple[str, str], ...]:
    """(name, value) of a file, as it says of itself."""
    rows = [(_("KEK"), wording.grouped(found.kek))]
    if isinstance(found, BackupFile):
        rows += [
            (_("Profile"), _("recoverable")),
            (_("Made"), wording.moment(found.made)),
            (_("Ceremony"), found.ceremony),
            (_("Token"), found.token),
            (_("Wrapped to backup key"), wording.grouped(found.key)),
        ]
    else:
        rows.append((_("Wrapped to transport key"), wording.grouped(found.key)))
    return (*rows, (_("Digest"), wording.grouped(found.digest)))


def _named(course: Course, authority: Authority | None, brought: Brought | None) -> Digest | None:
    """The backup that the statement of a restore names, where it is known here and verified."""
    statement = course.plan.statement
    if statement is None:
        return None
    known = None if authority is None else authority.state.by_digest.get(statement)
    body = None if known is None else known.statement.body
    if body is None and brought is not None and brought.digest == statement:
        body = brought.body
    return body.backup if isinstance(body, Restore) else None


def _parse(raw: bytes, name: str) -> KekFile:
    return read_wrapped(raw) if name == WRAPPED else read_backup(raw)


def _seen(raw: bytes | None, name: str) -> _Lies:
    if raw is None:
        return _Lies(None)
    try:
        return _Lies(_parse(raw, name))
    except KeyturnError as error:
        return _Lies(None, error)


def _needed(want: Wanted) -> str:
    if want.transport is not None:
        return _(
            "The other HSM wraps the KEK to this ceremony's transport key, {key}. Hand the wrapped "
            "KEK in before the step “Wrap the key at the other HSM” is signed: its record names it."
        ).format(key=wording.digest(want.transport))
    if want.kind is ScriptKind.RESTORE_DRILL:
        return _("A drill opens the backup. Hand it in as it comes from where it is kept.")
    return _(
        "A restore needs the KEK's backup. Hand it in before the step “Restore the KEK”, where "
        "it does not lie beside this host's settings."
    )


def _lies_there(found: KekFile, want: Wanted) -> str:
    if isinstance(found, BackupFile):
        text = _(
            "A backup lies at the host: KEK {kek}, made {made} in {ceremony}, digest {digest}."
        )
        said = text.format(
            kek=wording.digest(found.kek),
            made=wording.moment(found.made),
            ceremony=found.ceremony,
            digest=wording.digest(found.digest),
        )
    else:
        text = _("The wrapped KEK lies at the host: KEK {kek}, digest {digest}.")
        said = text.format(kek=wording.digest(found.kek), digest=wording.digest(found.digest))
    return f"{said} {_fits(want)}"


def _fits(want: Wanted) -> str:
    if want.transport is not None:
        return _(
            "It is wrapped to this ceremony's transport key, and says that its KEK is the one that "
            "the plan names. Only the token can tell that it opens."
        )
    if want.backup is not None:
        return _("It is the backup that the restore statement names.")
    if want.kind is ScriptKind.RESTORE_DRILL:
        return _("No statement names a file for a drill: compare its digest with your papers.")
    return _(
        "Its KEK is the one that the plan names. Whether the statement names this very file, the "
        "host judges: the statement is not known here."
    )
