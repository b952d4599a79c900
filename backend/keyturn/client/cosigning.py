"""An officer's app as a witness, and what all witnesses said: our protocol §9.7.

What is cosigned was verified by the client first and remembered durably; whoever showed this
profile a revocation with its quorum is waited for until the log's own state has it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from keyturn.base.signatures import VerifyKey
from keyturn.client.cosigner import Cosigner, TooManyOwed
from keyturn.client.errors import HistoryRewritten, ServerLied, ServerRefused
from keyturn.client.offline import ProposalFile
from keyturn.client.proposals import Proposal, Status
from keyturn.client.seen import Seen
from keyturn.keyrelease.cosigning import LogState, Pending, owed
from keyturn.keyrelease.errors import (
    BadProof,
    ClockWentBack,
    Forked,
    OtherSize,
    RevocationMissing,
)
from keyturn.keyrelease.witnessing import Cosigned, Witnessed, covered, fresh
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.approvals import Approval, Decision, parse_approval
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Roster, Witnesses
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.tlog.checkpoints import (
    SignedCheckpoint,
    Witness,
    cosignatures_of,
    kept_checkpoint,
    verify_checkpoint,
)
from keyturn.tlog.notes import NoteKey, NoteSignature, SignedNote
from keyturn.tlog.proofs import Proof

TRIES = 3
_UNDECIDED = {Status.OPEN, Status.REFUSED}

AskConsistency = Callable[[int, int], Proof]
HandIn = Callable[[bytes], None]


class Hindrance(Enum):
    """Why this app does not cosign."""

    NOT_A_WITNESS = "not-a-witness"  # its key is not in the roster in force
    REVOCATION_MISSING = "revocation-missing"
    CLOCK_WENT_BACK = "clock-went-back"
    REFUSED = "refused"  # by the keyholder, says the server


@dataclass(frozen=True, slots=True)
class OwnCosigning:
    """This app as a witness. `size` and `time` are of its last cosignature, 0 and None before."""

    witness: Witness
    hindrance: Hindrance | None
    detail: str
    owed: tuple[Pending, ...]
    size: int
    time: datetime | None


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """One witness of the roster: what it cosigned last, verified, and by its own clock when.

    `name` as it signed; None, with 0 and None, for one of which no cosignature is kept.
    """

    key: VerifyKey
    name: str | None
    size: int
    time: datetime | None


@dataclass(frozen=True, slots=True)
class WitnessState:
    """The witnesses of the roster, in its order. Ages grow: ask `fresh` again by the clock."""

    witnesses: Witnesses
    lines: tuple[WitnessLine, ...]

    def is_fresh(self, line: WitnessLine, now: datetime) -> bool:
        return bool(fresh(self.witnesses, _witnessed([line]), now))

    def fresh(self, now: datetime) -> int:
        """How many count now."""
        return len(fresh(self.witnesses, _witnessed(self.lines), now))

    def covered(self, now: datetime) -> int | None:
        """The largest size that k of them have seen lately."""
        return covered(self.witnesses, _witnessed(self.lines), now)


def read_notes(
    notes: Sequence[bytes],
    witnesses: Witnesses,
    log_key: VerifyKey,
    origin: str,
    agree: Callable[[SignedCheckpoint], None],
) -> WitnessState:
    """Each note verified, and of the history that was seen (`agree` raises HistoryRewritten).

    Lines of keys that are not in this roster are ignored. Raises UntrustedCheckpoint.
    """
    found: dict[str, WitnessLine] = {}
    for raw in notes:
        signed = verify_checkpoint(raw, log_key, origin)
        agree(signed)
        for each in cosignatures_of(signed.note, witnesses.keys):
            size, time = signed.checkpoint.size, _moment(each.time)
            new = WitnessLine(each.witness.key, each.witness.name, size, time)
            key_id = each.witness.key.key_id
            if key_id not in found or _rank(found[key_id]) < _rank(new):
                found[key_id] = new
    nothing = (WitnessLine(key, None, 0, None) for key in witnesses.keys)
    return WitnessState(witnesses, tuple(found.get(each.key.key_id, each) for each in nothing))


class OfficerWitness:
    """One profile's. Whoever calls has verified what it hands in, but for the quorum."""

    def __init__(self, cosigner: Cosigner, now: Callable[[], datetime]) -> None:
        self._cosigner = cosigner
        self._now = now
        self._handed: set[str] = set()

    # ---- revocations that this profile was shown ----

    def hand(
        self,
        statement: Statement,
        approvals: Sequence[Approval],
        authority: AuthorityState,
        origin: str,
        size: int,
    ) -> None:
        """Owed from here on, if it is a revocation whose quorum holds by this authority and that
        is not in its log. `size`: of the log as it is known. Raises FileUnusable."""
        if statement.kind is not Kind.REVOCATION or statement.digest in self._handed:
            return
        try:
            new = owed(statement, approvals, authority, size, self._now())
        except SubmissionRefused:
            return
        if LogState(origin, pending=(new,)).settled_by(authority).pending:
            try:
                raws = tuple(each.raw for each in approvals)
                self._cosigner.owe(origin, new, statement.raw, raws)
            except TooManyOwed:
                return  # nothing is cosigned anyway
        self._handed.add(statement.digest)

    def hand_proposal(self, proposal: Proposal, seen: Seen) -> None:
        """As listed: what does not count is no reason to overlook what does."""
        if proposal.status in _UNDECIDED:
            size = seen.checkpoint.checkpoint.size
            self.hand(
                proposal.statement,
                _counted(proposal.approvals, proposal.approved_by),
                seen.state,
                seen.authority.origin,
                size,
            )

    def hand_decision(self, known: Proposal, raw: bytes, seen: Seen) -> None:
        """This officer's own approval, beside those that counted before."""
        mine = parse_approval(raw)
        others = [each for each in known.approvals if each.officer != mine.officer]
        counted = _counted(others, known.approved_by)
        if mine.decision is Decision.APPROVE:
            size = seen.checkpoint.checkpoint.size
            origin = seen.authority.origin
            self.hand(known.statement, (*counted, mine), seen.state, origin, size)

    def hand_file(self, file: ProposalFile, size: int) -> None:
        counted = _counted(file.approvals, file.approved_by)
        authority = file.authority
        self.hand(file.statement, counted, authority.state, authority.origin, size)

    def owed(self, seen: Seen) -> list[tuple[Pending, bytes | None]]:
        """What is missing from the log that was seen, and its proposal file, if it is kept."""
        state = self._cosigner.settle(seen.authority.origin, seen.state)
        return [(each, self._file(each, seen)) for each in state.pending]

    def _file(self, pending: Pending, seen: Seen) -> bytes | None:
        kept = self._cosigner.envelopes(pending.statement)
        if kept is None:
            return None
        statement = parse_statement(kept[0])
        approvals = tuple(parse_approval(each) for each in kept[1])
        bundle = make_bundle(seen.state)
        return ProposalFile(statement, approvals, seen.authority, bundle).to_bytes()

    # ---- cosigning ----

    def witness(self, signer: Signer) -> Witness:
        return self._cosigner.witness(signer)

    def standing(self, seen: Seen, signer: Signer) -> OwnCosigning:
        """Whether this app would cosign what was seen; nothing is signed."""
        origin = seen.authority.origin
        witness, state = self.witness(signer), self._cosigner.settle(origin, seen.state)
        hindrance = None
        if witness.key.key_id not in _keys_in_force(seen.state, self._now()):
            hindrance = Hindrance.NOT_A_WITNESS
        elif state.pending:
            hindrance = Hindrance.REVOCATION_MISSING
        return _own(witness, state, hindrance)

    def cosign(
        self,
        seen: Seen,
        signer: Signer,
        log_key: VerifyKey,
        consistency: AskConsistency,
        hand_in: HandIn,
    ) -> OwnCosigning:
        """Cosign what was seen, and hand it in; or say why not.

        Raises HistoryRewritten when it contradicts what this key cosigned, and what the server's
        answers raise.
        """
        standing = self.standing(seen, signer)
        if standing.hindrance is not None:
            return standing
        origin = seen.authority.origin
        try:
            line = self._signed(seen, signer, consistency)
            if line is not None:
                hand_in(_under(seen.checkpoint, log_key, line).to_bytes())
        except RevocationMissing:  # handed to another window just now
            return self.standing(seen, signer)
        except ClockWentBack as error:
            return _own(
                standing.witness,
                self._cosigner.state(origin),
                Hindrance.CLOCK_WENT_BACK,
                f"{error.found}, {error.expected}",
            )
        except ServerRefused as error:
            state = self._cosigner.state(origin)
            return _own(standing.witness, state, Hindrance.REFUSED, str(error))
        return _own(standing.witness, self._cosigner.state(origin), None)

    def _signed(
        self, seen: Seen, signer: Signer, consistency: AskConsistency
    ) -> NoteSignature | None:
        """None when another window of this profile has cosigned more than was seen here."""
        at = seen.checkpoint.checkpoint
        for _ in range(TRIES):
            known = self._cosigner.state(at.origin)
            if known.size > at.size:
                return None
            trivial = known.size in (0, at.size)
            proof = () if trivial else consistency(known.size, at.size)
            now = int(self._now().timestamp())
            try:
                return self._cosigner.cosign(signer, seen.checkpoint, known.size, proof, now)
            except (Forked, BadProof) as error:
                raise HistoryRewritten(
                    f"the log contradicts what this app has cosigned: {error.message}",
                    kept=kept_checkpoint(known.note.encode()),
                    shown=seen.checkpoint,
                ) from error
            except OtherSize:
                continue
        return None


