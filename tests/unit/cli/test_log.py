"""`keyturn log`: shown, exported, and proved offline by the fingerprint alone."""

import json
import re
from pathlib import Path

import httpx
import pytest

from keyturn.cli import log as module
from keyturn.quorum.approvals import Decision
from keyturn.quorum.entries import EntryKind
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reports import (
    Program,
    ReportEntry,
    SignInFailure,
    configuration,
    configuration_entry,
    report_entry,
)
from support.authority import policy_body
from unit.cli.officer_desk import Desks, make_desks


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    made = make_desks(tmp_path, monkeypatch)
    made.server.enact(Kind.POLICY, "serving", policy_body())
    return made


@pytest.fixture
def exported(desks: Desks, tmp_path: Path) -> Path:
    desks.json("ada", "log", "export", "-o", tmp_path / "export")
    return tmp_path / "export"


def test_show_lists_what_is_proved(desks: Desks) -> None:
    document = desks.json("ada", "log", "show")
    assert document["size"] == 4
    assert [each["kind"] for each in document["entries"]] == ["origin", *["statement"] * 3]
    only = desks.json("ada", "log", "show", "--last", "1", "--kind", "statement")
    assert [each["index"] for each in only["entries"]] == [3]
    assert "policy serving version 1" in desks.as_("ada", "log", "show").stdout


def test_an_export_verifies_without_network(
    desks: Desks, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpx, "Client", None)
    fingerprint = desks.server.fingerprint
    result = desks.run("log", "verify", exported, "--fingerprint", fingerprint, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["verified"], document["size"], document["simulated"]) == (True, 4, True)
    assert document["entries"] == {"origin": 1, "statement": 3}
    people = desks.run("log", "verify", exported, "--fingerprint", fingerprint)
    assert "The log holds." in people.stdout


def decided(desks: Desks) -> tuple[int, str]:
    """A rejection, a report and settings in the log: the first index, and the digest."""
    server = desks.server
    made = server.authority.propose(Kind.POLICY, "other", policy_body())
    no = server.authority.approval(made.digest, "bela", decision=Decision.REJECT)
    index = server.record(made.raw, no)
    now = server.clock()
    server.append(report_entry(now, ReportEntry(None, SignInFailure.MALFORMED, 7, now)))
    settings = configuration(Program.KEYHOLDER, "keyturn 1", {"workers": 2}, {})
    server.append(configuration_entry(now, settings))
    return index, made.digest


def test_decisions_reports_and_settings_are_shown_as_what_they_are(desks: Desks) -> None:
    index, digest = decided(desks)
    (only,) = desks.json("ada", "log", "show", "--kind", "decision")["entries"]
    assert (only["index"], only["officer"], only["decision"]) == (index, "bela", "reject")
    assert only["statement"] == digest
    for kind, text in (
        ("decision", "bela: reject"),
        ("report", "reported by the control plane, not"),
        ("configuration", "keyholder, keyturn 1: workers changed"),
    ):
        assert text in desks.as_("ada", "log", "show", "--kind", kind).stdout


def test_an_export_proves_decisions_and_a_changed_one_is_named(
    desks: Desks, tmp_path: Path
) -> None:
    index, _ = decided(desks)
    desks.json("ada", "log", "export", "-o", tmp_path / "export")
    fingerprint = desks.server.fingerprint
    verify = ("log", "verify", tmp_path / "export", "--fingerprint", fingerprint)
    document = json.loads(desks.run(*verify, "--json").stdout)
    assert document["entries"] == {
        "origin": 1,
        "statement": 3,
        "decision": 1,
        "report": 1,
        "configuration": 1,
    }
    (bundle,) = (p for p in (tmp_path / "export/tile/entries").rglob("*") if p.is_file())
    bundle.write_bytes(bundle.read_bytes().replace(b'"officer":"bela"', b'"officer":"chen"'))
    result = desks.run(*verify)
    assert result.exit_code == 1
    assert f"entry {index} names another decision" in result.stderr


