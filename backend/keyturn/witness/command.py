"""The commands `keyturn witness`, `keyturn witness init` and `keyturn witness hand-in`."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump, parse_object
from keyturn.cli.output import errors_explained, print_json, stdout
from keyturn.client.transport import Transport
from keyturn.officerkeys.passphrase import read_passphrase
from keyturn.tlog.checkpoints import Witness
from keyturn.wire.tls import parse_pin
from keyturn.wire.witness import REVOCATIONS
from keyturn.witness.config import load_config
from keyturn.witness.keyfile import new_key_file, witness_of
from keyturn.witness.program import run_witness

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="witness.toml", exists=True, dir_okay=False)
]
PassphraseFd = Annotated[
    int | None, typer.Option(help="Descriptor of the key file's passphrase; none: not encrypted.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the witness's commands."""
    witness = typer.Typer(help="An independent party that cosigns a log's checkpoints.")
    witness.callback(invoke_without_command=True)(run)
    witness.command("init")(init)
    witness.command("hand-in")(hand_in)
    app.add_typer(witness, name="witness")


def run(
    context: typer.Context,
    config: ConfigFile = None,
    passphrase_fd: PassphraseFd = None,
    ready_fd: Annotated[
        int | None, typer.Option(help="Descriptor for the ready line; default: stdout.")
    ] = None,
) -> None:
    """Cosign until SIGTERM."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise typer.BadParameter("--config is needed to run a witness")
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    with errors_explained():
        run_witness(load_config(config, os.environ), _passphrase(passphrase_fd), ready_fd)


def init(
    key: Annotated[Path, typer.Argument(help="The new key file, never written over another.")],
    name: Annotated[str, typer.Option(help="As it signs, for instance example.com/w1.")],
    passphrase_fd: PassphraseFd = None,
    as_json: Json = False,
) -> None:
    """Make the witness's key. Shows its verifier key, and its entry for a roster."""
    with errors_explained(as_json=as_json):
        made = new_key_file(key, _passphrase(passphrase_fd))
        witness, _ = witness_of(name, made)
    entry = {"algorithm": witness.key.algorithm.value, "spki": b64(witness.key.spki)}
    if as_json:
        print_json({"vkey": _vkey(witness), "roster_entry": entry})
        return
    stdout.print(f"verifier key  {_vkey(witness)}", markup=False, soft_wrap=True)
    stdout.print(f"roster entry  {dump(entry).decode()}", markup=False, soft_wrap=True)


def hand_in(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A proposal's file.")],
    url: Annotated[str, typer.Option(help="The witness's address, https://…")],
    pin: Annotated[str, typer.Option(help="Its TLS key, as its ready line names it.")],
    origin: Annotated[str, typer.Option(help="The log's name.")],
    as_json: Json = False,
) -> None:
    """Hand a revocation with its quorum straight to a witness: it cosigns nothing more until
    the log is proved to hold it."""
    with errors_explained(as_json=as_json):
        document = _revocation(file.read_bytes(), origin)
        with Transport.pinned(url, parse_pin(pin)) as witness:
            witness.post(REVOCATIONS, "the witness's answer", document)
    if as_json:
        print_json({"handed_in": True})
    else:
        stdout.print("handed in: the witness waits for its proof of inclusion")


def _revocation(raw: bytes, origin: str) -> dict[str, object]:
    """From the file that `keyturn proposal export` writes. The witness judges what is in it."""
    fields = parse_object(raw, limit=64 << 20, what="proposal file")
    fields.literal("type", "proposal-export")
    fields.literal("format", 1)
    statement = fields.b64("statement", limit=2 << 20)
    approvals = fields.texts("approvals")
    fields.raw("bundle")
    fields.done()
    return {"origin": origin, "statement": b64(statement), "approvals": list(approvals)}


def _vkey(witness: Witness) -> str:
    return witness.note_key.to_text()


def _passphrase(descriptor: int | None) -> bytes | None:
    if descriptor is None:
        return None
    return bytes(read_passphrase("Passphrase of the witness's key", fd=descriptor))
