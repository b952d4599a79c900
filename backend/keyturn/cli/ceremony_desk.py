"""What each command of `keyturn ceremony` is given: a way to the host, the authority, a key."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from keyturn.base.encoding import Digest, parse_digest, unhex
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.cli.ceremony_given import Given
from keyturn.cli.output import errors_explained, stderr
from keyturn.cli.profile import Desk, now
from keyturn.client.ceremonies import CeremonyReader, Followed
from keyturn.client.ceremonydoor import CeremonyDoor, LocalDoor, ServerDoor
from keyturn.client.ceremonytrust import (
    COMPARE,
    Expected,
    HostNotCompared,
    Prove,
    TrustedHost,
    keyholder_key,
    trust_host,
    trust_rehearsal,
)
from keyturn.client.client import KeyturnClient
from keyturn.client.offline import read_file
from keyturn.client.profile import places_of
from keyturn.officerkeys.location import InFile, open_keys
from keyturn.officerkeys.passphrase import read_passphrase
from keyturn.officerkeys.signer import OfficerSigner, Signer, Unsealer
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.tlog.checkpoints import Checkpoint, parse_checkpoint
from keyturn.tlog.notes import parse_note
from keyturn.wire.keyholder import AskConsistency

CeremonyId = Annotated[str, typer.Argument(help="The ceremony's id.")]
HostWords = Annotated[
    str | None,
    typer.Option(
        "--host-words",
        help="For a restore at --socket: the words that the host itself shows on its terminal.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether you are sure.")]


class CeremonyDesk:
    """One officer at one host; opened as far as it is needed, closed at the end."""

    def __init__(self, given: Given, stack: ExitStack) -> None:
        self._given = given
        self._stack = stack
        self._desk: Desk | None = None
        self._signer: Signer | None = None
        self._reader: CeremonyReader | None = None

    @property
    def reader(self) -> CeremonyReader:
        if self._reader is None:
            self._reader = CeremonyReader(self._door(), self._authority())
        return self._reader

    @property
    def door(self) -> CeremonyDoor:
        return self.reader.door

    def read(self, ceremony: str) -> Followed:
        return self.reader.read(ceremony)

    def signer(self) -> Signer:
        """The officer's key, by the key file or the profile; asks for its passphrase."""
        if self._signer is None:
            given = self._given
            if given.key_file is None:
                self._signer = self._profile_desk().signer()
            else:
                secret = self._stack.enter_context(
                    open_keys(
                        InFile(given.key_file),
                        lambda public: read_passphrase(
                            f"Passphrase of {public.officer}", fd=given.passphrase_fd
                        ),
                    )
                )
                self._signer = OfficerSigner(secret)
        return self._signer

    def unsealer(self) -> Unsealer:
        """As `signer`, where it opens what is sealed to the officer. Raises CeremonyRefused."""
        signer = self.signer()
        if isinstance(signer, OfficerSigner):
            return signer
        raise CeremonyRefused(
            CeremonyReason.WRONG_SHARE,
            "a card signs, and opens nothing",
            found=signer.officer,
            expected="the key file or keyring with your encryption key",
            hint="Name it with --key-file.",
        )

    def host(self, followed: Followed, compared: str | None = None) -> TrustedHost:
        """The host's document, verified. `compared`: its words, which the person here compared.

        Raises HostNotCompared where they must be, CeremonyRefused, MalformedError.
        """
        authority, raw = self.reader.authority, self.reader.all().host
        remote = isinstance(self.door, ServerDoor)
        if followed.plan.rehearsal:
            return trust_rehearsal(raw, remote=remote)
        expected = Expected(
            fingerprint=followed.verified.authority,
            rehearsal=False,
            keyholder=None if authority is None else keyholder_key(authority),
            seen=None if authority is None else self.seen(authority.fingerprint),
            remote=remote,
            kind=followed.plan.kind,
            local=isinstance(self.door, LocalDoor),
            compared=self._given.host_words or compared,
        )
        return trust_host(raw, expected, self._prove())

    @property
    def client(self) -> KeyturnClient:
        """Of the profile's server."""
        return self._profile_desk().client

    @property
    def fingerprint(self) -> Digest:
        """The authority that the profile pins."""
        return self._profile_desk().profile.fingerprint

    def seen(self, fingerprint: Digest) -> Checkpoint | None:
        """The largest checkpoint of this authority's log that the profile remembers, whatever the
        log was called then: it is one tree. None where no profile was named, and none needed."""
        if self._desk is None and self._given.profile is None:
            return None
        desk = self._profile_desk()
        if desk.profile.fingerprint != fingerprint:
            return None
        notes = desk.memory.recall().checkpoints.values()
        seen = [parse_checkpoint(parse_note(each).text) for each in notes]
        return max(seen, key=lambda each: each.size, default=None)

    # ---- inside ----

    def _profile_desk(self) -> Desk:
        if self._desk is None:
            places = places_of(self._given.profile, os.environ)
            self._desk = Desk(places, self._given.passphrase_fd, self._stack)
        return self._desk

    def _door(self) -> CeremonyDoor:
        if self._given.socket is not None:
            return LocalDoor(self._given.socket)
        return ServerDoor(self._profile_desk().client)

    def _authority(self) -> Authority | None:
        given = self._given
        if (given.authority is None) is not (given.fingerprint is None):
            raise typer.BadParameter("--authority and --fingerprint belong together")
        if given.authority is not None and given.fingerprint is not None:
            pinned = parse_digest(given.fingerprint, what="--fingerprint")
            return load_bundle(read_file(given.authority), pinned, now(), lenient=True)
        if given.socket is None or given.profile is not None:
            desk = self._profile_desk()
            return None if desk.profile.offline else desk.client.authority()
        return None

    def _prove(self) -> Prove:
        door = self.door

        def prove(old: int, new: int) -> list[bytes]:
            if isinstance(door, LocalDoor):
                return [unhex(each, what="proof") for each in door.ask(AskConsistency(old, new))]
            return self._profile_desk().client.consistency(old, new)

        return prove


def compared_host(desk: CeremonyDesk, followed: Followed) -> TrustedHost:
    """The host; where only a person can know it, that person is asked, on a terminal and nowhere
    else. Raises HostNotCompared where they did not say so, CeremonyRefused, MalformedError.
    """
    try:
        return desk.host(followed)
    except HostNotCompared as error:
        if error.differs or not typer.get_text_stream("stdin").isatty():
            raise
        stderr.print("Nothing signs this host's key: the keyholder's own key is lost.")
        stderr.print(COMPARE, markup=False)
        stderr.print(error.phrase, style="bold", markup=False)
        if not typer.confirm("Does the host's own terminal show these very words?", err=True):
            raise
        return desk.host(followed, error.phrase)


@contextmanager
def at_ceremony(given: Given) -> Iterator[CeremonyDesk]:
    """Errors are explained; keys are wiped at the end."""
    with errors_explained(as_json=given.as_json), ExitStack() as stack:
        yield CeremonyDesk(given, stack)


def confirm(question: str, yes: bool) -> None:
    """A signature is never made by a script that did not say so. Raises NothingDone."""
    if yes:
        return
    if not typer.get_text_stream("stdin").isatty():
        raise typer.BadParameter("no terminal to ask on: say --yes", param_hint="--yes")
    if not typer.confirm(question, err=True):
        raise NothingDone("nothing was signed")


class NothingDone(KeyturnError):
    """The officer said no."""
