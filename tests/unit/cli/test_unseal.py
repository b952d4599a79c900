"""`keyturn ceremony unseal` and `seal` at the keyholder's own machine, by command line alone."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keyturn.cli.ceremony import app
from keyturn.keyholder.config import load_config
from keyturn.keyholder.opening import clock
from keyturn.keyholder.sealable import Sealable
from keyturn.keyholder.sealedstate import Place
from keyturn.keyholder.server import KeyholderServer, local_socket
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from support.custodians import Custodians, share_out
from support.founded import make_founded

QUICK = KdfCost(iterations=1, lanes=1, memory_kib=8)
PASSPHRASE = b"correct horse battery staple"


class Machine:
    """A keyholder that serves, and officers who sit down before it."""

    def __init__(self, custodians: Custodians, keyholder: Sealable, keys: Path) -> None:
        self.custodians, self.keyholder, self.keys = custodians, keyholder, keys

    def run(
        self, name: str, *words: str, share: bytes | None = None
    ) -> tuple[int, dict[str, object]]:
        founded = self.custodians.founded
        fds = [_pipe(PASSPHRASE)]
        arguments = [*words, "--socket", str(local_socket(founded.socket)), "--json"]
        arguments += ["--fingerprint", founded.fingerprint]
        arguments += ["--key-file", str(self.keys / name), "--passphrase-fd", str(fds[0])]
        if share is not None:
            fds.append(_pipe(share))
            arguments += ["--share-fd", str(fds[1])]
        try:
            result = CliRunner().invoke(app, arguments)
        finally:
            for each in fds:
                os.close(each)
        return result.exit_code, json.loads(result.stdout)


def _pipe(line: bytes) -> int:
    ours, theirs = os.pipe()
    os.write(theirs, line + b"\n")
    os.close(theirs)
    return ours


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    custodians = share_out(make_founded(tmp_path / "kh"))
    founded = custodians.founded
    for name, secret in founded.secrets.items():
        write_key_file(tmp_path / name, secret, bytearray(PASSPHRASE), cost=QUICK)
    keyholder = Sealable(Place(load_config(founded.config, {}), founded.directory), clock)
    keyholder.begin_sealed()
    server = KeyholderServer(founded.socket, keyholder.answer, lambda _: None)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield Machine(custodians, keyholder, tmp_path)
    server.stop()
    thread.join(10)
    keyholder.close()


def test_three_custodians_and_one_who_closes_it(machine: Machine) -> None:
    words = machine.custodians.words
    status, told = machine.run("ada", "unseal", "status")
    assert status == 0
    assert (told["sealed"], told["missing"], told["holds"]) == (True, 3, True)
    assert told["caveats"] == ["keyholder-host-trusted"]
    for name, missing in (("ada", 2), ("bela", 1)):
        status, told = machine.run(name, "unseal", "share", share=words[name])
        assert (status, told["missing"], told["sealed"]) == (0, missing, True)
    status, told = machine.run("chen", "unseal", "share", share=words["ada"])
    assert status == 1
    assert "another custodian" in str(told["error"]["message"])  # type: ignore[index]
    status, told = machine.run("chen", "unseal", "share", share=words["chen"])
    assert (status, told["sealed"]) == (0, False)
    assert machine.run("ada", "unseal", "status")[1]["sealed"] is False

    status, told = machine.run("emil", "seal", "a drill", "--yes")
    assert (status, told["sealed"]) == (0, True)
    assert machine.keyholder.is_sealed
    status, told = machine.run("emil", "seal", "a drill", "--yes", "--part", "administrator")
    assert status == 1


def test_another_authority_is_found_out(machine: Machine) -> None:
    founded = machine.custodians.founded
    founded.fingerprint = type(founded.fingerprint)("sha256:" + "00" * 32)
    status, told = machine.run("ada", "unseal", "status")
    assert status == 1
    assert "another authority" in json.dumps(told)


def test_a_signature_needs_a_yes(machine: Machine) -> None:
    words = machine.custodians.words
    for name in ("ada", "bela", "chen"):
        machine.run(name, "unseal", "share", share=words[name])
    founded = machine.custodians.founded
    arguments = ["seal", "why", "--socket", str(local_socket(founded.socket))]
    arguments += ["--fingerprint", founded.fingerprint, "--key-file", str(machine.keys / "ada")]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert not machine.keyholder.is_sealed
