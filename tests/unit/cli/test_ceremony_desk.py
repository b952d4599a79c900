"""Where a command's host, authority and key come from, and what is refused of them."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from keyturn.base.encoding import Digest
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.cli import ceremony_desk
from keyturn.cli import profile as profile_module
from keyturn.cli.ceremony_desk import CeremonyDesk, NothingDone, confirm
from keyturn.cli.ceremony_given import Given
from keyturn.client.ceremonydoor import LocalDoor, ServerDoor
from keyturn.client.errors import NoProfile
from keyturn.client.memory import Memory
from keyturn.client.profile import (
    Places,
    Profile,
    places_of,
    station_profile,
    write_profile,
)
from keyturn.officerkeys.keyfile import write_key_file
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret
from keyturn.officerkeys.location import InFile
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint
from keyturn.tlog.merkle import Hash
from keyturn.wire.ceremonies import CeremonyRequest
from support.authority import Person, spki
from support.ceremonies import Cast, playing_genesis
from support.ceremonycommands import CHEAP, PASSPHRASE, Commands
from support.ceremonylog import LOG_KEY, Logged, logged_genesis
from support.control import running_world
from support.playedhost import PlayedHost
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
        given = Given(at.commands.socket, authority=bundle, fingerprint=logged.fingerprint)
        authority = CeremonyDesk(given, stack).reader.authority
        assert authority is not None
        assert authority.fingerprint == logged.fingerprint
        for half in (Given(authority=bundle), Given(fingerprint=logged.fingerprint)):
            with pytest.raises(typer.BadParameter):
                _ = CeremonyDesk(
                    Given(at.commands.socket, None, half.authority, half.fingerprint), stack
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


def test_by_a_profile_the_server_is_the_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A custodian at their own machine: signed in, the authority pinned, the log seen."""
    with running_world(tmp_path) as world:
        host, before = played(), world.keyholder.answer
        monkeypatch.setattr(
            world.keyholder,
            "answer",
            lambda asked: (
                host.answer(asked) if isinstance(asked, CeremonyRequest) else before(asked)
            ),
        )
        monkeypatch.setattr(ceremony_desk, "now", world.clock)
        monkeypatch.setattr(profile_module, "now", world.clock)
        places = places_of(tmp_path / "ada", {})
        key = _key_of(world.authority.people["ada"], tmp_path / "ada.key")
        fingerprint = world.keyholder.fingerprint
        write_profile(places, Profile(world.url, world.pin, fingerprint, "ada", InFile(key)))
        reader, writer = os.pipe()
        os.write(writer, PASSPHRASE)
        os.close(writer)
        with ExitStack() as stack:
            given = Given(profile=tmp_path / "ada", passphrase_fd=reader)
            desk = CeremonyDesk(given, stack)
            assert isinstance(desk.door, ServerDoor)
            assert desk.reader.authority is not None
            followed = desk.read(NAME)
            assert followed.plan.witness == "viktor"
            with pytest.raises(CeremonyRefused, match="the server between"):
                desk.host(followed)  # a rehearsal: no server holds one
        os.close(reader)


def played() -> PlayedHost:
    play = next(each for each in playing_genesis() if each.step.id == "preflight")
    return PlayedHost(play.cast, play)


def _key_of(person: Person, path: Path) -> Path:
    (key,) = person.keys
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    sealing = x25519.X25519PrivateKey.generate()
    public = OfficerPublic(
        person.id,
        person.id,
        Algorithm.ED25519,
        spki(key),
        sealing.public_key().public_bytes_raw(),
    )
    private = bytearray(key.private_bytes_raw() + sealing.private_bytes_raw())
    write_key_file(path, OfficerSecret(public, private), bytearray(PASSPHRASE), cost=CHEAP)
    return path


def remembering(places: Places, *sizes: int) -> Logged:
    """A profile that remembers checkpoints of this authority's log, under several names."""
    logged = logged_genesis()
    key = InFile(places.config / "ada.key")
    write_profile(places, station_profile(logged.fingerprint, "ada", key))
    memory = Memory(logged.fingerprint, places.state)
    for size in sizes:
        seen = Checkpoint(f"log.example.{size}", size, Hash(bytes(32)))
        signed = sign_checkpoint(seen, load_verify_key(spki(LOG_KEY)), LOG_KEY.sign)
        memory.keep_checkpoint(seen.origin, signed.to_bytes())
    return logged


def test_what_the_log_was_called_when_it_was_seen_counts_for_nothing(tmp_path: Path) -> None:
    """After a token was lost the profile may know the log by a name that its bundle has not."""
    logged = remembering(places_of(tmp_path / "ada", {}), 3, 7)
    with ExitStack() as stack:
        desk = CeremonyDesk(Given(tmp_path / "host.sock", tmp_path / "ada"), stack)
        seen = desk.seen(logged.fingerprint)
        assert seen is not None
        assert seen.size == 7
        assert desk.seen(Digest("sha256:" + "ab" * 32)) is None


def test_a_profile_that_nobody_named_remembers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(each, str(tmp_path / each))
    logged = remembering(places_of(None, os.environ), 7)
    with ExitStack() as stack:
        desk = CeremonyDesk(Given(tmp_path / "host.sock"), stack)
        assert desk.seen(logged.fingerprint) is None  # a desk without a profile asks for none
        assert desk.fingerprint == logged.fingerprint
        seen = desk.seen(logged.fingerprint)
        assert seen is not None
