"""An authority founded as `keyturn init` does it, and its keyholder as a process of its own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyturn.base.encoding import Digest, b64
from keyturn.base.signatures import Algorithm
from keyturn.hsm.pins import pin_file
from keyturn.hsm.protocol import OaepHash as HsmOaepHash
from keyturn.hsm.selftest import oaep_padding
from keyturn.keyholder.initialise import DEFAULT_ROLES, Founder, Plan, initialise
from keyturn.officerkeys.keypair import OfficerSecret, generate
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.bundle import Authority as Bundle
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.kinds import Kind
from keyturn.seal.sealedkey import OaepHash, SealedKey, WrappedDek
from keyturn.wire.errors import PeerUnreachable
from keyturn.wire.keyholder import AskHello, Submit, Submitted
from keyturn.wire.keyholder_client import ask_once
from keyturn.wire.requests import Request
from support.authority import Authority, Clock, Person, Proposal
from support.hsmtoken import Model, softhsm_module

ROOT = Path(__file__).resolve().parents[2]
OFFICERS = ("ada", "bela", "chen", "dora", "emil")
ORIGIN = "test.example/log"
START_SECONDS = 60

A = TypeVar("A")


class RealClock(Clock):
    """The clock that a process has."""

    def __call__(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Founded:
    """A directory that genesis left, the PIN that it handed over, and the officers' keys."""

    directory: Path
    pin: bytes
    so_pin: bytes
    fingerprint: Digest
    secrets: dict[str, OfficerSecret]

    @property
    def config(self) -> Path:
        return self.directory / "keyholder.toml"

    @property
    def socket(self) -> Path:
        return self.directory / "keyholder.sock"

    @property
    def bundle(self) -> Bundle:
        raw = (self.directory / "authority.bundle").read_bytes()
        return load_bundle(raw, self.fingerprint, RealClock()())

    def copied_to(self, directory: Path) -> "Founded":
        """The same authority and token elsewhere."""
        shutil.copytree(self.directory, directory)
        softhsm = directory / "token" / "softhsm2.conf"
        text = softhsm.read_text()
        assert str(self.directory) in text
        softhsm.write_text(text.replace(str(self.directory), str(directory)))
        return Founded(directory, self.pin, self.so_pin, self.fingerprint, self.secrets)

    def authority(self) -> Authority:
        """The officers, able to propose and approve by the real clock."""
        authority = Authority(RealClock())
        authority.fingerprint = self.fingerprint
        authority.people = {
            name: Person(
                name, [ed25519.Ed25519PrivateKey.from_private_bytes(secret.private_copy()[:32])]
            )
            for name, secret in self.secrets.items()
        }
        return authority

    def key_file(self, model: Model) -> bytes:
        """What a sealer makes of a model's DEK, from the bundle alone."""
        bundle = self.bundle
        ingest = bundle.ingest_key()
        key = load_der_public_key(ingest.spki)
        padding = oaep_padding(HsmOaepHash(bundle.ingest_oaep_hash().value))
        assert isinstance(key, rsa.RSAPublicKey)
        wrapped = key.encrypt(model.dek, padding)
        dek = WrappedDek(ingest.key_id, OaepHash(bundle.ingest_oaep_hash().value), wrapped)
        return SealedKey(dek, model.tag).to_bytes()


def officer_secrets(names: Sequence[str] = OFFICERS) -> dict[str, OfficerSecret]:
    return {name: generate(name, f"Officer {name.title()}", Algorithm.ED25519) for name in names}


def founders(secrets: dict[str, OfficerSecret]) -> list[Founder]:
    return [
        Founder(OfficerSigner(each), each.public.roster_entry(DEFAULT_ROLES))
        for each in secrets.values()
    ]


def plan(directory: Path, **changed: object) -> Plan:
    settings: dict[str, object] = {
        "directory": directory,
        "origin": ORIGIN,
        "simulation": True,
        "module": softhsm_module(),
        "life": timedelta(days=90),
    }
    return Plan(**{**settings, **changed})  # type: ignore[arg-type]


def make_founded(directory: Path) -> Founded:
    secrets = officer_secrets()
    made = initialise(plan(directory), founders(secrets), RealClock())
    pins = bytes(made.pin), bytes(made.so_pin)
    return Founded(directory, *pins, made.fingerprint, secrets)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "backend")}


def command(*arguments: str) -> list[str]:
    """`keyturn …` with this test run's interpreter and sources."""
    return [sys.executable, "-c", "from keyturn.cli.main import main; main()", *arguments]


class KeyholderProcess:
    """`keyturn keyholder` over its unix socket."""

    def __init__(self, founded: Founded, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.founded = founded
        self.process = process
        self.log = log

    def ask(self, request: Request[A], seconds: float = 15.0) -> A:
        return ask_once(self.founded.socket, request, seconds=seconds)

    def submit(self, proposal: Proposal, key: bytes | None = None) -> Submitted:
        return self.ask(Submit(proposal.raw, tuple(proposal.approvals), key))

    def enact(
        self,
        authority: Authority,
        kind: Kind,
        subject: str,
        body: dict[str, object],
        key: bytes | None = None,
    ) -> Submitted:
        proposal = authority.approved(kind, subject, body)
        entered = self.submit(proposal, key)
        authority.entered(kind, subject, proposal)
        return entered

    def wait_until_it_serves(self) -> None:
        wait_for(self._serves)

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            self.ask(AskHello(), seconds=2)
        except PeerUnreachable:
            return False
        return True

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def children(self) -> list[int]:
        return children_of(self.process.pid)


@contextmanager
def keyholder(founded: Founded, *, sealed: bool = False) -> Iterator[KeyholderProcess]:
    """Started, serving; killed at the end if it is still there. `sealed`: without the PIN."""
    with _started(founded, sealed=sealed) as running:
        running.wait_until_it_serves()
        yield running


def ended_keyholder(founded: Founded) -> tuple[int, str]:
    """One that cannot start: its exit status and what it said."""
    with _started(founded) as running:
        status = running.process.wait(START_SECONDS)
    return status, running.log.read_text()


@contextmanager
def _started(founded: Founded, *, sealed: bool = False) -> Iterator[KeyholderProcess]:
    log = founded.directory / "keyholder.log"
    with ExitStack() as stack:
        pin_fd = pin_file(bytearray(founded.pin))
        stack.callback(os.close, pin_fd)
        output = stack.enter_context(log.open("wb"))
        pin = () if sealed else ("--pin-fd", str(pin_fd))
        process = subprocess.Popen(
            command("keyholder", "--config", str(founded.config), *pin),
            pass_fds=() if sealed else (pin_fd,),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment(),
        )
        running = KeyholderProcess(founded, process, log)
        stack.callback(running.kill)
        yield running


def wait_for(done: object, seconds: float = START_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        Event().wait(0.02)


def children_of(pid: int) -> list[int]:
    """Processes that any thread of this one started (proc_pid_task_tid_children(5))."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread is over
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return sorted(found)


def export_of(proposal: Proposal, bundle: bytes) -> bytes:
    """The file that `keyturn proposal export` writes."""
    return json.dumps(
        {
            "type": "proposal-export",
            "format": 1,
            "statement": b64(proposal.raw),
            "approvals": [b64(each) for each in proposal.approvals],
            "bundle": b64(bundle),
        }
    ).encode()
