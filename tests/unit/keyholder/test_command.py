"""`keyturn init` and `keyturn keyholder submit|cosigned` as people run them; secrets by fd (I8)."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keyturn.attest.collateral_age import age_of
from keyturn.base.encoding import b64
from keyturn.cli.main import build
from keyturn.collateral.cache import Cache, Kept
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.quorum.kinds import Kind
from keyturn.wire.collateral import write_collateral_file
from keyturn.wire.keyholder import AskCheckpoint
from support.authority import policy_body, spki
from support.collateral import IntelDesk
from support.founded import (
    ORIGIN,
    Founded,
    KeyholderProcess,
    children_of,
    command,
    environment,
    export_of,
    keyholder,
    make_founded,
    officer_secrets,
)
from support.hsmtoken import make_model, softhsm_module
from support.system import admission_body
from support.witnesses import Pen

CHEAP = KdfCost(1, 1, 64)
PASSPHRASE = b"correct horse battery "


@dataclass
class Ran:
    """What a command left behind, and what could be seen of it and its children meanwhile."""

    status: int
    output: bytes
    errors: bytes
    pins: list[bytes]
    seen: list[bytes] = field(default_factory=list)  # argv and environment


def run_init(directory: Path, *more: str, outlets: bool = True, origin: str = ORIGIN) -> Ran:
    """With four officers' key files and a pipe for each secret."""
    with ExitStack() as stack:
        arguments = ["init", str(directory), "--origin", origin, "--simulation", *more]
        arguments += ["--module", str(softhsm_module())]
        passed = []
        for number, (name, secret) in enumerate(officer_secrets(("a", "b", "c", "d")).items()):
            path = directory.with_name(f"{directory.name}-{name}.json")
            path.unlink(missing_ok=True)
            write_key_file(path, secret, bytearray(passphrase(number)), cost=CHEAP)
            reading, writing = os.pipe()
            os.write(writing, passphrase(number) + b"\n")
            os.close(writing)
            stack.callback(os.close, reading)
            passed.append(reading)
            arguments += ["--officer", str(path), "--passphrase-fd", str(reading)]
        pipes = [os.pipe() for _ in range(2)]
        for reading, _ in pipes:
            stack.callback(os.close, reading)
        if outlets:
            arguments += ["--pin-out-fd", str(pipes[0][1]), "--so-pin-out-fd", str(pipes[1][1])]
        passed += [writing for _, writing in pipes]
        process = subprocess.Popen(
            command(*arguments),
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        for _, writing in pipes:
            os.close(writing)
        seen: list[bytes] = []
        watching = threading.Thread(target=watch, args=(process, seen))
        watching.start()
        output, errors = process.communicate(timeout=90)
        watching.join()
        pins = [os.read(reading, 100) for reading, _ in pipes]
    return Ran(process.returncode, output, errors, pins, seen)


def passphrase(number: int) -> bytes:
    return PASSPHRASE + b"%d" % number


def watch(process: "subprocess.Popen[bytes]", seen: list[bytes]) -> None:
    """As any user of the machine with `ps` could, and root."""
    while process.poll() is None:
        try:
            for pid in (process.pid, *children_of(process.pid)):
                for name in ("cmdline", "environ"):
                    seen.append(Path(f"/proc/{pid}/{name}").read_bytes())
        except (OSError, ValueError):
            continue
        finally:
            threading.Event().wait(0.02)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    directory = tmp_path_factory.mktemp("init") / "authority"
    return run_init(directory, "--json"), directory


def test_init_hands_over_what_is_needed(ran: tuple[Ran, Path]) -> None:
    made, directory = ran
    assert made.status == 0, made.errors.decode()

    shown = json.loads(made.output)

    assert shown["fingerprint"].startswith("sha256:")
    assert Path(shown["config"]) == directory / "keyholder.toml"
    assert [len(each) for each in made.pins] == [32, 32]
    assert made.pins[0] != made.pins[1]
    assert directory.stat().st_mode & 0o077 == 0


def test_no_secret_is_in_argv_environment_output_or_files(ran: tuple[Ran, Path]) -> None:
    made, directory = ran
    secrets = [*made.pins, *(passphrase(number) for number in range(4))]
    files = [each.read_bytes() for each in directory.parent.rglob("*") if each.is_file()]

    assert len(made.seen) > 10
    assert any(b"keyturn.hsm" in each for each in made.seen)  # the children were seen too
    for place in (made.output, made.errors, *made.seen, *files):
        assert not any(each in place for each in secrets)
    assert any(ORIGIN.encode() in each for each in made.seen)  # what is there is found
    assert any(ORIGIN.encode() in each for each in files)


def test_without_witnesses_it_says_so(ran: tuple[Ran, Path]) -> None:
    shown = json.loads(ran[0].output)
    assert (shown["witnesses"], shown["witnesses_needed"]) == (0, 0)


def test_more_witnesses_than_there_are_make_nothing(tmp_path: Path) -> None:
    key = b64(Pen().verify_key.spki)
    made = run_init(tmp_path / "authority", "--witness", key, "--witnesses-needed", "2")
    assert made.status == 1
    assert b"more witnesses are needed" in made.errors
    assert not (tmp_path / "authority").exists()


def test_a_second_init_is_refused(ran: tuple[Ran, Path]) -> None:
    _, directory = ran
    config = (directory / "keyholder.toml").read_bytes()

    again = run_init(directory)

    assert again.status == 1
    assert b"an authority here already" in again.errors
    assert again.pins == [b"", b""]
    assert (directory / "keyholder.toml").read_bytes() == config


def test_an_init_without_outlets_for_the_pins_makes_nothing(tmp_path: Path) -> None:
    made = run_init(tmp_path / "authority", outlets=False)

    assert made.status == 1
    assert b"nowhere to put the PINs" in made.errors
    assert not (tmp_path / "authority").exists()


@pytest.mark.parametrize("number", ["9999", "-1"])
def test_an_outlet_that_takes_nothing_makes_nothing(tmp_path: Path, number: str) -> None:
    """Not open; no descriptor at all."""
    outlets = ("--pin-out-fd", number, "--so-pin-out-fd", number)
    made = run_init(tmp_path / "authority", *outlets, outlets=False)

    assert made.status == 1
    assert b"nothing can be written to this descriptor" in made.errors
    assert b"Traceback" not in made.errors
    assert not (tmp_path / "authority").exists()


def test_an_init_with_a_wrong_name_makes_nothing(tmp_path: Path) -> None:
    made = run_init(tmp_path / "authority", origin="not a name")

    assert made.status == 1
    assert b"the log's name" in made.errors
    assert not (tmp_path / "authority").exists()


def test_an_init_that_was_killed_leaves_what_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "authority"
    (directory / "token").mkdir(parents=True)

    made = run_init(directory)

    assert made.status == 1
    assert b"delete it, and begin again" in made.errors
    started = CliRunner().invoke(
        build("keyholder"),
        ["keyholder", "--config", str(directory / "keyholder.toml"), "--pin-fd", "0"],
    )
    assert started.exit_code == 2


# ---- submit ----


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyholderProcess]:
    founded = make_founded(tmp_path_factory.mktemp("founded") / "authority")
    with keyholder(founded) as process:
        yield process


