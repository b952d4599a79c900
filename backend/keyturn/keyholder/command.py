"""`keyturn init`, `keyturn keyholder`, its `submit`, `record`, `cosigned`, `collateral`."""

import fcntl
import logging
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.collateral import APPRAISED, CollateralDocument
from keyturn.base.encoding import unb64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import parse_object
from keyturn.cli.output import error_document, errors_explained, print_json, stdout
from keyturn.client.witnesskeys import WitnessChange, changed_witnesses, read_witness_key
from keyturn.collateral.cache import Cache
from keyturn.hsm.hardening import harden
from keyturn.hsm.pkcs11 import wipe
from keyturn.keyholder.config import load_config
from keyturn.keyholder.initialise import (
    DEFAULT_ROLES,
    NO_WITNESS,
    Founder,
    Initialised,
    InitialiseRefused,
    Plan,
    initialise,
)
from keyturn.keyholder.opening import clock
from keyturn.keyholder.program import run_keyholder
from keyturn.keyholder.server import local_socket
from keyturn.officerkeys.location import InFile, open_keys
from keyturn.officerkeys.passphrase import read_passphrase
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import Approval, parse_approval
from keyturn.quorum.roster import Witnesses
from keyturn.tlog.notes import parse_note
from keyturn.wire.collateral import batches, read_collateral_file
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import HandCollateral, HandCosigned, Record, Submit
from keyturn.wire.keyholder_client import ask_once

MAX_FILE = 64 << 20
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="keyholder.toml", exists=True, dir_okay=False)
]


def register(app: typer.Typer) -> None:
    """Add the keyholder's commands."""
    app.command("init")(init)
    keyholder = typer.Typer(help="Verifier, relying party and log: the process that grants keys.")
    keyholder.callback(invoke_without_command=True)(run)
    keyholder.command("submit")(submit)
    keyholder.command("record")(record)
    keyholder.command("cosigned")(cosigned)
    keyholder.command("collateral")(collateral)
    app.add_typer(keyholder, name="keyholder")


def run(
    context: typer.Context,
    config: ConfigFile = None,
    pin_fd: Annotated[
        int | None, typer.Option(help="Descriptor that the HSM workers read the user PIN from.")
    ] = None,
    accept_clock: Annotated[
        bool, typer.Option("--accept-clock", help="The time is right: start after a long rest.")
    ] = False,
) -> None:
    """Serve on the unix socket until SIGTERM. Exit status 1: it could not go on; start it again.

    Without --pin-fd it is sealed until custodians have entered their shares.
    """
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise typer.BadParameter("--config is needed to run a keyholder")
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    with errors_explained():
        settings = load_config(config, os.environ)
        run_keyholder(settings, config.absolute().parent, pin_fd, accept_clock=accept_clock)


