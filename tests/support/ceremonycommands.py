"""A ceremony driven by `keyturn ceremony` alone: each officer with their own key file, at one desk.

Secrets travel on pipes: passphrases in, shares out and in. What each command printed is kept, to be
searched.
"""

import json
import os
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner, Result

from keyturn.cli import ceremony
from keyturn.client.ceremonydoor import LocalDoor
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.wire.ceremonies import AskCeremony
from support.ceremonies import Cast
from support.playedhost import secret_of

PASSPHRASE = b"correct horse battery staple"
STEP_SECONDS = 120
USES = ("user", "so", "backup")
CHEAP = KdfCost(iterations=1, lanes=1, memory_kib=8)
GENESIS = (
    *("--witness", "viktor", "--scribe", "sofia"),
    *("--user", "3:ada,bela,chen,dora,emil", "--so", "2:farid,greta,hugo"),
    *("--backup", "2:ada,chen,greta", "--kek", "recoverable"),
    *("--origin", "keyturn.example/log", "--simulation"),
)
"""Arguments of `open genesis`, but for the founders."""


_UNPINNED = ("list",)


@cache
def _application() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    ceremony.register(app)
    return app


@dataclass
class Commands:
    """Runs `keyturn ceremony` as one officer or another, at the host's socket."""

    directory: Path
    socket: Path
    cast: Cast = field(default_factory=Cast)
    pinned: tuple[str, ...] = ()
    """`--authority` and `--fingerprint`, once there is one."""
    output: list[str] = field(default_factory=list)
    argv: list[list[str]] = field(default_factory=list)
    shares: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """(officer, use) → the words on that custodian's sheet."""

    def founders(self) -> list[str]:
        """`--founder FILE` of everybody, made when first asked for."""
        arguments = []
        for entry in self.cast.body()["officers"]:  # type: ignore[union-attr]
            assert isinstance(entry, dict)
            path = self.directory / f"{entry['id']}.json"
            path.write_text(json.dumps(entry), encoding="utf-8")
            arguments += ["--founder", str(path)]
        return arguments

    def key_file(self, officer: str) -> Path:
        path = self.directory / f"{officer}.key"
        if not path.exists():
            secret = secret_of(self.cast, officer)
            write_key_file(path, secret, bytearray(PASSPHRASE), cost=CHEAP)
        return path

    def run(self, officer: str | None, *arguments: object, lines: tuple[bytes, ...] = ()) -> Result:
        """One command. `lines`: what `--share-fd` reads, one descriptor each."""
        words = ["ceremony", *map(str, arguments), "--socket", str(self.socket)]
        pinned = self.pinned[2:] if arguments[0] in ("unseal", "seal") else self.pinned
        words += [] if arguments[0] in _UNPINNED else pinned
        with ExitStack() as stack:
            if officer is not None:
                words += ["--key-file", str(self.key_file(officer))]
                words += ["--passphrase-fd", str(_pipe(PASSPHRASE, stack))]
            for line in lines:
                words += ["--share-fd", str(_pipe(line + b"\n", stack))]
            result = CliRunner().invoke(_application(), words, env={"COLUMNS": "200"})
        self.argv.append(words)
        self.output += [result.stdout, result.stderr]
        return result

    def json(
        self, officer: str | None, *arguments: object, lines: tuple[bytes, ...] = ()
    ) -> dict[str, Any]:
        """Its one JSON document; the command must succeed."""
        result = self.run(officer, *arguments, "--json", lines=lines)
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert isinstance(found, dict)
        return found

    def refused(
        self, officer: str | None, *arguments: object, lines: tuple[bytes, ...] = ()
    ) -> dict[str, str]:
        """Its error; the command must fail with status 1."""
        result = self.run(officer, *arguments, "--json", lines=lines)
        assert result.exit_code == 1, result.output
        error = json.loads(result.stdout)["error"]
        assert isinstance(error, dict)
        return error

    # ---- a whole ceremony ----

    def open_genesis(self, name: str, *more: str) -> str:
        opened = self.json(
            "hana",
            *("open", "genesis", "--ceremony", name, "--yes"),
            *GENESIS,
            *self.founders(),
            *more,
        )
        assert opened["ceremony"] == name
        return name

    def show(self, name: str) -> dict[str, Any]:
        return self.json(None, "show", name)

    def take_share(self, name: str, officer: str) -> None:
        """Open one's shares, and write the words down."""
        reader, writer = os.pipe()
        try:
            found = self.json(officer, "share", "show", name, "--fd", writer)
            os.close(writer)
            lines = os.read(reader, 1 << 16).splitlines()
        finally:
            os.close(reader)
        for described, line in zip(found["shares"], lines, strict=True):
            self.shares[officer, described["use"]] = line

    def enter_share(self, name: str, officer: str, asked: tuple[str, ...] = USES) -> dict[str, Any]:
        """What is on one's sheets of the uses that are asked for."""
        order = [use for use in USES if use in asked and (officer, use) in self.shares]
        lines = tuple(self.shares[officer, use] for use in order)
        return self.json(officer, "share", "enter", name, lines=lines)

    def sign(self, name: str, officer: str, shown: dict[str, Any]) -> dict[str, Any]:
        """As whatever is left, with all that the step asks for."""
        parts = [each["part"] for each in shown["waiting"]["left"] if each["officer"] == officer]
        values = {"confirm": "yes", "phrase": shown["phrase"], "bag": "KT-1", "text": "as read"}
        entered: list[str] = []
        for each in shown["waiting"]["entered"]:
            if each["part"] in parts[:1]:
                entered += ["--enter", f"{each['name']}={values[each['kind']]}"]
        return self.json(officer, "sign", name, "--yes", *entered)

    def do_step(self, name: str) -> str:
        """Everybody signs the step that waits, the witness last; gives its id."""
        shown = self.show(name)
        waiting = shown["waiting"]
        signed = set()
        for need in sorted(waiting["needs"], key=lambda each: each["part"] == "witness"):
            many = len(need["officers"]) if need["many"] == "each" else need["least"]
            for officer in need["officers"][:many]:
                if (officer, need["part"]) not in signed:
                    self._sign_one(name, officer, need, shown)
                signed.add((officer, need["part"]))
        self._until_recorded(name, waiting["seq"])
        failures = self.show(name)["failures"]
        assert failures == shown["failures"], failures
        return str(waiting["step"])

    def _until_recorded(self, name: str, seq: int) -> None:
        """The host does the step while it answers questions."""
        door, deadline = LocalDoor(self.socket), time.monotonic() + STEP_SECONDS
        while door.ask(AskCeremony(name)).seq < seq:
            assert time.monotonic() < deadline, f"record {seq} did not come"
            threading.Event().wait(0.05)

    def _sign_one(
        self, name: str, officer: str, need: dict[str, Any], shown: dict[str, Any]
    ) -> None:
        waiting = shown["waiting"]
        if waiting["step"] == "hand-out":
            self.take_share(name, officer)
        if waiting["attaches"] == "share" and need["part"] == "custodian":
            self.enter_share(name, officer, tuple(need["shares"]))
        else:
            self.sign(name, officer, shown)


def _pipe(data: bytes, stack: ExitStack) -> int:
    """A descriptor to read `data` from; it is closed with the stack."""
    reader, writer = os.pipe()
    stack.callback(os.close, reader)
    os.write(writer, data)
    os.close(writer)
    return reader
