"""People for a plan, from their key files or their requests. No Qt in here."""

from pathlib import Path

from keyturn.client.errors import FileUnusable
from keyturn.officerkeys.keyfile import read_key_file
from keyturn.quorum.enrolment import MAX_ENROLMENT, parse_enrolment
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.planning import Candidate, candidate_of

_MAX_FILE = 64 << 10


def read_candidate(path: Path) -> Candidate:
    """Somebody from a key file (its public half) or an enrolment request. Raises KeyturnError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileUnusable(f"cannot read {path.name}: {error.strerror}") from error
    if len(raw) > max(_MAX_FILE, 2 * MAX_ENROLMENT):
        raise FileUnusable(f"{path.name} is too large", found=f"{len(raw):,} bytes")
    if b"payloadType" in raw:
        officer = parse_enrolment(raw).officer
        return candidate_of(officer, _("enrolment request {name}").format(name=path.name))
    public = read_key_file(path).public
    entry = public.roster_entry(())
    text = _("key file {name}").format(name=path.name)
    return Candidate(public.officer, public.name, entry, text, True)  # type: ignore[arg-type]