def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A proposal's file.")],
    config: Annotated[Path, typer.Option("--config", exists=True, dir_okay=False)],
    key: Annotated[
        Path | None, typer.Option(help="keyturn.key, for the admission of a model.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hand a proposal with its approvals straight to the keyholder, past the control plane."""
    with errors_explained(as_json=as_json):
        question = _read_submission(file.read_bytes(), key.read_bytes() if key else None)
        answer = ask_once(local_socket(load_config(config, os.environ).socket), question)
    if as_json:
        print_json({"in_force": answer.in_force, "index": answer.index, "receipt": answer.receipt})
    else:
        since = "in force at" if answer.in_force else "no longer in force; entered at"
        stdout.print(f"{since} log index {answer.index}")


def record(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A proposal's file, decided on.")
    ],
    config: Annotated[Path, typer.Option("--config", exists=True, dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Have the approvals and rejections in a proposal's file logged, past the control plane.

    One that is refused keeps no other out; the exit status is then 1.
    """
    with errors_explained(as_json=as_json):
        handed = _read_submission(file.read_bytes(), None)
        socket = local_socket(load_config(config, os.environ).socket)
        found = [_recorded(socket, handed.statement, each) for each in handed.approvals]
    if as_json:
        print_json({"decisions": [each.row() for each in found]})
    else:
        for each in found:
            stdout.print(each.line(), markup=False)
    if any(each.refused for each in found):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A decision in a file: its index in the log, or why it is not there."""

    said: Approval | None
    index: int | None = None
    refused: KeyturnError | None = None

    def row(self) -> dict[str, object]:
        return {
            "officer": self.said and self.said.officer,
            "decision": self.said and self.said.decision.value,
            "index": self.index,
            "refused": self.refused and error_document(self.refused),
        }

    def line(self) -> str:
        what = f"{self.said.officer}: {self.said.decision.value}" if self.said else "unreadable"
        end = f"logged at {self.index}" if self.refused is None else f"not logged: {self.refused}"
        return f"{what}, {end}"


def _recorded(socket: Path, statement: bytes, raw: bytes) -> _Recorded:
    """Raises PeerUnreachable: then it is nobody's fault in the file."""
    try:
        said = parse_approval(raw)
    except MalformedError as error:
        return _Recorded(None, refused=error)
    try:
        return _Recorded(said, ask_once(socket, Record(statement, raw)).index)
    except PeerRefused as error:
        return _Recorded(said, refused=error)


def cosigned(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="A checkpoint, cosigned."),
    ],
    config: Annotated[Path, typer.Option("--config", exists=True, dir_okay=False)],
    as_json: Json = False,
) -> None:
    """Hand a cosigned checkpoint straight to the keyholder, past the control plane."""
    with errors_explained(as_json=as_json):
        note = parse_note(file.read_bytes()).to_bytes().decode()
        socket = local_socket(load_config(config, os.environ).socket)
        count = ask_once(socket, HandCosigned(note))
    if as_json:
        print_json({"witnesses": count})
    else:
        stdout.print(f"cosignatures of {count} witnesses are kept now")


def collateral(
    config: Annotated[Path, typer.Option("--config", exists=True, dir_okay=False)],
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="Documents, as JSON.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="The cache of `keyturn collateral`."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Hand vendors' documents straight to the keyholder, past the control plane.

    Each is judged for itself; where one is refused the exit status is 1.
    """
    with errors_explained(as_json=as_json):
        documents = _documents(file, cache)
        socket = local_socket(load_config(config, os.environ).socket)
        answers = [ask_once(socket, HandCollateral(batch)) for batch in batches(documents)]
    kept = [digest for each in answers for digest in each.kept]
    refused = [each for answer in answers for each in answer.refused]
    if as_json:
        print_json({"kept": kept, "refused": [asdict(each) for each in refused]})
    else:
        stdout.print(f"{len(kept)} documents are kept")
        for each in refused:
            line = f"{each.kind} {each.scope}: {each.reason}, found {each.found}"
            stdout.print(f"refused: {line}; expected {each.expected}", markup=False)
    if refused:
        raise typer.Exit(1)


def _documents(file: Path | None, cache: Path | None) -> tuple[CollateralDocument, ...]:
    if (file is None) == (cache is None):
        raise typer.BadParameter("either a file or --cache")
    if file is not None:
        return read_collateral_file(file.read_bytes())
    assert cache is not None
    kept = (each.document for each in Cache(cache).contents().kept)
    return tuple(each for each in kept if each.kind in APPRAISED)


def init(
    directory: Annotated[Path, typer.Argument(help="A new directory for token, log and socket.")],
    officer: Annotated[
        list[Path], typer.Option(help="An officer's key file; repeat. The first one proposes.")
    ],
    origin: Annotated[str, typer.Option(help="The log's name, for instance example.com/keyturn.")],
    simulation: Annotated[
        bool, typer.Option(help="An authority for simulated hardware, for ever.")
    ] = False,
    passphrase_fd: Annotated[
        list[int] | None, typer.Option(help="Descriptors of the passphrases, in officers' order.")
    ] = None,
    pin_out_fd: Annotated[int | None, typer.Option(help="Where the user PIN is written.")] = None,
    so_pin_out_fd: Annotated[int | None, typer.Option(help="Where the SO PIN is written.")] = None,
    module: Annotated[Path | None, typer.Option(help="PKCS#11 module; default SoftHSM 2.")] = None,
    life_days: Annotated[int, typer.Option(min=1, max=400)] = 90,
    witness: Annotated[
        list[str] | None, typer.Option(help="A witness of the log: a file or a key; may repeat.")
    ] = None,
    witnesses_needed: Annotated[
        int | None, typer.Option(min=0, help="How many a release needs; all that are named.")
    ] = None,
    fresh: Annotated[
        int | None, typer.Option(min=1, max=86_400, help="Seconds that a cosignature counts.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Genesis at one desk: token, roster version 1, keys, log. Shows the authority fingerprint.

    Without --witness nothing but the log's own key vouches for it: caveat no-witness.
    """
    descriptors = passphrase_fd or []
    if descriptors and len(descriptors) != len(officer):
        raise typer.BadParameter("one --passphrase-fd for each --officer")
    with errors_explained(as_json=as_json):
        _check_pin_outlets(pin_out_fd, so_pin_out_fd)
        harden()
        keys = tuple(read_witness_key(each) for each in witness or ())
        needed = len(set(keys)) if witnesses_needed is None else witnesses_needed
        witnesses = changed_witnesses(NO_WITNESS, WitnessChange(keys, (), needed, fresh))
        life = timedelta(days=life_days)
        plan = Plan(directory, origin, simulation, module, life, witnesses)
        with ExitStack() as stack:
            founders = [
                _founder(path, descriptors[place] if descriptors else None, stack)
                for place, path in enumerate(officer)
            ]
            made = initialise(plan, founders, clock)
        try:
            _hand_over("user PIN", made.pin, pin_out_fd)
            _hand_over("SO PIN", made.so_pin, so_pin_out_fd)
        finally:
            wipe(made.pin)
            wipe(made.so_pin)
    _show(made, witnesses, as_json=as_json)


def _read_submission(raw: bytes, key: bytes | None) -> Submit:
    """The file that `keyturn proposal export` writes; the keyholder judges what is in it."""
    fields = parse_object(raw, limit=MAX_FILE, what="proposal file")
    fields.literal("type", "proposal-export")
    fields.literal("format", 1)
    statement = fields.b64("statement", limit=2 << 20)
    approvals = tuple(
        unb64(text, what="proposal file: approval") for text in fields.texts("approvals")
    )
    fields.text("bundle", limit=MAX_FILE)
    fields.done()
    return Submit(statement, approvals, key)


def _founder(path: Path, descriptor: int | None, stack: ExitStack) -> Founder:
    secret = stack.enter_context(
        open_keys(
            InFile(path),
            lambda public: read_passphrase(f"Passphrase of {public.officer}", fd=descriptor),
        )
    )
    return Founder(OfficerSigner(secret), secret.public.roster_entry(DEFAULT_ROLES))


def _check_pin_outlets(*descriptors: int | None) -> None:
    """Before anything is made: a PIN that nobody receives would make a token nobody can open."""
    for each in descriptors:
        if each is None and not sys.stderr.isatty():
            raise InitialiseRefused(
                "nowhere to put the PINs",
                hint="give --pin-out-fd and --so-pin-out-fd, or run it on a terminal",
            )
        if each is not None and not _is_writable(each):
            raise InitialiseRefused("nothing can be written to this descriptor", found=str(each))


def _is_writable(descriptor: int) -> bool:
    try:
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    except (OSError, ValueError, OverflowError):
        return False
    return flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)


def _hand_over(name: str, pin: bytearray, descriptor: int | None) -> None:
    """Raises InitialiseRefused when it does not get there: then nobody can open the token."""
    try:
        if descriptor is not None:
            _write_all(descriptor, pin)
            return
        sys.stderr.write(f"{name} (shown once, on this terminal only): ")
        sys.stderr.flush()
        _write_all(sys.stderr.fileno(), pin)
        _write_all(sys.stderr.fileno(), b"\n")
    except OSError as error:
        raise InitialiseRefused(
            f"the {name} could not be handed over: {error.strerror}",
            hint="nobody can open this token: delete the directory, and begin again",
        ) from error


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    with memoryview(data) as view:
        done = 0
        while done < len(view):
            with view[done:] as rest:
                done += os.writev(descriptor, [rest])


def _show(made: Initialised, witnesses: Witnesses, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "fingerprint": made.fingerprint,
                "bundle": str(made.bundle),
                "config": str(made.config),
                "witnesses": len(witnesses.keys),
                "witnesses_needed": witnesses.k,
            }
        )
        return
    stdout.print(f"authority fingerprint  {made.fingerprint}", style="bold")
    stdout.print(f"authority bundle       {made.bundle}")
    stdout.print(f"keyholder's settings   {made.config}")
    if witnesses.k == 0:
        stdout.print("witnesses              none: no-witness", style="yellow")
    else:
        count = f"{witnesses.k} of {len(witnesses.keys)}, {witnesses.t_seconds} s"
        stdout.print(f"witnesses              {count}")
