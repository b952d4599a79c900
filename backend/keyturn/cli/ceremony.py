"""`keyturn ceremony`: lead, sign and follow key ceremonies, at a desk or from one's own machine."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.ceremony.script import Attaches, EnteredKind, Part
from keyturn.ceremony.steps import Word
from keyturn.cli import (
    ceremony_export,
    ceremony_opening,
    ceremony_rewrap,
    ceremony_shares,
    ceremony_verify,
    unseal,
)
from keyturn.cli.ceremony_desk import CeremonyDesk, CeremonyId, Yes, at_ceremony, confirm
from keyturn.cli.ceremony_given import HOST, OFFICER, READER, Given, asks
from keyturn.cli.ceremony_shares import Enter, pairs_of
from keyturn.cli.ceremony_showing import (
    ceremony_document,
    host_document,
    list_document,
    print_body,
    print_ceremony,
    print_host,
    print_list,
    print_step,
    warn_rehearsal,
)
from keyturn.cli.output import (
    error_document,
    errors_explained,
    explain,
    print_json,
    stderr,
    stdout,
)
from keyturn.cli.profile import now
from keyturn.client.ceremonies import Followed
from keyturn.client.ceremonybrought import check_quorum, read_brought
from keyturn.client.ceremonydoor import RESTORE
from keyturn.client.ceremonyhost import MODULE, arguments
from keyturn.client.ceremonysigning import (
    StatementShown,
    entries,
    missing_entries,
    part_to_say,
    parts_to_sign,
    say_request,
    shown_statements,
    sign_request,
    sign_statements,
    step_of,
)
from keyturn.client.ceremonytrust import HostNotCompared, TrustedHost
from keyturn.client.errors import NotFound
from keyturn.client.offline import read_file, write_new_file
from keyturn.wire.ceremonies import MAX_FILE, AskCeremonyFile, PutCeremonyFile
from keyturn.wire.errors import PeerRefused

app = typer.Typer(help="Key ceremonies.", no_args_is_help=True)
app.add_typer(ceremony_shares.app, name="share")
app.command("open")(ceremony_opening.open_ceremony)
ceremony_verify.add_to(app)
ceremony_export.add_to(app)
app.command("rewrap")(ceremony_rewrap.rewrap)
unseal.register_in(app)

FILES = ("authority.bundle", "kek-backup.json", "preflight.json", "transcript.json")
"""What a host serves (our protocol §10.8)."""

Text = Annotated[str, typer.Argument(help="What is written into the record.")]
Directory = Annotated[Path, typer.Argument(help="Where the host keeps token, log and records.")]
HostSocket = Annotated[
    Path | None, typer.Option("--socket", help="Where it listens (default: in the directory).")
]
Module = Annotated[Path | None, typer.Option(help="PKCS#11 module; default SoftHSM 2.")]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="ceremony")


@app.command("list")
@asks(HOST)
def list_ceremonies(given: Given) -> None:
    """Ceremonies of this host, by its word."""
    with at_ceremony(given) as desk:
        found = desk.reader.all()
        if given.as_json:
            print_json(list_document(found))
            return
        print_list(found)


@app.command()
@asks(READER)
def show(given: Given, ceremony: CeremonyId) -> None:
    """Verify a ceremony's records, and show where it stands and whom it waits for."""
    with at_ceremony(given) as desk:
        followed = desk.read(ceremony)
        host = _host_or_why(desk, followed)
        if given.as_json:
            said = error_document(host) if isinstance(host, KeyturnError) else host_document(host)
            print_json({**ceremony_document(followed), "host": said})
            return
        print_ceremony(followed)
        if isinstance(host, KeyturnError):
            comparable = isinstance(host, HostNotCompared)
            head = "Before a share is entered here:" if comparable else "Enter no share here:"
            stderr.print(head, style="bold red")
            explain(host)
        else:
            print_host(host)


