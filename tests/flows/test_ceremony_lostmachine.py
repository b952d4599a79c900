"""The whole keyholder machine is lost: log and backup were kept elsewhere, `keyholder.key` was not.

The authority's `keys` still name that key. A restore is held all the same, by custodians who sit
at the host's machine and compare its words; nobody gets a share by way of a server.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from flows.test_ceremonies_restore import Lost, lost, place
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostphrase import host_phrase
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Part, ShareUse
from keyturn.cli.ceremony_desk import CeremonyDesk
from keyturn.cli.ceremony_given import Given
from keyturn.client.ceremonydoor import LocalDoor, ServerDoor
from keyturn.client.ceremonytrust import HOST_TRUSTED, HostNotCompared, keyholder_key
from keyturn.client.client import KeyturnClient
from keyturn.wire.ceremonies import PutCeremonyFile
from keyturn.wire.requests import Request
from keyturn_app.screens.ceremonies.hosting import ClientHost
from keyturn_app.screens.ceremonies.hosts import HostWords
from support.ceremonies_host import HostProcess, Table, host_process
from support.ceremonycommands import Commands

__all__ = ["lost", "place"]
A = TypeVar("A")


@contextmanager
def restoring(place: Lost) -> Iterator[tuple[Table, HostProcess, Commands]]:
    """A restore on another machine, at the step at which shares are entered for the first time."""
    assert keyholder_key(place.authority) is not None
    (place.directory / "keyholder.key").unlink()
    plan, file = place.plan()
    with host_process(place.directory) as host:
        table = place.table(host.door)
        table.open(plan)
        host.door.ask(PutCeremonyFile("restore-1", "restore.json", file))
        table.run(until="prove-shares")
        bundle = place.directory.with_suffix(".bundle")
        bundle.write_bytes((place.directory / "authority.bundle").read_bytes())
        pinned = ("--authority", str(bundle), "--fingerprint", place.authority.fingerprint)
        yield table, host, Commands(place.directory.parent, host.socket, place.cast, pinned)


def enter(commands: Commands, table: Table, officer: str, *more: str) -> Any:
    words = ("share", "enter", "restore-1", "--use", "user", *more)
    return commands.run(officer, *words, "--json", lines=(table.words[officer, ShareUse.USER],))


def test_a_restore_is_held_by_those_who_compare_the_hosts_words(place: Lost) -> None:
    with restoring(place) as (table, host, commands):
        phrase = host_phrase(table.host().key)
        assert phrase in host.output.read_text()  # where whoever started it sees it

        shown = commands.show("restore-1")["host"]
        assert phrase in json.dumps(shown)  # and what to do with it
        assert "own terminal" in json.dumps(shown)

        refused = enter(commands, table, "ada")
        assert refused.exit_code == 1
        assert "own terminal" in json.loads(refused.stdout)["error"]["hint"]
        wrong = host_phrase(bytes(1216))
        refused = enter(commands, table, "ada", "--host-words", wrong)
        assert (refused.exit_code, table.read().waiting.signed) == (1, ())  # type: ignore[union-attr]
        assert json.loads(refused.stdout)["error"]["expected"] == phrase

        check_app(place, host.door, bytearray(table.words["bela", ShareUse.USER]), phrase)
        taken = enter(commands, table, "ada", "--host-words", phrase.upper())
        assert taken.exit_code == 0, taken.output
        for officer, part in table.signers():
            if (officer, part) != ("ada", Part.CUSTODIAN):
                step = table.sign(officer, part)
        assert table._recorded(table.last.seq - (step.event is not None), step).event is Event.DONE
        table.run()
        signed = [
            each
            for done in table.read().verified.done
            for each in done.signatures
            if "host" in each.entered
        ]
        assert [(each.officer, each.entered["host"]) for each in signed] == [("ada", phrase)]


def check_app(place: Lost, door: LocalDoor, words: bytearray, phrase: str) -> None:
    """As the app sees it: asked first, and by what the host told it where it started the host."""
    app = ClientHost(door, place.authority)
    told = app.follow("restore-1")
    assert app.to_compare(told) == HostWords(phrase)
    with pytest.raises(HostNotCompared):
        app.seal_share(told, ShareUse.USER, "bela", bytearray(words), None)
    assert app.seal_share(told, ShareUse.USER, "bela", words, phrase)
    assert not any(words)
    assert ClientHost(door, place.authority, said=phrase).to_compare(told) == HostWords(
        phrase, told=True
    )
    with pytest.raises(HostNotCompared) as refused:
        ClientHost(door, place.authority, said=host_phrase(bytes(1216))).to_compare(told)
    assert refused.value.differs


class Forwarding:
    """A server that answers as its host does, whichever that is."""

    def __init__(self, host: LocalDoor) -> None:
        self._host = host

    def ask_host(self, request: Request[A]) -> A:
        return self._host.ask(request)

    def consistency(self, old: int, new: int) -> list[bytes]:
        raise AssertionError(f"nobody saw a log here: {old} to {new}")


def test_no_share_goes_through_a_server(place: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    """It swapped the host, and tells the custodian the words of its own."""
    with restoring(place) as (table, host, commands), ExitStack() as stack:
        client = cast(KeyturnClient, Forwarding(host.door))
        bundle, fingerprint = Path(commands.pinned[1]), commands.pinned[3]
        phrase = host_phrase(table.host().key)
        given = Given(authority=bundle, fingerprint=fingerprint, host_words=phrase)
        desk = CeremonyDesk(given, stack)
        monkeypatch.setattr(desk, "_door", lambda: ServerDoor(client))
        followed = desk.read("restore-1")
        with pytest.raises(CeremonyRefused, match="not signed by the keyholder") as refused:
            desk.host(followed, phrase)
        assert refused.value.reason is CeremonyReason.BAD_SIGNATURE
        assert not isinstance(refused.value, HostNotCompared)

        local = CeremonyDesk(replace(given, socket=host.socket), stack)
        assert local.host(local.read("restore-1")).caveats == (HOST_TRUSTED,)
