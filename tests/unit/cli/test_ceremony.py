"""`keyturn ceremony`: followed, signed, spoken about; nothing is signed that was not said."""

import os
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from keyturn.base.encoding import b64
from keyturn.ceremony.records import Record
from keyturn.ceremony.sharesets import ShareSet
from keyturn.cli import ceremony, ceremony_desk
from keyturn.quorum.bundle import make_bundle
from keyturn.wire.ceremonies import CeremonyNews
from support.playedhost import PlayedHost, dealt
from unit.cli.ceremony_host import NAME, at_step
from unit.client.test_ceremonybrought import MADE, NOW, SERVER, THREE, document


def test_a_whole_genesis_by_commands(tmp_path: Path) -> None:
    with at_step(tmp_path, None) as at:
        name = at.commands.open_genesis("rehearsal-g", "--rehearsal")
        steps = []
        while at.commands.show(name)["waiting"] is not None:
            steps.append(at.commands.do_step(name))
        shown = at.commands.show(name)
    assert steps[0] == "open"
    assert steps[-1] == "close"
    assert (shown["state"], shown["waiting"], shown["rehearsal"]) == ("done", None, True)
    assert at.host.proved == {
        (each.use, member.officer) for each in _sets(at.host) for member in each.members
    }


def _sets(host: PlayedHost) -> list[ShareSet]:
    assert host.play is not None
    return [share_set for share_set, _ in dealt(host.play.plan)]


def test_the_list_and_the_state_are_shown(tmp_path: Path) -> None:
    with at_step(tmp_path, "make-token") as at:
        listed = at.commands.run(None, "list")
        assert NAME in listed.stdout
        assert "REHEARSAL" in listed.stdout
        found = at.commands.json(None, "list")["ceremonies"]
        assert [(each["ceremony"], each["step"]) for each in found] == [(NAME, "make-token")]
        text = at.commands.run(None, "show", NAME)
        assert text.exit_code == 0
        assert "REHEARSAL" in text.stderr
        assert "Make the token's keys" in text.stdout
        assert "administrator: 0 of 1 signed (hana)" in text.stdout
        assert "keyholder-host-trusted" in text.stderr
        shown = at.commands.show(NAME)
    assert shown["host"]["signed"] is False
    assert shown["waiting"]["step"] == "make-token"
    assert {(each["officer"], each["part"]) for each in shown["waiting"]["left"]} == {
        ("hana", "administrator"),
        ("viktor", "witness"),
    }


def test_a_host_that_shows_what_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_step(tmp_path, "make-token") as at:
        play = at.host.play
        assert play is not None
        records = play.course.records
        monkeypatch.setattr(PlayedHost, "_news", lambda self, since: _cut(records, since))
        error = at.commands.refused("hana", "sign", NAME, "--yes")
    assert error["kind"] in ("CeremonyRefused", "MalformedCeremony")


def _cut(records: tuple[Record, ...], since: int) -> CeremonyNews:
    raw = tuple(each.raw for each in records[:-1])
    return CeremonyNews(raw[since:], len(raw), None)


def test_a_host_of_another_authority_is_shown_as_none_to_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        at.host.rehearsal = False
        text = at.commands.run(None, "show", NAME)
        assert text.exit_code == 0
        assert "Enter no share here" in text.stderr
        assert "never at one host" in at.commands.show(NAME)["host"]["message"]


def test_nothing_is_signed_unless_that_is_said(tmp_path: Path) -> None:
    with at_step(tmp_path, "preflight") as at:
        result = at.commands.run("hana", "sign", NAME)
        assert result.exit_code == 2
        assert "--yes" in result.stderr
        assert at.host.signed == []
        done = at.commands.run("hana", "sign", NAME, "--yes")
        assert done.exit_code == 0
        assert "Test the token" in done.stdout
        assert "Signed as administrator." in done.stdout
        assert len(at.host.signed) == 1


def test_what_a_step_asks_for_has_to_be_said(tmp_path: Path) -> None:
    with at_step(tmp_path, "open") as at:
        result = at.commands.run("viktor", "sign", NAME, "--yes")
        assert result.exit_code == 2
        assert "phrase" in result.stderr
        error = at.commands.refused("viktor", "sign", NAME, "--yes", "--enter", "phrase=other")
        assert "not those of this record" in error["message"]
        result = at.commands.run("viktor", "sign", NAME, "--yes", "--enter", "phrase")
        assert result.exit_code == 2
        assert at.host.signed == []


@pytest.mark.parametrize(
    ("officer", "arguments", "says"),
    [
        ("ada", (), "does not wait for a signature of ada"),
        ("hana", ("--part", "witness"), "does not wait"),
    ],
)
def test_who_has_nothing_to_sign_is_told(
    tmp_path: Path, officer: str, arguments: tuple[str, ...], says: str
) -> None:
    with at_step(tmp_path, "preflight") as at:
        error = at.commands.refused(officer, "sign", NAME, "--yes", *arguments)
    assert says in error["message"]


def test_a_share_is_not_signed_for_without_it(tmp_path: Path) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        error = at.commands.refused("ada", "sign", NAME, "--yes")
    assert "share enter" in error["hint"]


