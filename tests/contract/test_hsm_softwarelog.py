"""A token without Ed25519, from pre-flight to a restore: its log key is a *software log key*.

SoftHSM 2 with EdDSA switched off makes an Ed25519 pair and refuses to sign with it, so that only
use tells. Whoever lacks the PIN has nothing of the key; whoever reads a worker has it.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keyturn.base.signatures import key_id_of
from keyturn.ceremony.tokenreport import Check, Level, parse_report
from keyturn.hsm.ceremonytasks import ProveRestore, Restore, Secret, TokenMade, Zeroise
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.errors import HsmUnreachable, PinRefused, TokenError
from keyturn.hsm.preflightchild import preflight_token
from keyturn.hsm.process import child_environment
from keyturn.hsm.protocol import Purpose
from support.hsmceremonies import Desk, backup_of, descriptors, fresh_secret
from support.hsmtoken import Node, Orders, admit, make_model

MESSAGE = b"keyturn.example/log\n7\nroot\n"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, TokenMade]:
    desk = Desk.at(tmp_path_factory.mktemp("narrow") / "token", ed25519=False)
    return desk, desk.make()


def _verify(spki: bytes, signature: bytes, message: bytes) -> None:
    key = serialization.load_der_public_key(spki)
    assert isinstance(key, Ed25519PublicKey)
    key.verify(signature, message)


def _log_check(desk: Desk, *, trial: bool) -> tuple[Check, tuple[Check, ...]]:
    held = {name: desk.held[name] for name in (Secret.PIN, Secret.SO_PIN)}
    with descriptors(held) as opened:
        checks = parse_report(preflight_token(desk.place, opened, trial=trial)).checks
    (check,) = (each for each in checks if each.name == "Ed25519 log key")
    return check, checks


def test_preflight_is_amber_and_says_what_will_be_made(tmp_path: Path) -> None:
    check, checks = _log_check(Desk.at(tmp_path / "token", ed25519=False), trial=True)
    assert check.level is Level.AMBER
    assert check.found.startswith("a software log key, wrapped under an HSM key")
    assert "CKR_MECHANISM_INVALID" in check.found
    assert "workers' memory" in check.hint
    assert not [each for each in checks if each.level is Level.RED]


def test_preflight_finds_the_keys_as_they_were_made(founded: tuple[Desk, TokenMade]) -> None:
    check, checks = _log_check(founded[0], trial=False)
    (keys,) = (each for each in checks if each.name == "keys of the ceremony")
    assert (check.level, keys.level) == (Level.AMBER, Level.GREEN)
    assert "software log key" in keys.found


def test_a_genesis_makes_it_and_says_so(founded: tuple[Desk, TokenMade]) -> None:
    made = founded[1]
    assert [purpose for purpose, key in made.keys.items() if key.software] == [Purpose.LOG]
    (said,) = (each for each in made.report.keys if each.label == "keyturn-log")
    assert said.part == "wrapped"
    assert (said.attributes[0].name, said.attributes[0].value) == ("HELD", "software log key")


_LIST = """
import sys, typer
from keyturn.cli.hsm import register
app = typer.Typer()
register(app)
app(["hsm", "list", *sys.argv[1:]])
"""


def test_it_is_listed_as_what_it_is(founded: tuple[Desk, TokenMade]) -> None:
    desk, made = founded
    place, key_id = desk.place, key_id_of(made.keys[Purpose.LOG].spki)
    environment = child_environment(place.module, place.softhsm_configuration)
    environment["PYTHONPATH"] = str(Path(sys.modules["keyturn"].__file__ or "").parents[1])
    with descriptors({Secret.PIN: desk.held[Secret.PIN]}) as opened:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                _LIST,
                "--module",
                str(place.module),
                "--token-label",
                place.label,
                "--pin-fd",
                str(opened[Secret.PIN]),
            ],
            env=environment,
            pass_fds=tuple(opened.values()),
            capture_output=True,
            text=True,
            check=False,
        )
    assert f"keyturn-log software log key {key_id[:16]}" in done.stdout, done.stderr
    assert "keyturn-log private" not in done.stdout


def test_every_worker_signs_with_the_one_key(founded: tuple[Desk, TokenMade]) -> None:
    desk, made = founded
    spki = made.keys[Purpose.LOG].spki
    for _ in range(2):  # a restart
        with desk.pool(2) as pool:
            assert pool.public_keys()[Purpose.LOG] == made.keys[Purpose.LOG]
            signature = pool.sign_log(MESSAGE)
            _verify(spki, signature, MESSAGE)
            with pytest.raises(InvalidSignature):
                _verify(spki, signature, MESSAGE + b"x")


def test_releases_are_as_ever(founded: tuple[Desk, TokenMade]) -> None:
    model, node, orders = make_model(), Node(), Orders()
    with founded[0].worker() as worker:
        wrapped = worker.release(admit(worker, model), orders(model, node.spki))
        assert node.open(wrapped) == model.dek
        assert worker.sign_result(b"result")


def test_a_restore_makes_a_new_one(founded: tuple[Desk, TokenMade], tmp_path: Path) -> None:
    desk, made = founded
    fresh = Desk.at(tmp_path / "fresh", desk.held[Secret.BACKUP_SECRET], ed25519=False)
    restored = fresh.do(Restore(backup_of(made)))
    key = restored.keys[Purpose.LOG]
    assert key.software
    assert key.spki != made.keys[Purpose.LOG].spki
    fresh.do(ProveRestore(backup_of(made)))
    with fresh.worker() as worker:
        _verify(key.spki, worker.sign_log(MESSAGE), MESSAGE)


def test_zeroised_nothing_of_it_is_left(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path / "token", ed25519=False)
    desk.make()
    assert desk.do(Zeroise(), Secret.PIN)
    with pytest.raises((TokenError, PinRefused, HsmUnreachable)), desk.worker():
        pass


def test_for_a_token_that_is_gone_nothing_is_signed(tmp_path: Path) -> None:
    """The key is in the worker's memory; the token all the same decides."""
    desk = Desk.at(tmp_path / "token", ed25519=False)
    desk.make()
    with desk.worker() as worker:
        assert worker.sign_log(MESSAGE)
        shutil.rmtree(tmp_path / "token" / "tokens")
        with pytest.raises((HsmUnreachable, TokenError)):
            worker.sign_log(MESSAGE)


