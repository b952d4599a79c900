"""`keyturn connect`, and what every officer's command shares: profile, client, key, passphrase."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from keyturn.base.encoding import parse_digest
from keyturn.base.times import format_time
from keyturn.cli.card import CardOption, ask_pin, parse_card
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.client.card import CardInfo
from keyturn.client.client import KeyturnClient
from keyturn.client.contradiction import save_contradiction
from keyturn.client.cosigner import Cosigner
from keyturn.client.cosigning import OfficerWitness
from keyturn.client.errors import HistoryRewritten
from keyturn.client.memory import Memory
from keyturn.client.offline import ProposalFile, read_file, read_proposal_file
from keyturn.client.profile import (
    Places,
    Profile,
    places_of,
    read_profile,
    station_profile,
    write_profile,
)
from keyturn.client.signing import KeyQuestion, open_signer
from keyturn.client.station import StationClient
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation
from keyturn.officerkeys.passphrase import read_passphrase
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.kinds import Kind
from keyturn.wire.tls import parse_pin

ProfileDir = Annotated[
    Path | None,
    typer.Option("--profile", help="Directory of the profile (default: XDG directories)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
PassphraseFd = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd", help="Read the key file's passphrase or card's PIN from this descriptor."
    ),
]


class Desk:
    """An officer's profile with the client and key opened when first needed, closed at the end."""

    def __init__(self, places: Places, passphrase_fd: int | None, stack: ExitStack) -> None:
        self.places = places
        self.profile = read_profile(places)
        self._passphrase_fd = passphrase_fd
        self._stack = stack
        self._signer: Signer | None = None
        self._client: KeyturnClient | None = None

    @property
    def client(self) -> KeyturnClient:
        if self._client is None:
            opened = KeyturnClient.open(self.profile, self.places, now=now, signer=self.signer)
            self._client = self._stack.enter_context(opened)
        return self._client

    @property
    def memory(self) -> Memory:
        """For offline checks, which must not be shown an older world either."""
        return Memory(self.profile.fingerprint, self.places.state)

    def read_file(self, raw: bytes) -> ProposalFile:
        """Verify a proposal file; nothing is asked. At a station its bundle is adopted first;
        beside a server nothing is remembered of it, as `KeyturnClient.read_export` says."""
        if not self.profile.offline:
            pinned = self.profile.fingerprint
            return read_proposal_file(raw, pinned, self.memory, now(), remember=False)
        with StationClient.open(self.profile, self.places, now=now, signer=self.signer) as station:
            return station.read_export(raw)

    def remember(self, file: ProposalFile) -> None:
        """A revocation in it, with its quorum, has to be in the log before this profile cosigns
        again (our protocol §9.7)."""
        memory = self.memory
        cosigner = Cosigner(self.profile.fingerprint, self.profile.officer, memory.directory)
        OfficerWitness(cosigner, now).hand_file(file, memory.largest())

    def warn_expired(self) -> None:
        """Say loudly what of the authority has expired, if a server was asked (our protocol §2.7).

        An officer gets in all the same: somebody must renew it.
        """
        authority = None if self._client is None else self._client.authority_seen
        for each in () if authority is None else authority.expired(now()):
            kind, ended = each.statement.kind.value, each.statement.expires
            stderr.print(
                f"EXPIRED: {kind} version {each.statement.version} has not been in force since "
                f"{'' if ended is None else format_time(ended)}. No key is released. Propose its "
                f"renewal: keyturn proposal renew {kind} {kind}",
                style="bold red",
                markup=False,
            )

    def signer(self) -> Signer:
        """The officer's key; asks for the passphrase or PIN the first time."""
        if self._signer is None:
            opened = open_signer(self.profile.key, self.profile.officer, self._ask)
            self._signer = self._stack.enter_context(opened)
        return self._signer

    def _ask(self, question: KeyQuestion) -> bytearray:
        if isinstance(question, CardInfo):
            return ask_pin(question, self._passphrase_fd)
        return read_passphrase(f"Passphrase of {question.officer}", fd=self._passphrase_fd)


@contextmanager
def at_desk(
    profile: Path | None, passphrase_fd: int | None = None, *, as_json: bool
) -> Iterator[Desk]:
    """Everything a command needs; errors are explained, contradictions are saved as proof."""
    with errors_explained(as_json=as_json), ExitStack() as stack:
        desk = Desk(places_of(profile, os.environ), passphrase_fd, stack)
        try:
            yield desk
            desk.warn_expired()
        except HistoryRewritten as error:
            error.hint += f" Both are in {save_contradiction(desk.places.state, error)}."
            raise


