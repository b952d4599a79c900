"""Officers with real keys, and what each does at their own desk."""

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.signatures import Algorithm
from keyturn.client.client import KeyturnClient
from keyturn.client.profile import Places, Profile, read_profile, write_profile
from keyturn.client.proposals import Proposal
from keyturn.officerkeys.keyfile import write_key_file
from keyturn.officerkeys.keypair import OfficerSecret, generate
from keyturn.officerkeys.location import InFile
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import compose_payload, statement_type
from keyturn.wire.tls import Pin

OFFICERS = {
    "ada": "Ada Okafor",
    "bela": "Béla Kovács",
    "chen": "Chen Wei",
    "dora": "Dora Lind",
    "emil": "Emil Haas",
}


ALSO = {
    "hana": ("Hana Novák", ("operator",)),
    "viktor": ("Viktor Lindqvist", ("witness",)),
    "farid": ("Farid Haddad", ("custodian",)),
    "greta": ("Greta Vogel", ("custodian",)),
    "ilse": ("Ilse Brandt", ("custodian",)),
}
"""Who else it takes to hold a ceremony: who leads it, who watches, and the SO PIN's custodians."""
ROLES = ("proposer", "approver", "custodian", "operator")
"""Of each of the five."""


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Desk:
    """One officer: an encrypted key file with its own passphrase, a profile, a client."""

    officer: str
    name: str
    directory: Path
    passphrase: bytearray
    secret: OfficerSecret
    roles: tuple[str, ...] = ROLES

    @property
    def key_file(self) -> Path:
        return self.directory / "officer.key"

    @property
    def places(self) -> Places:
        return Places(self.directory, self.directory / "state")

    @property
    def profile(self) -> Profile:
        """What `connect` pinned. Raises NoProfile before."""
        return read_profile(self.places)

    @property
    def signer(self) -> OfficerSigner:
        return OfficerSigner(self.secret)

    def connect(self, url: str, pin: Pin, fingerprint: Digest, stack: ExitStack) -> KeyturnClient:
        """Pin server and authority in a profile that `keyturn --profile` uses too."""
        profile = Profile(url, pin, fingerprint, self.officer, InFile(self.key_file.absolute()))
        write_profile(self.places, profile)
        client = KeyturnClient.open(profile, self.places, now=now, signer=lambda: self.signer)
        return stack.enter_context(client)


def make_desks(directory: Path) -> dict[str, Desk]:
    """Key pairs of both kinds, in encrypted files, passphrases of 128 bits."""
    desks = {}
    people = {officer: (name, ROLES) for officer, name in OFFICERS.items()} | ALSO
    for place, (officer, (name, roles)) in enumerate(people.items()):
        algorithm = Algorithm.P256 if place % 2 else Algorithm.ED25519
        secret = generate(officer, name, algorithm)
        passphrase = bytearray(secrets.token_hex(16).encode())
        desk = Desk(officer, name, directory / officer, passphrase, secret, roles)
        desk.directory.mkdir(mode=0o700, parents=True)
        write_key_file(desk.key_file, secret, bytearray(passphrase))
        desks[officer] = desk
    return desks


def propose(
    client: KeyturnClient,
    desk: Desk,
    kind: Kind,
    subject: str,
    body: Mapping[str, object],
    reason: str,
    *,
    key: bytes | None = None,
    manifest: bytes | None = None,
) -> Proposal:
    """Sign a statement on top of what is in force, and post it."""
    state = client.state()
    newest = state.newest.get((kind, subject))
    payload = compose_payload(
        kind,
        subject,
        authority=state.fingerprint,
        version=newest.statement.version + 1 if newest else 1,
        replaces=newest.statement.digest if newest else None,
        proposer=desk.officer,
        time=now(),
        reason=reason,
        body=dict(body),
        life=None if kind is Kind.REVOCATION else timedelta(days=90),
    )
    envelope = desk.signer.sign(statement_type(kind), payload).to_bytes()
    return client.propose(envelope, key=key, manifest=manifest)


def approve(client: KeyturnClient, digest: Digest, comment: str = "") -> Proposal:
    return client.decide(digest, Decision.APPROVE, comment)
