"""What a plan is opened with: the statement that was brought for it. No Qt in here."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.script import ScriptKind
from keyturn.client.ceremonybrought import Brought, LetsNothing, check_quorum, read_brought
from keyturn.quorum.bundle import Authority
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.hosts import CeremonyHost
from keyturn_app.screens.ceremonies.words import kind_words


@dataclass(frozen=True, slots=True)
class Opened:
    """`handed_in`: the statement of a restore, which its host took; `error`: why it did not."""

    ceremony: str
    handed_in: Brought | None = None
    error: KeyturnError | None = None


def statement_for(raw: bytes, kind: ScriptKind, authority: Authority, now: datetime) -> Brought:
    """A file's statement, if it lets this kind happen now. Raises KeyturnError."""
    found = read_brought(raw, authority, now)
    if found.kind is not kind:
        raise LetsNothing(
            _("The file's statement lets another ceremony happen."),
            found=kind_words(found.kind).title,
            expected=kind_words(kind).title,
        )
    check_quorum(found)
    return found


def put_restore(host: CeremonyHost, ceremony: str, brought: Brought) -> Opened:
    """The statement of a restore, which its host takes once the ceremony is open."""
    try:
        host.put_restore(ceremony, brought)
    except KeyturnError as error:
        return Opened(ceremony, error=error)
    return Opened(ceremony, brought)