@app.command()
@asks(OFFICER)
def sign(
    given: Given,
    ceremony: CeremonyId,
    part: Annotated[Part | None, typer.Option(help="As what (default: what is left).")] = None,
    given_entries: Enter = None,
    yes: Yes = False,
) -> None:
    """Sign the step that waits. A step that asks for your share is signed by `share enter`."""
    with at_ceremony(given) as desk:
        followed = desk.read(ceremony)
        warn_rehearsal(followed.plan.rehearsal)
        chosen = _part(desk, followed, part)
        entered = _entered(followed, chosen, pairs_of(given_entries or []))
        statements = _statements(followed, chosen)
        if not given.as_json:
            print_step(step_of(followed.course))
            _print_statements(statements)
        confirm(f"Sign this step as {chosen.value}?", yes)
        signer = desk.signer()
        attached = sign_statements(statements, signer, now())
        if statements and not attached:
            raise NotFound("no statement waits for your signature", found=signer.officer)
        request = sign_request(
            followed.course, chosen, signer, now(), entered=entered, attached=attached
        )
        taken = desk.door.ask(request)
        if given.as_json:
            print_json(
                {
                    "ceremony": ceremony,
                    "step": step_of(followed.course).id,
                    "part": chosen.value,
                    "seq": taken.seq,
                    "event": taken.event,
                }
            )
            return
        done = "" if taken.event is None else f" The step is {taken.event}."
        stdout.print(f"Signed as {chosen.value}.{done}", markup=False)


@app.command()
@asks(OFFICER)
def note(
    given: Given,
    ceremony: CeremonyId,
    text: Text,
    exception: Annotated[
        bool, typer.Option("--exception", help="Something went otherwise than the script says.")
    ] = False,
) -> None:
    """Record a note; with --exception, an exception."""
    _say(given, ceremony, Word.EXCEPTION if exception else Word.NOTE, text)


@app.command()
@asks(OFFICER)
def abort(given: Given, ceremony: CeremonyId, text: Text, yes: Yes = False) -> None:
    """End a ceremony for ever, on the record."""
    with errors_explained(as_json=given.as_json):
        confirm(f"Abort {ceremony}? It cannot be taken up again.", yes)
    _say(given, ceremony, Word.ABORT, text)


@app.command()
@asks(OFFICER)
def resume(given: Given, ceremony: CeremonyId, text: Text) -> None:
    """Go on after the host was stopped; the text says why it was."""
    _say(given, ceremony, Word.RESUME, text)


def _hand_in(desk: CeremonyDesk, ceremony: str, name: str, data: bytes) -> Digest:
    """What no log says yet is verified first (our protocol §10.8)."""
    if name == RESTORE:
        pinned = desk.reader.authority
        if pinned is None:
            raise typer.BadParameter(
                f"{name} is verified first: name --authority and --fingerprint, or --profile"
            )
        check_quorum(read_brought(data, pinned, now()))
    return desk.door.ask(PutCeremonyFile(ceremony, name, data))


@app.command()
@asks(READER)
def files(
    given: Given,
    ceremony: CeremonyId,
    name: Annotated[str | None, typer.Argument(help="Which file (default: list them).")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; must be new.")
    ] = None,
    put: Annotated[Path | None, typer.Option("--put", help="Hand this file in as NAME.")] = None,
) -> None:
    """Files of a ceremony: list them, fetch one, or hand one in.

    restore.json is handed in only where it has its quorum by the authority that is pinned here.
    """
    if (name is None and (output is not None or put is not None)) or (output and put):
        raise typer.BadParameter("name a file, and --output or --put")
    with at_ceremony(given) as desk:
        if name is None:
            found: dict[str, object] = {"files": _list_files(desk, ceremony)}
        elif put is not None:
            digest = _hand_in(desk, ceremony, name, read_file(put, MAX_FILE))
            found = {"name": name, "digest": digest}
        else:
            data = desk.door.ask(AskCeremonyFile(ceremony, name))
            write_new_file(output or Path(name), data)
            found = {"name": name, "file": str(output or name), "digest": digest_of(data)}
        if given.as_json:
            print_json({"ceremony": ceremony, **found})
            return
        listed = found.get("files")
        for line in listed if isinstance(listed, list) else [found["digest"]]:
            stdout.print(str(line), markup=False)


@app.command()
def host(directory: Directory, socket: HostSocket = None, module: Module = None) -> None:
    """Be the host of a genesis or a restore on this machine, until it is stopped."""
    _host(directory, socket, module, rehearsal=False)


@app.command()
def rehearse(directory: Directory, socket: HostSocket = None, module: Module = None) -> None:
    """Be the host of rehearsals, with a throw-away token; nothing outside is touched.

    Then as in earnest: `open --rehearsal`, `sign`, `share` … with --socket.
    """
    _host(directory, socket, module, rehearsal=True)


