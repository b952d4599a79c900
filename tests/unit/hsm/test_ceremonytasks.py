import os
from pathlib import Path
from typing import Any

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.hsm.backup import KekBackup
from keyturn.hsm.ceremonytasks import (
    AnyTask,
    ImportKek,
    MakeBackupKey,
    MakeToken,
    MakeTransport,
    ProveRestore,
    Restore,
    Secret,
    SetPin,
    TokenMade,
    TokenPlace,
    TrustKey,
    Who,
    Zeroise,
    made_document,
    parse_task,
    read_made,
    run_task,
)
from keyturn.hsm.errors import HsmUnreachable, PinRefused
from keyturn.hsm.kekwork import KekProfile, RewrapItem
from support.hsmceremonies import Desk, backup_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TokenMade:
    return Desk.at(tmp_path_factory.mktemp("hsm") / "t").make()


@pytest.fixture(scope="module")
def backup(made: TokenMade) -> KekBackup:
    return backup_of(made)


@pytest.fixture(scope="module")
def tasks(backup: KekBackup) -> list[AnyTask]:
    return [
        MakeToken(KekProfile.RECOVERABLE),
        SetPin(Who.SO),
        MakeBackupKey(),
        TrustKey(b"spki"),
        Restore(backup),
        ProveRestore(backup),
        ProveRestore(backup, (RewrapItem(bytes(32), bytes(32), bytes(40)),)),
        Zeroise(),
        MakeTransport(),
        ImportKek(backup.wrapped, True),
    ]


def test_each_task_is_read_as_written(tasks: list[AnyTask]) -> None:
    for task in tasks:
        assert parse_task(dump(task.document())) == task


def test_a_missing_and_an_unknown_field_are_refused(tasks: list[AnyTask]) -> None:
    for task in tasks:
        document = task.document()
        with pytest.raises(MalformedError, match="extra"):
            parse_task(dump({**document, "extra": 1}))
        for name in document:
            less: dict[str, Any] = {key: each for key, each in document.items() if key != name}
            with pytest.raises(MalformedError, match=name):
                parse_task(dump(less))
    with pytest.raises(MalformedError, match="unknown ceremony task"):
        parse_task(b'{"task":"export"}')


def test_what_a_new_token_says_is_read_as_written(made: TokenMade) -> None:
    raw = dump(made_document(made))
    assert read_made(parse_object(raw, limit=1 << 20, what="answer")) == made


def test_a_task_without_its_secrets_is_not_begun(tmp_path: Path) -> None:
    place = TokenPlace(tmp_path / "none.so", "label")
    for secrets in ({}, {Secret.SO_PIN: 0}, {Secret.PIN: 0, Secret.SO_PIN: 1, Secret.NEW_PIN: 2}):
        with pytest.raises(ValueError, match="needs"):
            run_task(MakeToken(KekProfile.RECOVERABLE), place, secrets)


def test_a_module_that_is_not_there_is_told(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"pin\n")
    try:
        with pytest.raises(HsmUnreachable, match="cannot load"):
            run_task(MakeTransport(), TokenPlace(tmp_path / "no.so", "t"), {Secret.PIN: read})
    finally:
        os.close(read)
        os.close(write)


def test_an_error_of_the_other_process_keeps_its_kind(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path / "t")
    desk.make(KekProfile.NEVER_EXTRACTABLE, backed_up=False)
    with pytest.raises(PinRefused):
        desk.do(MakeTransport(), pin=b"0" * 32)