def test_a_proposal_says_which_decisions_are_logged(desks: Desks) -> None:
    server = desks.server
    made = server.authority.propose(Kind.POLICY, "other", policy_body())
    no = server.authority.approval(made.digest, "bela", decision=Decision.REJECT)
    made.approvals.append(server.authority.approval(made.digest, "chen"))
    server.post(made)
    index = server.record(made.raw, no)
    document = desks.json("ada", "proposal", "show", made.digest)
    found = {each["officer"]: each["logged"] for each in document["decisions"]}
    assert found == {"bela": index, "chen": None}
    shown = " ".join(desks.as_("ada", "proposal", "show", made.digest).stdout.split())
    assert "approval of chen not in the log yet" in shown
    assert f"rejection of bela logged at {index}" in shown


def test_another_fingerprint_is_refused(desks: Desks, exported: Path) -> None:
    result = desks.run("log", "verify", exported, "--fingerprint", "sha256:" + "0" * 64)
    assert result.exit_code == 1
    assert "another authority" in result.stderr


def test_a_changed_entry_is_refused(desks: Desks, exported: Path) -> None:
    (bundle,) = (path for path in (exported / "tile" / "entries").rglob("*") if path.is_file())
    changed = bundle.read_bytes().replace(b'"time":"2026', b'"time":"2025', 1)
    assert changed != bundle.read_bytes()
    bundle.write_bytes(changed)
    result = desks.run("log", "verify", exported, "--fingerprint", desks.server.fingerprint)
    assert result.exit_code == 1
    assert "entry 0: tile/0/000.p/4 does not match the entries below it" in result.stderr


def test_one_byte_of_any_file_is_named(desks: Desks, exported: Path) -> None:
    files = sorted(path for path in exported.rglob("*") if path.is_file())
    assert len(files) > 6
    for path in files:
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            changed = bytearray(whole)
            changed[place] ^= 1
            path.write_bytes(changed)
            result = desks.run("log", "verify", exported, "--fingerprint", desks.server.fingerprint)
            assert result.exit_code == 1, (path, place)
            name = path.relative_to(exported).parts[0]
            named = {"checkpoint": r"checkpoint|note|sign|root|no file|entry"}
            assert re.search(named.get(name, r"entr(y|ies) \d+"), result.stderr), (
                path,
                place,
                result.stderr,
            )
        path.write_bytes(whole)
    result = desks.run("log", "verify", exported, "--fingerprint", desks.server.fingerprint)
    assert result.exit_code == 0


def test_an_existing_directory_is_not_written_into(desks: Desks, exported: Path) -> None:
    result = desks.as_("ada", "log", "export", "-o", exported)
    assert result.exit_code == 1
    assert "cannot write" in result.stderr


def test_show_reads_back_no_further_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[int, int]] = []

    def entries(start: int, end: int) -> list[bytes]:
        read.append((start, end))
        kinds = ["grant" if place % 4 else "refusal" for place in range(start, end)]
        return [json.dumps({"kind": each}).encode() for each in kinds]

    monkeypatch.setattr(module, "_PAGE", 10)
    found = module._newest(entries, 100, EntryKind.REFUSAL, 3)
    assert [index for index, _ in found] == [88, 92, 96]
    assert read == [(90, 100), (80, 90)]
    read.clear()
    assert [index for index, _ in module._newest(entries, 25, None, 12)] == list(range(13, 25))
    assert read == [(13, 25)]
    assert len(module._newest(entries, 25, EntryKind.REFUSAL, 99)) == 7


def test_what_was_kept_and_cannot_be_used_is_said(desks: Desks, tmp_path: Path) -> None:
    desks.json("ada", "log", "show")
    kept = [each for each in tmp_path.rglob("kept") if each.is_file()]
    assert kept
    kept[0].write_bytes(b"something else")
    result = desks.as_("ada", "log", "show")
    assert result.exit_code == 0
    assert "thrown away" in result.stderr
    assert "thrown away" not in desks.as_("ada", "log", "show").stderr
