"""`keyturn officer enrol` and `enrolment`: a new officer's signed request, made and read."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from keyturn.base.encoding import Digest, b64, parse_digest
from keyturn.base.times import format_time
from keyturn.cli.card import CardOption, ask_pin, parse_card
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.cli.profile import AsJson, PassphraseFd, ProfileDir, at_desk, now
from keyturn.client.card import CardInfo, find_card_key
from keyturn.client.enrolments import PendingEnrolments, named, send_enrolment
from keyturn.client.errors import NoProfile
from keyturn.client.offline import read_file, write_new_file
from keyturn.client.profile import places_of, read_profile
from keyturn.client.signing import KeyQuestion, open_signer
from keyturn.client.transport import Transport
from keyturn.officerkeys.keyfile import read_key_file
from keyturn.officerkeys.keypair import OfficerPublic
from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation, OnCard
from keyturn.officerkeys.oskeyring import load_secret, system_keyring
from keyturn.officerkeys.passphrase import read_passphrase
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.enrolment import (
    ENROLMENT_TYPE,
    MAX_ENROLMENT,
    Enrolment,
    enrolment_payload,
    parse_enrolment,
)
from keyturn.quorum.kinds import Role
from keyturn.wire.tls import Pin, parse_pin


def enrol(
    officer: Annotated[str, typer.Argument(help="Your id, as in `officer new`.")],
    fingerprint: Annotated[str, typer.Option(help="The authority that you ask, sha256:….")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; must be new.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Hand it to the server, where officers find it.")
    ] = False,
    server: Annotated[
        str | None, typer.Option(help="With --send: https://host:port (default: the profile's).")
    ] = None,
    pin: Annotated[
        str | None, typer.Option(help="With --server: SHA-256 of its TLS key's SPKI, in hex.")
    ] = None,
    name: Annotated[str, typer.Option(help="Your name as colleagues will read it.")] = "",
    role: Annotated[
        list[Role] | None, typer.Option(help="Roles that you ask for; may repeat.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Your key file (default: the OS keyring).")
    ] = None,
    card: CardOption = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Ask to become an officer: signed by your key, for a colleague to propose.

    As a file, or with --send to the server: a newcomer needs no session for that.
    With --card the signing key is the card's; key file or keyring have the encryption key.
    """
    with errors_explained(as_json=as_json):
        if output is None and not send:
            raise typer.BadParameter("a file, the server, or both", param_hint="--output, --send")
        authority = parse_digest(fingerprint, what="--fingerprint")
        at = _server(server, pin, profile) if send else None
        place: KeyLocation = InFile(key_file) if key_file else InKeyring(officer)
        signs: KeyLocation = parse_card(card) if card is not None else place
        with open_signer(signs, officer, lambda asked: _ask(asked, passphrase_fd)) as signer:
            public = _public(place, officer)
            roles = sorted({each.value for each in role or (Role.PROPOSER, Role.APPROVER)})
            entry = _entry(signer, signs, public, name or public.name or officer, roles)
            payload = enrolment_payload(authority, entry, now())
            raw = signer.sign(ENROLMENT_TYPE, payload).to_bytes()
        request = parse_enrolment(raw)  # what the proposer could not read is not worth sending
        further = {}
        if output is not None:
            write_new_file(output, raw)
            further["file"] = str(output)
        if at is not None:
            with Transport.pinned(*at) as transport:
                further["kept_until"] = format_time(send_enrolment(transport, raw))
        _show(request, as_json, further)
        if not as_json:
            stderr.print("Tell a colleague its digest by another way than this.", markup=False)