def submit(founded: Founded, path: Path, *more: str) -> tuple[int, str]:
    arguments = ["keyholder", "submit", str(path), "--config", str(founded.config), *more]
    done = CliRunner().invoke(build("keyholder"), arguments)
    return done.exit_code, done.output


def test_submit_brings_a_proposal_into_force(serving: KeyholderProcess, tmp_path: Path) -> None:
    founded = serving.founded
    proposal = founded.authority().approved(Kind.POLICY, "serving", policy_body())
    path = tmp_path / "proposal.json"
    path.write_bytes(export_of(proposal, b"{}"))

    status, shown = submit(founded, path, "--json")
    again = submit(founded, path)

    assert status == 0, shown
    answer = json.loads(shown)
    assert answer["in_force"]
    assert answer["receipt"]["index"] == answer["index"]
    assert again == (0, f"in force at log index {answer['index']}\n")


def test_submit_of_a_model_takes_its_key(serving: KeyholderProcess, tmp_path: Path) -> None:
    founded, model = serving.founded, make_model()
    body = admission_body(model)
    proposal = founded.authority().approved(Kind.MODEL, str(body["model"]), body)
    path, key = tmp_path / "proposal.json", tmp_path / "keyturn.key"
    path.write_bytes(export_of(proposal, b"{}"))
    key.write_bytes(founded.key_file(model))

    assert submit(founded, path)[0] == 1
    assert submit(founded, path, "--key", str(key))[0] == 0


