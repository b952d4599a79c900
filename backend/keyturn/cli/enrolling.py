"""`keyturn officer enrol` and `enrolment`: a new officer's signed request, made and read."""

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
from keyturn.cli.profile import AsJson, PassphraseFd, now
from keyturn.client.card import CardInfo, find_card_key
from keyturn.client.offline import read_file, write_new_file
from keyturn.client.signing import KeyQuestion, open_signer
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


def enrol(
    officer: Annotated[str, typer.Argument(help="Your id, as in `officer new`.")],
    fingerprint: Annotated[str, typer.Option(help="The authority that you ask, sha256:….")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; must be new.")],
    name: Annotated[str, typer.Option(help="Your name as colleagues will read it.")] = "",
    role: Annotated[
        list[Role] | None, typer.Option(help="Roles that you ask for; may repeat.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Your key file (default: the OS keyring).")
    ] = None,
    card: CardOption = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Ask to become an officer: a file, signed by your key, for a colleague to propose.

    With --card the signing key is the card's; key file or keyring have the encryption key.
    """
    with errors_explained(as_json=as_json):
        authority = parse_digest(fingerprint, what="--fingerprint")
        place: KeyLocation = InFile(key_file) if key_file else InKeyring(officer)
        signs: KeyLocation = parse_card(card) if card is not None else place
        with open_signer(signs, officer, lambda asked: _ask(asked, passphrase_fd)) as signer:
            public = _public(place, officer)
            roles = sorted({each.value for each in role or (Role.PROPOSER, Role.APPROVER)})
            entry = _entry(signer, signs, public, name or public.name or officer, roles)
            payload = enrolment_payload(authority, entry, now())
            raw = signer.sign(ENROLMENT_TYPE, payload).to_bytes()
        request = parse_enrolment(raw)  # what the proposer could not read is not worth sending
        write_new_file(output, raw)
        _show(request, as_json, {"file": str(output)})
        if not as_json:
            stderr.print("Tell a colleague its digest by another way than the file.", markup=False)


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
    officer = request.officer
    document: dict[str, object] = {
        "digest": Digest(request.digest),
        "authority": request.authority,
        "officer": officer.id,
        "name": officer.name,
        "roles": sorted(each.value for each in officer.roles),
        "keys": [key.key_id for key in officer.keys],
        "time": format_time(request.time),
        **further,
    }
    if as_json:
        print_json(document)
        return
    table = Table(show_header=False, box=None)
    for label, value in document.items():
        table.add_row(label, escape(", ".join(value) if isinstance(value, list) else str(value)))
    stdout.print(table)