def socket_in(directory: Path) -> Path:
    """Where a host of this directory listens, unless told otherwise."""
    return directory / "host.sock"


def _host(directory: Path, socket: Path | None, module: Path | None, *, rehearsal: bool) -> None:
    where = socket or socket_in(directory)
    with errors_explained():
        given = arguments(directory, where, module, rehearsal=rehearsal)
        sys.stdout.flush()
        _unending_input()
        os.execv(sys.executable, [sys.executable, "-m", MODULE, *given])  # noqa: S606


def _unending_input() -> None:
    """A host ends when its input does: with the program that started it. From a shell it is to go
    on in the background and without a terminal too, until it is stopped: nobody closes this."""
    reader, writer = os.pipe()
    os.dup2(reader, 0)
    os.close(reader)
    os.set_inheritable(writer, True)


def _host_or_why(desk: CeremonyDesk, followed: Followed) -> TrustedHost | KeyturnError:
    """The host, or why no share may be sealed to it: its records can be read all the same."""
    try:
        return desk.host(followed)
    except (MalformedError, UntrustedError) as error:
        return error


def _say(given: Given, ceremony: str, word: Word, text: str) -> None:
    with at_ceremony(given) as desk:
        followed, signer = desk.read(ceremony), desk.signer()
        warn_rehearsal(followed.plan.rehearsal)
        part = part_to_say(followed.course, signer.officer, word)
        seq = desk.door.ask(say_request(followed.course, part, signer, now(), word, text))
        if given.as_json:
            print_json({"ceremony": ceremony, "word": word.value, "seq": seq})
            return
        stdout.print(f"Recorded as {word.value}, record {seq}.", markup=False)


def _part(desk: CeremonyDesk, followed: Followed, part: Part | None) -> Part:
    """As what the officer signs. Raises NotFound where there is nothing for them to sign."""
    waiting, step = followed.waiting, step_of(followed.course)
    assert waiting is not None  # else there is no step
    officer = desk.signer().officer
    left = parts_to_sign(followed.course, waiting, officer)
    chosen = part or (left[0] if left else None)
    if chosen is None or chosen not in left:
        raise NotFound(
            f"'{step.title}' does not wait for a signature of {officer}",
            found=part.value if part else officer,
            expected=", ".join(each.value for each in left) or "somebody else",
        )
    if step.attaches is Attaches.SHARE and chosen is Part.CUSTODIAN:
        raise NotFound(
            "this step asks for your share",
            hint=f"keyturn ceremony share enter {followed.ceremony}",
        )
    return chosen


def _entered(followed: Followed, part: Part, given: dict[str, str]) -> dict[str, str]:
    """What was given, and what a terminal is asked for. Raises typer.BadParameter."""
    course = followed.course
    entered = entries(course, part, given)
    missing = missing_entries(course, part, entered)
    if missing and not typer.get_text_stream("stdin").isatty():
        raise typer.BadParameter(
            "this step asks for: " + ", ".join(missing), param_hint="--enter NAME=VALUE"
        )
    fields = {each.name: each for each in step_of(course).entered}
    for name in missing:
        field = fields[name]
        if field.kind is EnteredKind.CONFIRM:
            given = {**given, name: "yes" if typer.confirm(field.label, err=True) else ""}
        else:
            given = {**given, name: typer.prompt(field.label, err=True)}
    return entries(course, part, given)


def _statements(followed: Followed, part: Part) -> tuple[StatementShown, ...]:
    waiting = followed.waiting
    if waiting is None or part is not Part.OFFICER:
        return ()
    return shown_statements(followed.course, waiting)


def _print_statements(shown: tuple[StatementShown, ...]) -> None:
    for each in shown:
        statement = each.statement
        head = f"{statement.kind.value} version {statement.version}, {statement.digest}"
        stdout.print(f"{each.role}: {head}", markup=False)
        print_body(statement.body)


def _list_files(desk: CeremonyDesk, ceremony: str) -> list[str]:
    found = []
    for name in FILES:
        try:
            desk.door.ask(AskCeremonyFile(ceremony, name))
        except PeerRefused as error:
            if error.kind != "not-found":
                raise
        else:
            found.append(name)
    return found