def now() -> datetime:
    """The machine's clock, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def warn_simulated(simulation: bool) -> None:
    """I9: an authority for simulations says so on every screen."""
    if simulation:
        stderr.print("SIMULATED authority: nothing here protects a real model", style="bold yellow")


def register(app: typer.Typer) -> None:
    app.command("connect")(connect)


def connect(
    server: Annotated[
        str | None, typer.Option(help="https://host:port of the control plane.")
    ] = None,
    pin: Annotated[str | None, typer.Option(help="SHA-256 of its TLS key's SPKI, in hex.")] = None,
    authority: Annotated[
        Path | None,
        typer.Option(help="Of an officer station: authority bundle, or a proposal's file."),
    ] = None,
    fingerprint: Annotated[
        str | None, typer.Option(help="The authority fingerprint, sha256:….")
    ] = None,
    officer: Annotated[str | None, typer.Option(help="Your id in the roster.")] = None,
    repin: Annotated[
        bool,
        typer.Option(
            "--repin",
            help="The server's TLS key was changed: take the pin that whoever runs it told you.",
        ),
    ] = False,
    key_file: Annotated[
        Path | None, typer.Option(help="Your key file (default: the OS keyring).")
    ] = None,
    card: CardOption = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Write the profile without asking the server.")
    ] = False,
    profile: ProfileDir = None,
    as_json: AsJson = False,
) -> None:
    """Pin a server and an authority, and say who you are. Proves both unless --offline.

    With --offline --authority and no server the machine becomes an officer station, which reads
    and signs files and asks nobody. Again, with a newer bundle: it is kept. With --repin the
    profile that is there gets another pin, and nothing else of it changes.
    """
    if repin:
        others = (server, authority, fingerprint, officer, key_file, card)
        if offline or any(each is not None for each in others):
            raise typer.BadParameter("--repin changes the pin alone, and asks the server")
        _repin(places_of(profile, os.environ), pin, as_json=as_json)
        return
    if fingerprint is None or officer is None:
        raise typer.BadParameter("--fingerprint and --officer are needed")
    if authority is None and (server is None or pin is None):
        raise typer.BadParameter(
            "name a server and its pin; a station without any: --offline --authority FILE",
            param_hint="--server and --pin",
        )
    if authority is not None and not (offline and server is None and pin is None):
        raise typer.BadParameter(
            "an officer station has no server: say --offline, without --server and --pin",
            param_hint="--authority",
        )
    with errors_explained(as_json=as_json):
        places = places_of(profile, os.environ)
        location = _location(officer, key_file, card)
        digest = parse_digest(fingerprint, what="--fingerprint")
        if authority is not None:
            _set_up_station(places, station_profile(digest, officer, location), authority, as_json)
            return
        chosen = Profile(server or "", parse_pin(pin or ""), digest, officer, location)
        simulation = None if offline else _prove(chosen, places)
        write_profile(places, chosen)
        if as_json:
            print_json(
                {
                    "profile": str(places.profile),
                    "server": chosen.server,
                    "officer": officer,
                    "proved": not offline,
                    "simulated": simulation,
                }
            )
            return
        warn_simulated(bool(simulation))
        proved = "not asked yet" if offline else "key and authority are the pinned ones"
        stdout.print(f"Profile written to {places.profile}. The server: {proved}.", markup=False)


def _set_up_station(places: Places, chosen: Profile, authority: Path, as_json: bool) -> None:
    """The bundle is verified against the fingerprint that was typed before anything is kept."""
    with StationClient.open(chosen, places, now=now, signer=_nobody) as station:
        found = station.adopt(read_file(authority))
    write_profile(places, chosen)
    roster = found.state.newest[(Kind.ROSTER, "roster")].statement
    if as_json:
        print_json(
            {
                "profile": str(places.profile),
                "server": None,
                "officer": chosen.officer,
                "roster_version": roster.version,
                "in_roster": chosen.officer in found.roster.officers,
                "simulated": found.roster.simulation,
            }
        )
        return
    warn_simulated(found.roster.simulation)
    stdout.print(
        f"Officer station: profile written to {places.profile}, roster version {roster.version}.",
        markup=False,
    )


def _nobody() -> Signer:
    raise RuntimeError("nothing is signed here")


def _repin(places: Places, pin: str | None, *, as_json: bool) -> None:
    """The new pin comes from a person, never from the server that is to be believed by it."""
    with errors_explained(as_json=as_json):
        known = read_profile(places)
        if pin is None:
            stderr.print(f"Pinned until now: {known.pin}", markup=False)
            stderr.print("Ask whoever runs the server, by another way than this connection.")
            pin = typer.prompt("New pin", err=True).strip()
        chosen = replace(known, pin=parse_pin(pin))
        simulation = _prove(chosen, places)
        write_profile(places, chosen)
        if as_json:
            print_json(
                {
                    "profile": str(places.profile),
                    "before": known.pin,
                    "pin": chosen.pin,
                    "simulated": simulation,
                }
            )
            return
        if chosen.pin == known.pin:
            text = f"Nothing changed: {known.server} was known by the key {known.pin} already."
            stdout.print(text, markup=False)
            return
        stdout.print(f"{known.server} is now known by the key {chosen.pin},", markup=False)
        stdout.print(f"and no more by {known.pin}. Its authority is the pinned one.", markup=False)


def _location(officer: str, key_file: Path | None, card: str | None) -> KeyLocation:
    if card is not None and key_file is not None:
        raise typer.BadParameter("--card and --key-file are two places for one key")
    if card is not None:
        return parse_card(card)
    return InFile(key_file.absolute()) if key_file else InKeyring(officer)


def _prove(profile: Profile, places: Places) -> bool:
    """Whether the authority simulates. Raises what the client raises."""
    with KeyturnClient.open(profile, places, now=now, signer=_nobody) as client:
        client.hello()
        return client.authority().roster.simulation