def test_statements_are_shown_before_they_are_signed(tmp_path: Path) -> None:
    with at_step(tmp_path, "sign-founding") as at:
        text = at.commands.run("hana", "sign", NAME, "--yes")
        assert text.exit_code == 0, text.output
        assert "propose: roster version 1" in text.stdout
        assert "viktor: witness" in text.stdout
        at.commands.json("ada", "sign", NAME, "--yes")
        error = at.commands.refused("farid", "sign", NAME, "--yes")
    assert "does not wait" in error["message"]


def test_words_are_recorded(tmp_path: Path) -> None:
    with at_step(tmp_path, "hand-out") as at:
        noted = at.commands.json("sofia", "note", NAME, "The door was opened once.")
        assert noted["word"] == "note"
        told = at.commands.json("hana", "note", NAME, "A sheet was torn.", "--exception")
        assert (told["word"], told["seq"]) == ("exception", noted["seq"] + 1)
        at.host.interrupted = True
        assert at.commands.show(NAME)["waiting"]["interrupted"]
        at.commands.json("viktor", "resume", NAME, "The power is back.")
        assert not at.commands.show(NAME)["waiting"]["interrupted"]
        assert at.commands.show(NAME)["exceptions"] == 1
        error = at.commands.refused("sofia", "abort", NAME, "Enough.", "--yes")
        assert "not sofia's to say" in error["message"]
        assert at.commands.run("hana", "abort", NAME, "Enough.").exit_code == 2
        assert (
            "Recorded as abort" in at.commands.run("hana", "abort", NAME, "Enough.", "--yes").stdout
        )
        assert at.commands.show(NAME)["state"] == "aborted"
        error = at.commands.refused("hana", "sign", NAME, "--yes")
        assert "over" in error["message"]


def test_files_are_listed_fetched_and_handed_in(tmp_path: Path) -> None:
    with at_step(tmp_path, "hand-out") as at:
        at.host.files["transcript.json"] = b"records"
        assert at.commands.json(None, "files", NAME)["files"] == ["transcript.json"]
        output = tmp_path / "t.json"
        found = at.commands.json(None, "files", NAME, "transcript.json", "-o", output)
        assert output.read_bytes() == b"records"
        assert found["digest"].startswith("sha256:")
        again = at.commands.refused(None, "files", NAME, "transcript.json", "-o", output)
        assert again["message"]
        backup = tmp_path / "kek-backup.json"
        backup.write_bytes(b"backup")
        at.commands.json(None, "files", NAME, "kek-backup.json", "--put", backup)
        assert at.host.files["kek-backup.json"] == b"backup"
        error = at.commands.refused(None, "files", NAME, "none.json")
        assert error["kind"] == "PeerRefused"
        for wrong in (("-o", output), ("x", "-o", output, "--put", backup)):
            assert at.commands.run(None, "files", NAME, *wrong).exit_code == 2


def test_a_restores_statement_is_verified_before_it_is_handed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our protocol §10.8: whoever carried the file is nobody's word, nor is the host."""
    monkeypatch.setattr(ceremony, "now", lambda: NOW)
    monkeypatch.setattr(ceremony_desk, "now", lambda: NOW)
    bundle, file = tmp_path / "authority.bundle", tmp_path / "f.json"
    bundle.write_bytes(make_bundle(SERVER.state))
    with at_step(tmp_path, "hand-out") as at:
        put = ("files", NAME, "restore.json", "--put", file)
        file.write_bytes(document())
        assert at.commands.run(None, *put).exit_code == 2  # by no authority
        at.commands.pinned = ("--authority", str(bundle), "--fingerprint", SERVER.fingerprint)
        for wrong, kind in (
            (document(approvals=[b64(each) for each in THREE[:2]]), "LetsNothing"),
            (document(statement=b64(MADE.raw[:-9] + MADE.raw[-8:])), "MalformedAnswer"),
            (b"{}", "MalformedAnswer"),
        ):
            file.write_bytes(wrong)
            assert at.commands.refused(None, *put)["kind"] == kind
        assert "restore.json" not in at.host.files
        file.write_bytes(document())
        at.commands.json(None, *put)
        assert at.host.files["restore.json"] == document()


@pytest.mark.parametrize(("command", "rehearsal"), [("host", False), ("rehearse", True)])
def test_a_host_takes_the_commands_place(
    command: str, rehearsal: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    began: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda path, words: began.append(words))
    monkeypatch.setattr(ceremony, "_unending_input", lambda: None)
    app = typer.Typer()
    app.callback()(lambda: None)
    ceremony.register(app)
    result = CliRunner().invoke(app, ["ceremony", command, str(tmp_path)])
    assert result.exit_code == 0
    (words,) = began
    assert words[:3] == [sys.executable, "-m", "keyturn.keyholder.ceremonies.host"]
    assert words[3:7] == [
        *("--directory", str(tmp_path)),
        *("--socket", str(ceremony.socket_in(tmp_path))),
    ]
    assert ("--rehearsal" in words) is rehearsal


def test_a_host_that_is_not_there(tmp_path: Path) -> None:
    with at_step(tmp_path, "open") as at:
        commands = at.commands
    error = commands.refused(None, "list")
    assert error["kind"] == "PeerUnreachable"
