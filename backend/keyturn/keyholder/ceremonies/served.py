"""The files of a ceremony that a host serves (our protocol §10.8)."""

from collections.abc import Callable, Mapping

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.ceremony.records import Record
from keyturn.keyholder.ceremonies.running import Running
from keyturn.keyholder.ceremonies.site import Site, bundle_of

BACKUP = "kek-backup.json"
PREFLIGHT = "preflight.json"
BUNDLE = "authority.bundle"
TRANSCRIPT = "transcript.json"


def _bundle(site: Site, _: Running) -> bytes | None:
    return bundle_of(site)


def _kept(name: str) -> "Serve":
    return lambda _, running: running.files.kept(name)


def _transcript(site: Site, running: Running) -> bytes | None:
    bundle = bundle_of(site)
    receipts = [
        each.to_bytes() for each in (_receipt(site, record) for record in running.course.records)
        if each is not None
    ]
    return dump({})


Serve = Callable[[Site, Running], bytes | None]

FILES: Mapping[str, Serve] = {
    BUNDLE: _bundle,
    BACKUP: _kept(BACKUP),
    PREFLIGHT: _kept(PREFLIGHT),
    TRANSCRIPT: _transcript,
}
PUTS = frozenset({BACKUP})
