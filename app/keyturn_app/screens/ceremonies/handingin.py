"""Handing in the statement of a restore: read, proved, shown, and only then given away. No Qt here.

The log that would say that it is in force cannot be written: the token with its key is lost
(our protocol §10.8).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import ScriptKind
from keyturn.client.ceremonybrought import Brought, LetsNothing, check_quorum, read_brought
from keyturn.client.ceremonydoor import RESTORE
from keyturn.client.offline import read_file
from keyturn.quorum.bundle import Authority
from keyturn.quorum.ceremony_body import Restore
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, Confirm, OpenFile, failure
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor
from keyturn_app.screens.ceremonies.viewmodel import HandIn, Phase
from keyturn_app.tasks import Door

_WAITS = {Phase.SIGNING, Phase.STEP_DONE, Phase.WORKING, Phase.INTERRUPTED, Phase.LOCKED}


@dataclass(frozen=True, slots=True)
class HandInGround:
    door: Door
    asker: Asker
    now: Callable[[], datetime]
    authority: Callable[[], Authority | None]


class HandingIn:
    """For one ceremony at one host. `changed` when what is shown is another."""

    def __init__(
        self,
        host: CeremonyDoor,
        ground: HandInGround,
        changed: Callable[[], None],
        taken: Brought | None = None,
    ) -> None:
        """`taken`: what was handed in when the plan was opened here."""
        self._host, self._ground, self._changed = host, ground, changed
        self._taken = taken
        self._busy = ""
        self._drops: list[Callable[[], None]] = []

    @property
    def taken(self) -> Brought | None:
        """The statement that the host took from here."""
        return self._taken

    def view(self, plan: Plan | None, phase: Phase, names: Mapping[str, str]) -> HandIn | None:
        """None where no file is waited for."""
        if plan is None or plan.kind is not ScriptKind.RESTORE or plan.rehearsal:
            return None
        authority = self._ground.authority()
        logged = authority is not None and plan.statement in authority.state.by_digest
        if logged or phase not in _WAITS:
            return None
        if self._taken is not None:
            text = _("Handed in, approved by {names}. The host judges it before each step.")
            said = text.format(names=_names(self._taken, names))
            return HandIn(said, "", "", done=True, title=_("Statement that lets it happen"))
        why = self._busy or ("" if authority else _("No authority is known here: load its bundle."))
        text = _(
            "The log cannot say that this restore was let happen: the key that signs it is lost "
            "with the token. Somebody hands in the statement with its approvals as a file, before "
            "the first step that does anything."
        )
        button = _("Hand in {file}…").format(file=RESTORE)
        return HandIn(text, button, why, title=_("Statement that lets it happen"))

    def ask(self, plan: Plan, names: Mapping[str, str]) -> None:
        kinds = (_("Proposals (*.json)"), _("All files (*)"))
        self._ground.asker.path(
            OpenFile(_("Statement of the restore, with its approvals"), kinds),
            lambda path: self._read(path, plan, names),
        )

    def close(self) -> None:
        for drop in self._drops:
            drop()

    # ---- inside ----

    def _read(self, path: Path | None, plan: Plan, names: Mapping[str, str]) -> None:
        authority, now = self._ground.authority(), self._ground.now()
        if path is None or authority is None or self._busy:
            return
        self._set(_("The file is being verified…"))
        job = self._ground.door.run(
            _("Reading a statement"),
            lambda _job, _tell: lets_happen(read_file(path), plan, authority, now),
            done=lambda found: self._show(found, plan, names),
            failed=self._failed,
        )
        self._drops.append(job.drop)

    def _show(self, found: Brought, plan: Plan, names: Mapping[str, str]) -> None:
        """What it is, before it goes."""
        self._set("")
        self._ground.asker.confirm(
            Confirm(
                _("Hand in the statement of the restore"),
                _("Its signatures and its quorum hold. The host judges it once more, by its log."),
                _("Hand it in"),
                details=tuple(f"{name}: {value}" for name, value in what_it_is(found, names)),
            ),
            lambda answer: None if answer is None else self._put(found, plan.ceremony),
        )

    def _put(self, found: Brought, ceremony: str) -> None:
        self._set(_("Being handed in…"))
        self._drops.append(
            self._host.ask(
                lambda host: host.put_restore(ceremony, found),
                done=lambda _none: self._is_taken(found),
                failed=self._failed,
            )
        )

    def _is_taken(self, found: Brought) -> None:
        self._taken = found
        self._set("")

    def _failed(self, error: KeyturnError) -> None:
        self._set("")
        self._ground.asker.tell(failure(_("Not handed in"), error))

    def _set(self, busy: str) -> None:
        self._busy = busy
        self._changed()


def lets_happen(raw: bytes, plan: Plan, authority: Authority, now: datetime) -> Brought:
    """A file's statement, if it lets this very restore happen. Raises KeyturnError: what does not
    hold, and who is missing."""
    found = read_brought(raw, authority, now)
    if found.digest != plan.statement:
        raise LetsNothing(
            _("This is another statement than the plan names."),
            found=f"{found.statement.kind.value} {found.statement.subject}, {found.digest}",
            expected=plan.statement or _("no statement"),
        )
    check_quorum(found)
    return found


def what_it_is(found: Brought, names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """(name, value) of what is handed in, and who stands for it."""
    body, statement = found.body, found.statement
    rows = [(_("Statement"), wording.grouped(found.digest))]
    if isinstance(body, Restore):
        rows += [
            (_("KEK"), wording.digest(body.kek)),
            (_("Backup"), wording.digest(body.backup)),
            (_("Token"), body.token),
            (_("Where"), body.host),
            (_("Custodians"), ", ".join(names.get(each, each) for each in body.custodians)),
        ]
    rows += [
        (_("Proposed by"), names.get(statement.proposer, statement.proposer)),
        (
            _("Approved by"),
            _("{names} ({count} of {needed} needed)").format(
                names=_names(found, names), count=len(found.approved_by), needed=found.needed
            ),
        ),
        (_("Why"), statement.reason),
    ]
    return tuple(rows)


def _names(found: Brought, names: Mapping[str, str]) -> str:
    return ", ".join(names.get(each, each) for each in found.approved_by)
