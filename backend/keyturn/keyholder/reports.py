"""What the control plane reports, and the keyholder's own settings, as log entries (§6.2).

Nothing of it changes what is in force, and nobody can fill the log with it.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.keyholder.allowance import ReportAllowance
from keyturn.keyholder.journal import Journal
from keyturn.keyholder.logdisk_errors import LogFull, LogUnwritable, disk_errors
from keyturn.keyholder.logdisk_io import AtomicFiles, DiskIo
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    Setting,
    check_report,
    configuration,
    report_entry,
    settings_document,
    settings_values,
)

logger = logging.getLogger(__name__)

SETTINGS = "settings"
"""The directory, beside the log, of the settings that its last `configuration` entry names."""


class Reports:
    """Enters what the control plane says. Safe for many threads."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._allowance = ReportAllowance()  # `ordered` locks it; a restart forgets it

    def enter(self, said: ReportEntry | ConfigurationEntry) -> int | None:
        """The index of its entry; None when the hour's allowance or the disk says no.

        Raises LogInconsistent for a time that is to come, LogFull.
        """
        with self._journal.ordered():
            if isinstance(said, ReportEntry):
                return self._report(said)
            return self._configuration(said)

    def _report(self, said: ReportEntry) -> int | None:
        journal = self._journal
        roster, now = journal.state.roster, journal.now()
        known = roster is not None and said.officer in roster.officers
        entry = said if known else replace(said, officer=None)
        check_report(entry, roster, now)
        leaf = report_entry(now, entry)
        if not self._may_enter(leaf, said):
            return None
        return journal.commit(leaf, reserved=False).index

    def _configuration(self, said: ConfigurationEntry) -> int | None:
        last = self._journal.configured(Program.CONTROL)
        if last is not None and said.settings == last[1].settings:
            return last[0]
        if not self._may_enter(b" " * 1024, said):
            return None
        return self._journal.commit_configuration(said, reserved=False)

    def _may_enter(self, leaf: bytes, said: ReportEntry | ConfigurationEntry) -> bool:
        """Settings have an hour of their own: whoever knocks can fill that of sign-ins."""
        fits = self._journal.refusals_fit(leaf)
        return fits and self._allowance.spend(type(said).__name__, self._journal.now())


class KeptSettings:
    """The keyholder's settings as they were last logged, so that changes have names."""

    def __init__(self, directory: Path, io: DiskIo | None = None) -> None:
        self._io = io or DiskIo()
        self._root = directory
        self._path = directory / "keyholder.json"

    def read(self, settings: Digest) -> Mapping[str, object]:
        """The values of the document with this digest; empty when it is not here any more."""
        if not self._path.is_file():
            return {}
        with disk_errors("reading the settings of before"):
            raw = self._path.read_bytes()
        if digest_of(raw) != settings:
            return {}
        try:
            return settings_values(raw)
        except MalformedError:
            return {}

    def keep(self, document: bytes) -> None:
        """Durable before it returns. Raises LogUnwritable, LogFull."""
        with disk_errors("keeping the settings"):
            if self._path.is_file() and self._path.read_bytes() == document:
                return
            self._io.make_directory(self._root)
            self._io.make_directory(self._root / "tmp")
            AtomicFiles(self._root, self._io).write_durably(self._path, document)


def enter_settings(
    journal: Journal, kept: KeptSettings, software: str, values: Mapping[str, Setting]
) -> int | None:
    """At a start, inside `ordered`: an entry when anything differs from the last one.

    The file follows the entry: after a crash between them it is written at the next start.
    """
    last = journal.configured(Program.KEYHOLDER)
    before = kept.read(last[1].settings) if last is not None else {}
    entry = configuration(Program.KEYHOLDER, software, values, before)
    index = None
    if last is None or entry.settings != last[1].settings:
        index = journal.commit_configuration(entry)
    try:
        kept.keep(settings_document(Program.KEYHOLDER, software, values))
    except (LogFull, LogUnwritable) as error:  # no reason not to serve
        logger.warning("the settings cannot be kept beside the log: %s", error)
    return index
