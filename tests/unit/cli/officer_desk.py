"""Officers at their desks: profiles and key files in a test's directory, one scripted server."""

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import typer
from click.testing import Result
from typer.testing import CliRunner

from keyturn.cli import baseline, ceremony, log, model, node, officer, policy, profile, proposal
from keyturn.client.transport import Transport
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from support.authority import Clock
from unit.client.scripted_server import PIN, URL, ScriptedServer

PASSPHRASE = b"correct horse battery staple"


@cache
def _application() -> typer.Typer:
    app = typer.Typer()
    for part in (baseline, ceremony, log, model, node, officer, policy, profile, proposal):
        part.register(app)
    return app


@dataclass
class Desks:
    """Runs `keyturn` as one officer or another."""

    directory: Path
    server: ScriptedServer
    argv: list[list[str]] = field(default_factory=list)
    output: list[str] = field(default_factory=list)

    def run(
        self, *arguments: object, passphrase: bytes | None = None, typed: str | None = None
    ) -> Result:
        """One command; a passphrase travels on a pipe, what is `typed` comes from a terminal."""
        words = [str(each) for each in arguments]
        if passphrase is not None:
            reader, writer = os.pipe()
            os.write(writer, passphrase)
            os.close(writer)
            words += ["--passphrase-fd", str(reader)]
        self.argv.append(words)
        result = CliRunner().invoke(_application(), words, env={"COLUMNS": "200"}, input=typed)
        self.output += [result.stdout, result.stderr]
        return result

    def sit(self, name: str) -> Path:
        """An officer's profile directory with a key file, made when first needed."""
        place = self.directory / name
        if not place.exists():
            place.mkdir()
            key = place / f"{name}.key"
            cheap = KdfCost(iterations=1, lanes=1, memory_kib=8)
            secret = self.server.secrets[name]
            write_key_file(key, secret, bytearray(PASSPHRASE), cost=cheap)
            done = self.run(
                *("connect", "--server", URL, "--pin", PIN, "--officer", name),
                *("--fingerprint", self.server.fingerprint, "--key-file", key),
                *("--profile", place),
            )
            assert done.exit_code == 0, done.output
        return place

    def as_(self, name: str, *arguments: object) -> Result:
        """A command of an officer, with the passphrase at hand."""
        return self.run(*arguments, "--profile", self.sit(name), passphrase=PASSPHRASE)

    def json(self, name: str, *arguments: object) -> dict[str, Any]:
        """Its one JSON document; the command must succeed."""
        result = self.as_(name, *arguments, "--json")
        assert result.exit_code == 0, result.output
        document = json.loads(result.stdout)
        assert isinstance(document, dict)
        return document


def make_desks(directory: Path, monkeypatch: Any, *, age: timedelta = timedelta()) -> Desks:
    """`age`: how long ago the authority was founded."""
    server = ScriptedServer(Clock(datetime.now(UTC).replace(microsecond=0) - age))
    monkeypatch.setattr(Transport, "pinned", lambda *_: server.transport())
    return Desks(directory, server)
