"""A new statement on top of what is in force: composed, checked in form, signed, posted."""

from datetime import datetime, timedelta
from typing import Protocol

from keyturn.base.strictjson import JsonObject
from keyturn.client.proposals import Proposal, version_after
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import compose_payload, parse_statement, statement_type

LIFE = timedelta(days=90)
LAPSES = timedelta(days=3)


class Server(Protocol):
    """What proposing needs of `KeyturnClient`."""

    def state(self) -> AuthorityState: ...

    def propose(
        self, statement: bytes, *, key: bytes | None = None, manifest: bytes | None = None
    ) -> Proposal: ...


def propose(
    client: Server,
    signer: Signer,
    kind: Kind,
    subject: str,
    body: JsonObject,
    *,
    reason: str,
    life: timedelta | None,
    lapses: timedelta,
    ticket: str | None,
    now: datetime,
    key: bytes | None = None,
    manifest: bytes | None = None,
) -> Proposal:
    """Propose `body` as the next version of (kind, subject); a revocation has no `life`.

    Raises MalformedStatement, naming the field, before anything is posted.
    """
    state = client.state()
    version, replaces = version_after(state, kind, subject)
    payload = compose_payload(
        kind,
        subject,
        authority=state.fingerprint,
        version=version,
        replaces=replaces,
        proposer=signer.officer,
        time=now,
        reason=reason,
        body=dict(body),
        lapses=lapses,
        life=None if kind is Kind.REVOCATION else life,
        ticket=ticket,
    )
    envelope = signer.sign(statement_type(kind), payload).to_bytes()
    parse_statement(envelope)  # what the keyholder could not read is not worth proposing
    return client.propose(envelope, key=key, manifest=manifest)
