"""Where a command's host, authority and key come from, and what is refused of them."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer

from keyturn.ceremony.errors import CeremonyRefused
from keyturn.cli.ceremony_desk import CeremonyDesk, Given, NothingDone, confirm
from keyturn.client.ceremonydoor import LocalDoor
from keyturn.client.errors import NoProfile
from support.ceremonies import Cast
from support.ceremonycommands import PASSPHRASE, Commands
from support.ceremonylog import logged_genesis
from unit.cli.ceremony_host import NAME, at_step


def test_at_a_desk_the_socket_is_the_door(tmp_path: Path) -> None:
    with at_step(tmp_path, "open") as at, ExitStack() as stack:
        desk = CeremonyDesk(Given(socket=at.commands.socket), stack)
        assert isinstance(desk.door, LocalDoor)
        assert desk.reader.authority is None
        assert desk.host(desk.read(NAME)).document.authority is None


def test_an_authority_is_pinned_by_bundle_and_fingerprint(tmp_path: Path) -> None:
    logged = logged_genesis()
    bundle = tmp_path / "authority.bundle"
    bundle.write_bytes(logged.bundle)
    with at_step(tmp_path, "open") as at, ExitStack() as stack:
        given = Given(at.commands.socket, bundle=bundle, fingerprint=logged.fingerprint)
        authority = CeremonyDesk(given, stack).reader.authority
        assert authority is not None
        assert authority.fingerprint == logged.fingerprint
        for half in (Given(bundle=bundle), Given(fingerprint=logged.fingerprint)):
            with pytest.raises(typer.BadParameter):
                _ = CeremonyDesk(
                    Given(at.commands.socket, None, half.bundle, half.fingerprint), stack
                ).reader


def test_without_a_socket_a_profile_is_needed(tmp_path: Path) -> None:
    with ExitStack() as stack, pytest.raises(NoProfile):
        _ = CeremonyDesk(Given(profile=tmp_path), stack).reader


def test_the_key_file_is_opened_once_and_wiped(tmp_path: Path) -> None:
    commands = Commands(tmp_path, tmp_path / "none.sock", Cast())
    reader, writer = os.pipe()
    os.write(writer, PASSPHRASE)
    os.close(writer)
    with ExitStack() as stack:
        given = Given(key_file=commands.key_file("ada"), passphrase_fd=reader)
        desk = CeremonyDesk(given, stack)
        signer = desk.signer()
        assert desk.signer() is signer
        assert desk.unsealer().officer == "ada"
        assert signer.officer == "ada"
    os.close(reader)
    with pytest.raises(ValueError, match="wiped"):
        signer.sign("text/plain", b"")


def test_a_card_opens_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    class Card:
        officer = "ada"

    with ExitStack() as stack:
        desk = CeremonyDesk(Given(), stack)
        monkeypatch.setattr(desk, "_signer", Card())
        with pytest.raises(CeremonyRefused, match="opens nothing"):
            desk.unsealer()


def test_a_question_needs_a_terminal_or_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    confirm("Sure?", True)
    with pytest.raises(typer.BadParameter):
        confirm("Sure?", False)

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(typer, "get_text_stream", lambda _: Terminal())
    monkeypatch.setattr(typer, "confirm", lambda text, err: False)
    with pytest.raises(NothingDone):
        confirm("Sure?", False)
