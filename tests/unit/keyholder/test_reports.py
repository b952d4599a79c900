"""What the control plane reports, and the keyholder's own settings, in the log (§6.2)."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import dump, load_object
from keyturn.keyholder import reports as module
from keyturn.keyholder.allowance import PER_HOUR
from keyturn.keyholder.logdisk_errors import LogFull
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.keyholder.reports import SETTINGS, KeptSettings, enter_settings
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    Setting,
    SignInFailure,
    read_configuration,
    read_report,
    settings_document,
)
from keyturn.quorum.roster import OfficerId
from keyturn.wire import keyholder as asked
from keyturn.wire.keyholder import read_answer
from support.authority import START
from support.system import System

FAILED = ReportEntry(OfficerId("ada"), SignInFailure.BAD_SIGNATURE, 1, START)
CONTROL = ConfigurationEntry(
    Program.CONTROL, Digest("sha256:" + "cc" * 32), ("port",), "keyturn 0.1.0"
)
SOFTWARE = "keyturn 0.1.0"
VALUES: dict[str, Setting] = {"workers": 1, "log": "/log", "module": None}


def enter(system: System, said: ReportEntry | ConfigurationEntry) -> int | None:
    """As over the socket."""
    question = asked.Report(said)
    answer = load_object(dump(system.keyholder.answer(question)), limit=1 << 20, what="an answer")
    return read_answer(question, answer)


def of_kind(system: System, kind: EntryKind) -> list[bytes]:
    leaves = system.keyholder.journal.log.leaves()
    return [leaf for leaf in leaves if parse_entry(leaf).kind is kind]


def test_failed_sign_ins_are_an_entry(system: System) -> None:
    index = enter(system, FAILED)
    assert index == system.keyholder.journal.log.size - 1
    leaf = system.keyholder.journal.log.leaf(index)
    assert read_report(parse_entry(leaf)) == FAILED
    system.restart()


@pytest.mark.parametrize("name", ["mallory", "ada; drop table", "\u202e"])
def test_a_name_that_nobody_has_is_not_written_down(system: System, name: str) -> None:
    claimed = replace(FAILED, officer=OfficerId(name), reason=SignInFailure.UNKNOWN_OFFICER)
    index = enter(system, claimed)
    assert index is not None
    leaf = system.keyholder.journal.log.leaf(index)
    assert read_report(parse_entry(leaf)).officer is None


def test_what_is_to_come_is_not_reported(system: System) -> None:
    size = system.keyholder.journal.log.size
    with pytest.raises(LogInconsistent, match="to come"):
        enter(system, replace(FAILED, since=system.clock() + timedelta(hours=1)))
    assert system.keyholder.journal.log.size == size


def test_a_flood_of_reports_is_sixty_an_hour(system: System) -> None:
    found = [enter(system, replace(FAILED, count=each)) for each in range(1, PER_HOUR + 6)]
    assert [each is None for each in found] == [False] * PER_HOUR + [True] * 5
    assert len(of_kind(system, EntryKind.REPORT)) == PER_HOUR
    system.clock.advance(hours=1)
    assert enter(system, FAILED) is not None


def test_whoever_knocks_keeps_no_changed_settings_out(system: System) -> None:
    """Failed sign-ins cost a stranger nothing: some for each officer and reason fill the hour."""
    for each in range(1, PER_HOUR + 2):
        enter(system, replace(FAILED, count=each))
    assert enter(system, CONTROL) is not None


def test_a_flood_of_settings_is_sixty_an_hour(system: System) -> None:
    found = [
        enter(system, replace(CONTROL, settings=Digest(f"sha256:{each:064x}")))
        for each in range(PER_HOUR + 2)
    ]
    assert [each is None for each in found] == [False] * PER_HOUR + [True] * 2


class Shrinking(DiskIo):
    free = 1 << 40

    def free_bytes(self, directory: Path) -> int:
        return self.free


def test_reports_leave_room_for_grants(system: System) -> None:
    disk, reserve = Shrinking(), 64 << 20
    system.keyholder.close()
    system.start(disk, reserve=reserve)
    disk.free = 2 * reserve
    assert enter(system, FAILED) is None
    assert enter(system, CONTROL) is None
    disk.free = 3 * reserve
    assert enter(system, FAILED) is not None


def test_the_settings_of_the_control_plane_once(system: System) -> None:
    index = enter(system, CONTROL)
    assert enter(system, CONTROL) == index
    system.restart()
    assert enter(system, CONTROL) == index
    newer = enter(system, replace(CONTROL, settings=Digest("sha256:" + "dd" * 32)))
    assert newer != index
    assert len(of_kind(system, EntryKind.CONFIGURATION)) == 2


# ---- the keyholder's own ----


def started(system: System, values: dict[str, Setting]) -> ConfigurationEntry | None:
    """What a start with these settings adds to the log, if anything."""
    journal = system.keyholder.journal
    kept = KeptSettings(journal.log.directory / SETTINGS)
    with journal.ordered():
        index = enter_settings(journal, kept, SOFTWARE, values)
    return None if index is None else read_configuration(parse_entry(journal.log.leaf(index)))


def test_a_start_with_other_settings_is_an_entry_and_without_is_none(system: System) -> None:
    first = started(system, VALUES)
    assert first is not None
    assert first.settings == digest_of(settings_document(Program.KEYHOLDER, SOFTWARE, VALUES))
    assert first.changed == ("log", "module", "workers")
    assert started(system, VALUES) is None
    system.restart()
    assert started(system, VALUES) is None

    changed = started(system, {**VALUES, "workers": 2})
    assert changed is not None
    assert changed.changed == ("workers",)
    back = started(system, VALUES)
    assert back is not None
    assert (back.settings, back.changed) == (first.settings, ("workers",))


def test_no_value_is_in_the_log(system: System) -> None:
    started(system, {**VALUES, "token_label": "a-telling-label"})
    assert not any(b"telling" in leaf for leaf in system.keyholder.journal.log.leaves())


@pytest.mark.parametrize("tampered", [b"", b"{}", b"[]", b'{"values":[]}', None])
def test_a_kept_file_that_is_not_what_was_logged_names_every_setting(
    system: System, tampered: bytes | None
) -> None:
    started(system, VALUES)
    path = system.keyholder.journal.log.directory / SETTINGS / "keyholder.json"
    assert path.stat().st_mode & 0o777 == 0o600
    if tampered is None:
        path.unlink()
    else:
        path.write_bytes(tampered)
    changed = started(system, {**VALUES, "workers": 2})
    assert changed is not None
    assert changed.changed == ("log", "module", "workers")


def test_a_crash_between_entry_and_file_is_mended_at_the_next_start(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(system, VALUES)

    def dying(_self: KeptSettings, _document: bytes) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.KeptSettings, "keep", dying)
        with pytest.raises(KeyboardInterrupt):
            started(system, {**VALUES, "workers": 2})
    system.restart()
    assert started(system, {**VALUES, "workers": 2}) is None
    changed = started(system, {**VALUES, "workers": 3})
    assert changed is not None
    assert changed.changed == ("workers",)


def test_a_disk_that_keeps_no_settings_is_no_reason_not_to_serve(
    system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_self: KeptSettings, _document: bytes) -> None:
        raise LogFull("no room")

    monkeypatch.setattr(module.KeptSettings, "keep", full)
    assert started(system, VALUES) is not None
    assert "cannot be kept" in caplog.text
