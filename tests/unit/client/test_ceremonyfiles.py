"""KEK files, read for what they say; and how they come and go. Whoever made one, it is checked."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import key_id_of
from keyturn.base.strictjson import Fields
from keyturn.client.ceremonydoor import LocalDoor
from keyturn.client.ceremonyfiles import (
    BACKUP,
    MAX_KEK_FILE,
    WrongFile,
    fetch_file,
    put_file,
    read_backup,
    read_wrapped,
)
from keyturn.client.errors import ServerRefused
from keyturn.hsm.backup import MAX_BACKUP, parse_backup, parse_wrapped
from keyturn.wire.ceremonies import AskCeremonyFile, PutCeremonyFile
from keyturn.wire.errors import PeerRefused
from keyturn.wire.requests import Request
from support.ceremonies import Cast, Play, genesis_plan
from support.kekfiles import MADE, backup_file, made_up_spki, wrapped_file
from support.playedhost import PlayedHost

KEK = "7e" * 32
A = TypeVar("A")


def test_a_backup_says_what_the_token_side_says() -> None:
    raw = backup_file(KEK)
    found, theirs = read_backup(raw), parse_backup(raw)
    assert MAX_KEK_FILE == MAX_BACKUP
    assert (found.kek, found.digest, found.key) == (KEK, theirs.digest, theirs.key.id)
    assert (found.made, found.ceremony, found.token) == (MADE, "backup-7", "keyturn 0123")


def test_a_wrapped_kek_says_what_the_token_side_says() -> None:
    raw = wrapped_file(KEK, made_up_spki())
    found, theirs = read_wrapped(raw), parse_wrapped(raw)
    assert (found.kek, found.key) == (theirs.kek, key_id_of(theirs.spki))
    assert found.digest == digest_of(raw)


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.pop(name)


def _with(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.update({name: value})


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (backup_file(KEK), read_backup),
        (wrapped_file(KEK, made_up_spki()), read_wrapped),
    ],
    ids=["backup", "wrapped"],
)
@pytest.mark.parametrize(
    "change",
    [
        *(_without(each) for each in ("type", "format", "kek", "oaep_hash", "wrapped", "canary")),
        _with("type", "another"),
        _with("format", 2),
        _with("kek", KEK.upper()),
        _with("kek", 7),
        _with("oaep_hash", "md5"),
        _with("wrapped", "AAAA"),
        _with("canary", "AAAA"),
        _with("more", ""),
    ],
)
def test_a_file_in_another_form(
    raw: bytes, read: Callable[[bytes], object], change: Callable[[dict[str, Any]], None]
) -> None:
    found = json.loads(raw)
    change(found)
    with pytest.raises(MalformedError):
        read(json.dumps(found, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "change",
    [
        *(_without(each) for each in ("profile", "made", "ceremony", "token", "key")),
        _with("profile", "never-extractable"),
        _with("made", "yesterday"),
        lambda found: found["key"].pop("salt"),
        lambda found: found["key"].update(more=""),
    ],
)
def test_a_backup_in_another_form(change: Callable[[dict[str, Any]], None]) -> None:
    found = json.loads(backup_file(KEK))
    change(found)
    with pytest.raises(MalformedError):
        read_backup(json.dumps(found, separators=(",", ":")).encode())


def test_bytes_around_a_backup_are_no_backup() -> None:
    raw = backup_file(KEK)
    for each in (b"", b"[]", raw[:-1], raw + b"x", raw + b"\n", b" " * MAX_KEK_FILE + raw):
        with pytest.raises(MalformedError):
            read_backup(each)


@dataclass
class Door:
    """Answers as told, by the request's own reader."""

    answer: dict[str, object] | Exception
    asked: list[object] = field(default_factory=list)

    def ask(self, request: Request[A]) -> A:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return request.read(Fields(self.answer, "answer"))  # type: ignore[arg-type]


def test_a_file_comes_or_is_not_there() -> None:
    door = Door({"data": "aGk="})
    assert fetch_file(door, "restore-1", BACKUP) == b"hi"
    assert door.asked == [AskCeremonyFile("restore-1", BACKUP)]
    for missing in (PeerRefused("not-found", "no"), ServerRefused(404, "not-found", "no")):
        assert fetch_file(Door(missing), "restore-1", BACKUP) is None
    with pytest.raises(PeerRefused):
        fetch_file(Door(PeerRefused("malformed", "no")), "restore-1", BACKUP)


def test_by_a_hosts_own_socket(tmp_path: Path) -> None:
    cast = Cast()
    with PlayedHost(cast, Play(cast, genesis_plan(cast))).serving(tmp_path / "host.sock") as path:
        assert fetch_file(LocalDoor(path), "rehearsal-genesis-1", BACKUP) is None


def test_a_host_that_kept_another_file() -> None:
    door = Door({"digest": digest_of(b"hi")})
    put_file(door, "restore-1", BACKUP, b"hi")
    assert door.asked == [PutCeremonyFile("restore-1", BACKUP, b"hi")]
    with pytest.raises(WrongFile):
        put_file(door, "restore-1", BACKUP, b"ho")
