"""Statements that officers sign in a step: composed by the host, proposed and approved by them.

Shared by a founding and by new keys. What the host composed is kept, so that all sign the same
bytes, also after it was stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keyturn.base.dsse import parse_envelope
from keyturn.base.encoding import Digest, b64, digest_of, unb64
from keyturn.base.strictjson import dump, parse_object
from keyturn.ceremony.checks import check_envelope
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.steps import StepSignature
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, parse_approval
from keyturn.quorum.kinds import Kind, Role, payload_type
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.wire.ceremonies import StatementToSign

COMPOSED = "composed.json"
SIGNED = "signed.json"
_LIMIT = 16 << 20

Envelopes = tuple[bytes, tuple[bytes, ...]]
"""Exact bytes: a statement, and its approvals."""


@dataclass(frozen=True, slots=True)
class Composed:
    """Payloads that wait for signatures, by kind, in their order, and who proposes them."""

    proposer: OfficerId
    payloads: Mapping[Kind, bytes]

    def digest(self, kind: Kind) -> Digest:
        return digest_of(self.payloads[kind])


def proposer_of(roster: Roster, preferred: OfficerId) -> OfficerId:
    """Whoever is preferred and may; else the first in the roster who may."""
    may = [each.id for each in roster.officers.values() if Role.PROPOSER in each.roles]
    return preferred if preferred in may else may[0]


def keep_composed(files: CeremonyFiles, composed: Composed) -> None:
    payloads = {kind.value: b64(payload) for kind, payload in composed.payloads.items()}
    files.keep(
        COMPOSED,
        dump(
            {
                "type": "composed-statements",
                "format": 1,
                "proposer": composed.proposer,
                "payloads": payloads,
            }
        ),
    )


def kept_composed(files: CeremonyFiles) -> Composed:
    """Raises CeremonyRefused where nothing was composed."""
    raw = files.kept(COMPOSED)
    if raw is None:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "what was to be signed is not there",
            found="no such file",
            expected=COMPOSED,
            hint="abort the ceremony",
        )
    fields = parse_object(raw, limit=_LIMIT, what="composed statements")
    fields.literal("type", "composed-statements")
    fields.literal("format", 1)
    proposer, inner = OfficerId(fields.text("proposer")), fields.fields("payloads")
    payloads = {Kind(name): inner.b64(name, limit=_LIMIT) for name in inner.names()}
    fields.done()
    return Composed(proposer, payloads)


def to_sign(composed: Composed) -> tuple[StatementToSign, ...]:
    """Each payload twice: for its proposer, and for those who approve its digest."""
    return tuple(
        StatementToSign(kind.value, role, payload_type(kind.value), payload)
        for role in ("propose", "approve")
        for kind, payload in composed.payloads.items()
    )


def check_attached(
    composed: Composed, roster: Roster, signature: StepSignature, attached: Sequence[bytes]
) -> None:
    """Whether each is what this officer was asked for. Raises MalformedError, CeremonyRefused."""
    for raw in attached:
        envelope = parse_envelope(raw)
        officer = check_envelope(envelope, signature.officer, roster)
        if envelope.payload_type != APPROVAL_TYPE:
            known = {payload_type(kind.value): each for kind, each in composed.payloads.items()}
            if known.get(envelope.payload_type) != envelope.payload:
                raise _wrong("it is not the statement that was composed here")
            if signature.officer != composed.proposer:
                raise _wrong(f"only {composed.proposer} proposes it")
            continue
        approval = parse_approval(raw)
        if approval.statement not in {composed.digest(kind) for kind in composed.payloads}:
            raise _wrong("it approves another statement than those of this step")
        if approval.officer != signature.officer or Role.APPROVER not in officer.roles:
            raise _wrong("an approver approves in their own name")
        if approval.decision is not Decision.APPROVE:
            raise _wrong(
                "it is a rejection",
                hint="whoever rejects signs nothing here: the ceremony is aborted",
            )


def gathered(
    composed: Composed, attached: Mapping[str, Sequence[bytes]]
) -> Mapping[Kind, Envelopes] | None:
    """Each statement with its approvals; None while a statement is not signed by its proposer."""
    found: dict[Kind, Envelopes] = {}
    parsed = [(raw, parse_envelope(raw)) for each in attached.values() for raw in each]
    for kind, payload in composed.payloads.items():
        statement = next((raw for raw, each in parsed if each.payload == payload), None)
        if statement is None:
            return None
        approvals = (
            raw
            for raw, each in parsed
            if each.payload_type == APPROVAL_TYPE
            and parse_approval(raw).statement == composed.digest(kind)
        )
        found[kind] = (statement, tuple(approvals))
    return found


def keep_signed(files: CeremonyFiles, signed: Mapping[Kind, Envelopes]) -> None:
    files.keep(
        SIGNED,
        dump(
            {
                "type": "signed-statements",
                "format": 1,
                "statements": {
                    kind.value: {
                        "statement": b64(statement),
                        "approvals": [b64(each) for each in approvals],
                    }
                    for kind, (statement, approvals) in signed.items()
                },
            }
        ),
    )


def kept_signed(files: CeremonyFiles) -> Mapping[Kind, Envelopes]:
    """Raises CeremonyRefused where nothing was signed."""
    raw = files.kept(SIGNED)
    if raw is None:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            "what was signed is not there",
            found="no such file",
            expected=SIGNED,
            hint="abort the ceremony",
        )
    fields = parse_object(raw, limit=_LIMIT, what="signed statements")
    fields.literal("type", "signed-statements")
    fields.literal("format", 1)
    inner = fields.fields("statements")
    found: dict[Kind, Envelopes] = {}
    for name in inner.names():
        each = inner.fields(name)
        approvals = (unb64(text, what="approval") for text in each.texts("approvals"))
        found[Kind(name)] = (each.b64("statement", limit=_LIMIT), tuple(approvals))
        each.done()
    fields.done()
    return found


def _wrong(message: str, *, hint: str = "") -> CeremonyRefused:
    return CeremonyRefused(
        CeremonyReason.WRONG_ATTACHMENT, f"what is attached cannot be taken: {message}", hint=hint
    )
