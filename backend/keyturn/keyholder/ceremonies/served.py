"""The files of a ceremony that a host serves (our protocol §10.8)."""

from collections.abc import Callable, Mapping, Sequence

from keyturn.ceremony.records import Record
from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.transcript import make_transcript
from keyturn.keyholder.ceremonies.handedin import RESTORE, WRAPPED
from keyturn.keyholder.ceremonies.running import Running
from keyturn.keyholder.ceremonies.site import BACKUP, Site, bundle_of

PREFLIGHT = "preflight.json"
BUNDLE = "authority.bundle"
TRANSCRIPT = "transcript.json"
SPKI = "transport-key.der"
"""The transport key's SPKI, for those who wrap a KEK to it."""


def _bundle(site: Site, _: Running) -> bytes | None:
    return bundle_of(site)


def _backup(site: Site, running: Running) -> bytes | None:
    """The newest one; one that was handed in comes before it."""
    path = site.directory / BACKUP
    return running.files.kept(BACKUP) or (path.read_bytes() if path.is_file() else None)


def _kept(name: str) -> "Serve":
    return lambda _, running: running.files.kept(name)


def _transcript(site: Site, running: Running) -> bytes | None:
    records = running.course.records
    plan = running.course.plan
    prelude = plan.rehearsal and plan.kind is not ScriptKind.GENESIS  # its authority is nobody's
    bundle = None if prelude else bundle_of(site)
    return make_transcript(tuple(each.raw for each in records), bundle, _receipts(site, records))


def _receipts(site: Site, records: Sequence[Record]) -> tuple[bytes, ...]:
    """Of all records; none where the log does not have them all yet: then nothing is proved."""
    journal = site.journal
    if journal is None:
        return ()
    indexes = [journal.index_of(each.digest) for each in records]
    if any(each is None for each in indexes):
        return ()
    return tuple(journal.receipt(each).to_bytes() for each in indexes if each is not None)


Serve = Callable[[Site, Running], bytes | None]

FILES: Mapping[str, Serve] = {
    BUNDLE: _bundle,
    BACKUP: _backup,
    PREFLIGHT: _kept(PREFLIGHT),
    TRANSCRIPT: _transcript,
    SPKI: _kept(SPKI),
}
PUTS: Mapping[str, frozenset[ScriptKind]] = {
    BACKUP: frozenset({ScriptKind.RESTORE, ScriptKind.RESTORE_DRILL}),
    RESTORE: frozenset({ScriptKind.RESTORE}),
    WRAPPED: frozenset({ScriptKind.KEY_IMPORT, ScriptKind.HSM_REPLACEMENT}),
}
"""In which ceremonies a file is handed in. Nobody signs it: it replaces nothing that is made."""