def _counted(approvals: Sequence[Approval], by: Sequence[str]) -> tuple[Approval, ...]:
    return tuple(each for each in approvals if each.officer in by)


def _keys_in_force(state: AuthorityState, now: datetime) -> frozenset[str]:
    found = state.roster_in_force(now)
    if found is None or not isinstance(found.statement.body, Roster):
        return frozenset()
    return frozenset(key.key_id for key in found.statement.body.witnesses.keys)


def _own(
    witness: Witness, state: LogState, hindrance: Hindrance | None, detail: str = ""
) -> OwnCosigning:
    time = _moment(state.time) if state.time else None
    return OwnCosigning(witness, hindrance, detail, state.pending, state.size if time else 0, time)


def _under(signed: SignedCheckpoint, log_key: VerifyKey, line: NoteSignature) -> SignedNote:
    """Without the lines of others, which nobody here has verified."""
    own = NoteKey(signed.checkpoint.origin, log_key)
    value = signed.note.signature_of(own)
    if value is None:
        raise ServerLied("the checkpoint is not signed by the log's key")
    log_line = NoteSignature(own.name, own.id, value)
    return SignedNote(signed.note.text, (log_line, line))


def _witnessed(lines: Sequence[WitnessLine]) -> Witnessed:
    return Witnessed(
        tuple(
            Cosigned(each.key.key_id, each.size, int(each.time.timestamp()))
            for each in lines
            if each.time is not None
        )
    )


def _rank(line: WitnessLine) -> tuple[int, float]:
    return line.size, 0.0 if line.time is None else line.time.timestamp()


def _moment(seconds: int) -> datetime:
    """By a witness's clock: what no calendar has is as far off as can be."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)
