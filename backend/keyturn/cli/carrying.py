"""Proposals without a network: in files and in QR pictures, decided and written out again."""

import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from keyturn.base.encoding import Digest
from keyturn.cli.output import print_json, stdout
from keyturn.cli.previewing import Shown
from keyturn.cli.profile import Desk, now, warn_simulated
from keyturn.cli.showing import print_offline, print_statement, statement_document
from keyturn.client.errors import NotFound
from keyturn.client.offline import (
    ProposalFile,
    read_file,
    with_decision,
    write_new_file,
)
from keyturn.client.qrpictures import read_pictures, write_pictures
from keyturn.quorum.approvals import Decision


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be decided: at the server, in a file or in pictures; and where it goes."""

    target: str | None
    file: Path | None
    pictures: tuple[Path, ...]
    output: Path | None
    pictures_out: Path | None

    def __post_init__(self) -> None:
        given = [self.target is not None, self.file is not None, bool(self.pictures)]
        if sum(given) != 1:
            raise typer.BadParameter(
                "name a digest, a file or pictures", param_hint="TARGET, --file or --qr"
            )

    @property
    def source(self) -> Path | None:
        if self.file is None and self.target is not None and Path(self.target).is_file():
            return Path(self.target)
        return self.file

    def destination(self, officer: str) -> tuple[Path | None, Path | None]:
        """File and directory; a file beside the one that was read where neither is named."""
        if self.output is not None or self.pictures_out is not None:
            return self.output, self.pictures_out
        source = self.source
        if source is None:
            raise typer.BadParameter(
                "say where the signed one goes", param_hint="--output or --qr-out"
            )
        return source.with_name(f"{source.stem}.{officer}{source.suffix}"), None


@dataclass(frozen=True, slots=True)
class Written:
    file: Path | None
    pictures: tuple[Path, ...]

    def document(self) -> dict[str, object]:
        found: dict[str, object] = {} if self.file is None else {"file": str(self.file)}
        return found | (
            {"pictures": [str(each) for each in self.pictures]} if self.pictures else {}
        )

    def __str__(self) -> str:
        names = [] if self.file is None else [str(self.file)]
        if self.pictures:
            names.append(f"{len(self.pictures)} pictures in {self.pictures[0].parent}")
        return " and ".join(names)


def write(file: ProposalFile, output: Path | None, pictures: Path | None) -> Written:
    whole = file.to_bytes()
    if output is not None:
        write_new_file(output, whole)
    made = () if pictures is None else write_pictures(whole, pictures)
    return Written(output, made)


def decide_offline(
    desk: Desk,
    decision: Decision,
    given: Given,
    comment: str,
    yes: bool,
    as_json: bool,
    shown: Shown,
) -> None:
    """Nothing below touches the network: the client is never opened."""
    output, pictures = given.destination(desk.profile.officer)
    found = read(desk, given.source, given.pictures)
    if not as_json:
        warn_simulated(found.authority.roster.simulation)
        print_statement(found.statement, now())
        subject = (found.statement.kind, found.statement.subject)
        known = found.authority.state.newest.get(subject)
        print_offline(found.statement, None if known is None else known.statement)
    preview = shown.digest(desk, found.statement)
    confirm(decision, found.statement.digest, yes)
    signed = with_decision(found, desk.signer(), decision, comment, now(), preview=preview)
    desk.remember(signed)
    written = write(signed, output, pictures)
    if as_json:
        print_json(
            {
                **statement_document(signed.statement),
                **written.document(),
                "approved_by": list(signed.approved_by),
                "needed": signed.needed,
                "simulated": signed.authority.roster.simulation,
            }
        )
        return
    approved = f"{len(signed.approved_by)} of {signed.needed} approve"
    stdout.print(f"Signed: {decision.value}. {approved} in {written}.", markup=False)
    if decision is Decision.APPROVE:
        stdout.print("NOT IN FORCE until the keyholder has it.")
    else:
        stdout.print("It counts once it was brought back: keyturn proposal import.")


def read(desk: Desk, file: Path | None, pictures: tuple[Path, ...]) -> ProposalFile:
    """From one of the two."""
    raw = read_pictures(pictures) if file is None else read_file(file)
    found = desk.read_file(raw)
    desk.remember(found)
    return found


def confirm(decision: Decision, digest: Digest, yes: bool) -> None:
    """A signature is never made by a script that did not say so."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("no terminal to ask on: say --yes", param_hint="--yes")
    if not typer.confirm(f"Sign your decision to {decision.value} {digest}?", err=True):
        raise NotFound("nothing was signed")