def show_requests(
    dismiss: Annotated[
        str | None, typer.Option(help="Have the server forget one: its digest or officer's id.")
    ] = None,
    profile: ProfileDir = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Requests to become officers that wait at the server, each verified here."""
    with at_desk(profile, passphrase_fd, as_json=as_json) as desk:
        pending = desk.client.enrolments()
        if dismiss is not None:
            chosen = named(pending, dismiss)
            desk.client.dismiss_enrolment(chosen.digest)
            pending = desk.client.enrolments()
        _show_pending(pending, as_json)


def _show_pending(pending: PendingEnrolments, as_json: bool) -> None:
    if as_json:
        listed = [
            {
                **_document(each.enrolment),
                "received": format_time(each.received),
                "refused": each.refused,
                "others_of_that_id": len(pending.alike(each)),
            }
            for each in pending.waiting
        ]
        print_json({"requests": listed, "unproved": pending.unproved})
        return
    if pending.unproved:
        stderr.print(f"{pending.unproved} that prove nothing are not shown", style="yellow")
    if not pending.waiting:
        stdout.print("No request waits.")
        return
    table = Table("digest", "officer", "name", "roles", "made", "state")
    for each in pending.waiting:
        officer = each.enrolment.officer
        state = each.refused or "can be proposed"
        if pending.alike(each):
            state = f"ANOTHER ASKS UNDER THIS ID; {state}"
        table.add_row(
            each.digest[7:23],
            officer.id,
            escape(officer.name),
            ", ".join(sorted(role.value for role in officer.roles)),
            format_time(each.enrolment.time),
            escape(state),
        )
    stdout.print(table)
    stdout.print("Compare a digest with its maker, then: proposal new roster --request DIGEST")


def _server(server: str | None, pin: str | None, profile: Path | None) -> tuple[str, Pin]:
    """Where to send it. Raises NoProfile, MalformedError, typer.BadParameter."""
    if (server is None) != (pin is None):
        raise typer.BadParameter("a server and its pin go together", param_hint="--server, --pin")
    if server is not None and pin is not None:
        return server, parse_pin(pin)
    try:
        found = read_profile(places_of(profile, os.environ))
    except NoProfile as error:
        error.hint = "Say --server and --pin, as whoever runs the server told you."
        raise
    return found.server, found.pin


def show_enrolment(
    file: Annotated[Path, typer.Argument(help="What `officer enrol` wrote.")],
    as_json: AsJson = False,
) -> None:
    """Read a request to become an officer, and verify that its keys signed it."""
    with errors_explained(as_json=as_json):
        _show(parse_enrolment(read_file(file, 2 * MAX_ENROLMENT)), as_json, {})


def _ask(question: KeyQuestion, passphrase_fd: int | None) -> bytearray:
    if isinstance(question, CardInfo):
        return ask_pin(question, passphrase_fd)
    return read_passphrase(f"Passphrase of {question.officer}", fd=passphrase_fd)


def _public(place: KeyLocation, officer: str) -> OfficerPublic:
    if isinstance(place, InFile):
        return read_key_file(place.path).public
    with load_secret(system_keyring(), officer) as secret:
        return secret.public


def _entry(
    signer: Signer, signs: KeyLocation, public: OfficerPublic, name: str, roles: Iterable[str]
) -> dict[str, object]:
    """As `officer new` prints it, with the key that signs."""
    found = find_card_key(signs).algorithm if isinstance(signs, OnCard) else public.algorithm
    return {
        "id": signer.officer,
        "name": name,
        "roles": list(roles),
        "keys": [{"algorithm": found.value, "spki": b64(signer.spki)}],
        "hpke": b64(public.hpke),
    }


def _show(request: Enrolment, as_json: bool, further: dict[str, str]) -> None:
    document = {**_document(request), **further}
    if as_json:
        print_json(document)
        return
    table = Table(show_header=False, box=None)
    for label, value in document.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        table.add_row(label.replace("_", " "), escape(text))
    stdout.print(table)


def _document(request: Enrolment) -> dict[str, object]:
    officer = request.officer
    return {
        "digest": Digest(request.digest),
        "authority": request.authority,
        "officer": officer.id,
        "name": officer.name,
        "roles": sorted(each.value for each in officer.roles),
        "keys": [key.key_id for key in officer.keys],
        "time": format_time(request.time),
    }
