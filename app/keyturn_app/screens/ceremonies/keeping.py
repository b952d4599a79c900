"""What is kept of a ceremony: transcript, minutes, a stranger's verdict. No Qt in here."""

from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.ceremony.transcript import Verified, parse_transcript, verify_transcript
from keyturn.client.calendar import calendar_of
from keyturn.client.errors import FileUnusable
from keyturn.quorum.expiry import in_force
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.questions import Asker, SaveFile, failure
from keyturn_app.screens.ceremonies.viewmodel import Verdict
from keyturn_app.tasks import Door


def verdict_of(raw: bytes, authority: Digest | None) -> Verdict:
    """What a reader of this transcript file finds, in words; what was not looked at is said."""
    try:
        verified = verify_transcript(parse_transcript(raw), authority)
    except KeyturnError as error:
        return refuted(error)
    return Verdict(" ".join(_found(verified)), True)


def refuted(error: KeyturnError) -> Verdict:
    """Loud where what came does not hold; where nothing came, nobody knows yet."""
    if isinstance(error, MalformedError | UntrustedError):
        return Verdict(
            _("It does not hold: {error}").format(error=wording.error_text(error)), holds=False
        )
    return Verdict(
        _("Not verified yet, and asked for again: {error}").format(error=wording.error_text(error)),
        holds=None,
    )


def _found(verified: Verified) -> list[str]:
    said = [
        n_(
            "{count} record, each naming the one before, each signed by those whom the script "
            "names.",
            "{count} records, each naming the one before, each signed by those whom the script "
            "names.",
            len(verified.course.records),
        )
    ]
    if verified.rehearsal:
        said.append(_("REHEARSAL: it stands in no log."))
    elif verified.looked_at.log is None:
        said.append(_("Whether every record is in the log was not looked at here."))
    else:
        said.append(_("Every record is in the log."))
    if verified.exceptions:
        said.append(
            n_(
                "{count} exception is recorded.",
                "{count} exceptions are recorded.",
                len(verified.exceptions),
            )
        )
    said.append(_("Digest {digest}").format(digest=wording.grouped(verified.digest)))
    return said


def proved(raw: bytes, here: Digest | None) -> Verified:
    """A transcript file; `here`: the authority that this app has pinned, by which one that names
    it is proved. Raises KeyturnError."""
    transcript = parse_transcript(raw)
    found = verify_transcript(transcript)
    if here is None or found.rehearsal or found.authority != here:
        return found
    return verify_transcript(transcript, here)


def written(path: Path, data: bytes) -> Path:
    """Raises FileUnusable."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise FileUnusable(f"cannot write {path}: {error.strerror}") from error
    return path


def export_calendar(
    state: AuthorityState, now: datetime, door: Door, asker: Asker, *, simulated: bool
) -> None:
    """What is due, for any calendar program (RFC 5545)."""
    statements = [each.statement for each in in_force(state, now)]
    raw = calendar_of(statements, state.fingerprint, simulated=simulated)
    title = _("Save the calendar")

    def chosen(path: Path | None) -> None:
        if path is not None:
            door.run(
                title,
                lambda _job, _tell: written(path, raw),
                done=lambda _path: asker.toast(_("Saved.")),
                failed=lambda error: asker.tell(failure(title, error)),
            )

    asker.path(SaveFile(title, "keyturn.ics", (_("Calendars (*.ics)"),)), chosen)