def test_submit_one_approval_short_is_refused(serving: KeyholderProcess, tmp_path: Path) -> None:
    proposal = serving.founded.authority().approved(Kind.POLICY, "another", policy_body())
    path = tmp_path / "proposal.json"
    proposal.approvals.pop()
    path.write_bytes(export_of(proposal, b"{}"))

    status, shown = submit(serving.founded, path, "--json")

    assert status == 1
    assert "too few approvals" in json.loads(shown)["error"]["message"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"type":"other","format":1}'])
def test_submit_of_something_else_is_refused(
    serving: KeyholderProcess, tmp_path: Path, raw: bytes
) -> None:
    path = tmp_path / "proposal.json"
    path.write_bytes(raw)

    assert submit(serving.founded, path)[0] == 1


def test_a_keyholder_without_config_or_pin_is_wrong_usage() -> None:
    assert CliRunner().invoke(build("keyholder"), ["keyholder"]).exit_code == 2


# ---- cosigned ----


def test_a_cosigned_checkpoint_is_handed_in_by_its_file(
    serving: KeyholderProcess, tmp_path: Path
) -> None:
    founded, pen = serving.founded, Pen()
    path = tmp_path / "checkpoint"

    def hand_in() -> tuple[int, str]:
        newest = serving.ask(AskCheckpoint()).encode()
        path.write_bytes(pen.cosigned(newest, int(time.time())))
        arguments = ["keyholder", "cosigned", str(path), "--config", str(founded.config)]
        done = CliRunner().invoke(build("keyholder"), arguments)
        return done.exit_code, done.output

    assert hand_in()[0] == 1  # this roster has no witness
    authority = founded.authority()
    listed = [{"algorithm": "ed25519", "spki": b64(spki(pen.key))}]
    body = authority.roster_body(witnesses={"keys": listed, "k": 1, "t_seconds": 60})
    roster = authority.approved(
        Kind.ROSTER, "roster", body, version=2, replaces=founded.fingerprint
    )
    serving.submit(roster)
    assert hand_in() == (0, "cosignatures of 1 witnesses are kept now\n")


# ---- collateral ----


def test_collateral_is_handed_in_by_its_file_or_from_a_cache(
    serving: KeyholderProcess, tmp_path: Path
) -> None:
    """This authority trusts no simulated Intel: the keyholder's refusal is what comes back."""
    issued = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    document = IntelDesk().root_crl(issued)
    file, cache = tmp_path / "documents.json", tmp_path / "cache"
    file.write_bytes(write_collateral_file([document]))
    Cache(cache).put(Kept(document, age_of(document), issued, "a test"))
    config = ["--config", str(serving.founded.config), "--json"]

    for source in ([str(file)], ["--cache", str(cache)]):
        arguments = ["keyholder", "collateral", *source, *config]
        done = CliRunner().invoke(build("keyholder"), arguments)
        answer = json.loads(done.output)
        assert done.exit_code == 1
        assert answer["kept"] == []
        (refused,) = answer["refused"]
        assert (refused["kind"], refused["reason"]) == ("intel-root-crl", "untrusted-root")
    for source in ([], [str(file), "--cache", str(cache)]):
        arguments = ["keyholder", "collateral", *source, *config]
        assert CliRunner().invoke(build("keyholder"), arguments).exit_code == 2
    file.write_bytes(b"{}")
    arguments = ["keyholder", "collateral", str(file), *config]
    assert CliRunner().invoke(build("keyholder"), arguments).exit_code == 1