# Who has the key, and who has not

_SEED = """
import sys
from pathlib import Path
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import Library
from keyturn.hsm.softwarelog import open_software_log_key
from keyturn.hsm.token import find_token, log_in
library = Library(Path(sys.argv[1]))
with library.session(find_token(library, sys.argv[2]).slot) as session:
    if len(sys.argv) > 3:
        log_in(session, read_pin(int(sys.argv[3])))
    key = open_software_log_key(session)
    print(key._private.private_bytes_raw().hex())
"""


def _seed(desk: Desk, pin: bytes | None) -> subprocess.CompletedProcess[str]:
    """What somebody with these files gets, and with this PIN or none."""
    place = desk.place
    environment = child_environment(place.module, place.softhsm_configuration)
    environment["PYTHONPATH"] = str(Path(sys.modules["keyturn"].__file__ or "").parents[1])
    with descriptors({} if pin is None else {Secret.PIN: pin}) as opened:
        return subprocess.run(
            [sys.executable, "-c", _SEED, str(place.module), place.label]
            + [str(each) for each in opened.values()],
            env=environment,
            pass_fds=tuple(opened.values()),
            capture_output=True,
            text=True,
            check=False,
        )


def _copied(desk: Desk, directory: Path) -> Desk:
    """A copy of the token's files, read by somebody else."""
    configuration = desk.place.softhsm_configuration
    assert configuration is not None
    shutil.copytree(configuration.parent, directory)
    copy = directory / configuration.name
    copy.write_text(copy.read_text().replace(str(configuration.parent), str(directory)))
    return replace(desk, place=replace(desk.place, softhsm_configuration=copy))


def test_the_files_without_the_pin_give_nothing(
    founded: tuple[Desk, TokenMade], tmp_path: Path
) -> None:
    """One custodian less than the quorum has no bit of the PIN: no login, or a refused one."""
    copy = _copied(founded[0], tmp_path / "copy")
    right = _seed(copy, copy.held[Secret.PIN])
    assert right.returncode == 0, right.stderr
    for pin in (None, fresh_secret()):
        done = _seed(copy, pin)
        assert done.returncode != 0
        assert "TokenError" in done.stderr or "PinRefused" in done.stderr


_SEARCH = """
import json, sys
from pathlib import Path
from keyturn.exposure.memscan import NotSearchedError, find_in_process, find_in_tree
seed = bytes.fromhex(sys.stdin.read())
found = {}
for name, pid in json.loads(sys.argv[1]).items():
    try:
        found[name] = bool(find_in_process(pid, {"seed": seed}).found)
    except NotSearchedError:
        found[name] = None
found["files"] = bool(find_in_tree(Path(sys.argv[2]), {"seed": seed}).found)
print(json.dumps(found))
"""


def test_it_is_open_in_the_workers_memory_and_nowhere_else(
    founded: tuple[Desk, TokenMade],
) -> None:
    desk = founded[0]
    configuration = desk.place.softhsm_configuration
    assert configuration is not None
    with desk.worker() as worker:
        worker.sign_log(MESSAGE)
        found = _searched(desk, worker, configuration.parent)
    if found["worker"] is None:
        pytest.skip("this user may not read another process's memory")
    assert found == {"worker": True, "parent": False, "files": False}


def _searched(desk: Desk, worker: HsmWorker, files: Path) -> dict[str, bool | None]:
    """The seed goes from one process to another; this one never has it."""
    place = desk.place
    environment = child_environment(place.module, place.softhsm_configuration)
    environment["PYTHONPATH"] = str(Path(sys.modules["keyturn"].__file__ or "").parents[1])
    where = json.dumps({"worker": worker.pid, "parent": os.getpid()})
    with descriptors({Secret.PIN: desk.held[Secret.PIN]}) as opened:
        tell = [sys.executable, "-c", _SEED, str(place.module), place.label]
        with subprocess.Popen(
            [*tell, *(str(each) for each in opened.values())],
            env=environment,
            pass_fds=tuple(opened.values()),
            stdout=subprocess.PIPE,
        ) as telling:
            done = subprocess.run(
                [sys.executable, "-c", _SEARCH, where, str(files)],
                env=environment,
                stdin=telling.stdout,
                capture_output=True,
                check=False,
            )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found
