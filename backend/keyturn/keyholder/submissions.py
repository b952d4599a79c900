"""Statements come into force here, where they are used (I3, our protocol §2.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import digest_bytes
from keyturn.hsm.protocol import Admission as HsmAdmission
from keyturn.hsm.protocol import Hsm, KekWrapped
from keyturn.hsm.protocol import Purpose as HsmPurpose
from keyturn.keyholder.allowance import DECISIONS_PER_DAY, DecisionAllowance
from keyturn.keyholder.errors import KeyFileRefused, TooManyDecisions
from keyturn.keyholder.journal import Journal
from keyturn.keyholder.logdisk_errors import LogFull
from keyturn.keyholder.token import check_keys
from keyturn.quorum.approvals import Approval, Withdrawal, parse_approval, parse_withdrawal
from keyturn.quorum.bodies import Admission, Keys, Purpose
from keyturn.quorum.entries import (
    MAX_ENVELOPES,
    StatementEntry,
    WithdrawalEntry,
    statement_entry,
    withdrawal_entry,
)
from keyturn.quorum.errors import MalformedStatement, SubmissionReason, SubmissionRefused
from keyturn.quorum.state import InForce
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.seal.sealedkey import parse_sealed_key
from keyturn.tlog.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Entered:
    """A statement that came into force: where, the proof, and for a model its DEK under the KEK.

    `in_force` is False for one that was superseded or revoked, or has expired, since.
    """

    index: int
    receipt: Receipt
    dek: KekWrapped | None
    in_force: bool

    @property
    def wrapped(self) -> bytes | None:
        """The DEK as it lies under the KEK."""
        return None if self.dek is None else self.dek.value


class Submissions:
    """Judges what is handed in and enters what has its quorum. Safe for many threads."""

    def __init__(self, journal: Journal, hsm: Hsm) -> None:
        self._journal = journal
        self._hsm = hsm
        self._oaep = hsm.public_keys()[HsmPurpose.INGEST].oaep_hash
        self._withdrawals = DecisionAllowance()  # `ordered` locks it; a restart forgets it
        self._remembered = 0  # size of the log that the token remembers, as far as known here

    def submit(self, raw: bytes, approvals: Sequence[bytes], key: bytes | None) -> Entered:
        """Idempotent: a statement that was entered before is answered with its index, and whether
        it is in force still.

        `key` is the model's `keyturn.key`; without it a model cannot be admitted. Raises
        MalformedError, SubmissionRefused, KeyFileRefused, and what log and HSM raise.
        """
        statement = parse_statement(raw)
        parsed = [parse_approval(each) for each in approvals]
        check_nameable(approvals)
        known = self._journal.state.by_digest.get(statement.digest)
        if known is None:
            entered = self._enter(statement, raw, approvals, parsed, key)
            if isinstance(entered, Entered):
                return entered
            known = entered
        return self._again(known, key)

    def _again(self, known: InForce, key: bytes | None) -> Entered:
        """Entered before. What the HSM does for it keeps no other entry waiting."""
        journal = self._journal
        wrapped = self._rewrap(known.statement, key) if key is not None else None
        with journal.ordered():
            self.remember(known.index)
            still = self._in_force(known.statement)
        return Entered(known.index, journal.receipt(known.index), wrapped, still)

    def _enter(
        self,
        statement: Statement,
        raw: bytes,
        approvals: Sequence[bytes],
        parsed: Sequence[Approval],
        key: bytes | None,
    ) -> Entered | InForce:
        """In force from here on, or what another thread entered just before."""
        journal = self._journal
        with journal.ordered():
            known = journal.state.by_digest.get(statement.digest)
            if known is not None:
                return known
            now = journal.now()
            journal.state.submit(statement, parsed, now)
            if isinstance(statement.body, Keys):
                check_keys(statement.body, self._hsm, journal.origin)
            wrapped = self._rewrap(statement, key)
            envelopes = tuple(journal.put_object(each) for each in (raw, *approvals))
            entry = StatementEntry(
                statement.digest, statement.kind, statement.subject, statement.version, envelopes
            )
            committed = journal.commit(statement_entry(now, entry))
            self.remember(committed.index)
        return Entered(committed.index, journal.receipt(committed.index), wrapped, True)

    def _in_force(self, statement: Statement) -> bool:
        """Neither superseded, nor revoked, nor expired."""
        journal = self._journal
        found = journal.state.in_force(statement.kind, statement.subject, journal.now())
        return found is not None and found.statement.digest == statement.digest

    def withdraw(self, raw_statement: bytes, raw: bytes) -> tuple[int, Receipt]:
        """End an open proposal for ever.

        No quorum stands behind a withdrawal: it is bounded as decisions are, and nobody can have
        a statement kept that he did not sign as its proposer. Raises MalformedError,
        SubmissionRefused, TooManyDecisions, LogFull.
        """
        statement = parse_statement(raw_statement)
        withdrawal: Withdrawal = parse_withdrawal(raw)
        journal = self._journal
        with journal.ordered():
            if statement.digest in journal.state.withdrawn:
                raise SubmissionRefused(SubmissionReason.WITHDRAWN, "it was withdrawn already")
            journal.state.check_withdrawal(withdrawal, statement)
            now = journal.now()
            self._check_withdrawals(withdrawal, now)
            if not journal.refusals_fit(raw_statement + raw):
                raise LogFull("the log's disk has no room for withdrawals beside its reserve")
            envelopes = (
                journal.put_object(raw_statement, reserved=False),
                journal.put_object(raw, reserved=False),
            )
            entry = WithdrawalEntry(statement.digest, envelopes)
            committed = journal.commit(withdrawal_entry(now, entry), reserved=False)
            self._withdrawals.spend(withdrawal.officer, now)
            self.remember(committed.index)
        return committed.index, journal.receipt(committed.index)

    def _check_withdrawals(self, withdrawal: Withdrawal, now: datetime) -> None:
        if not self._withdrawals.has(withdrawal.officer, now):
            raise TooManyDecisions(
                f"{withdrawal.officer} has withdrawn often enough today",
                expected=f"at most {DECISIONS_PER_DAY} since midnight (UTC)",
                hint="withdraw it tomorrow, or let it lapse",
            )

    def remember(self, index: int) -> None:
        """Have the token remember the log from this entry on, if it does not yet.

        Inside `ordered`: a mark never goes back. An entry whose mark could not be stored is in
        force all the same; whoever asks about it again has the mark stored.
        """
        if index < self._remembered:
            return
        checkpoint = self._journal.log.checkpoint
        self._hsm.store_mark(checkpoint.to_bytes())
        self._remembered = checkpoint.checkpoint.size

    def _rewrap(self, statement: Statement, key: bytes | None) -> KekWrapped | None:
        """From ingest key to KEK, after the tag was verified in the HSM; None for other kinds."""
        admission = statement.body
        if not isinstance(admission, Admission):
            return None
        if self._journal.state.is_destroyed(statement.kind, statement.subject):
            raise SubmissionRefused(
                SubmissionReason.KEY_DESTROYED,
                "this model's key was destroyed: it is not wrapped again",
                found=statement.subject,
            )
        if key is None:
            raise KeyFileRefused(
                "a model is admitted with its keyturn.key", hint="hand in the file beside it"
            )
        sealed = parse_sealed_key(key)
        keys = self._journal.state.keys(self._journal.now())
        if not isinstance(keys, Keys):
            raise SubmissionRefused(SubmissionReason.NOT_IN_FORCE, "no keys statement is in force")
        ingest = keys.keys[Purpose.INGEST]
        if sealed.wrapped.ingest_key_id != ingest.key_id:
            raise KeyFileRefused(
                "keyturn.key is wrapped to another ingest key",
                found=sealed.wrapped.ingest_key_id[:16],
                expected=ingest.key_id[:16],
                hint="seal the model again with this authority's bundle",
            )
        if sealed.tag != admission.tag:
            raise KeyFileRefused(
                "keyturn.key is not the one that was approved: its tag differs",
                found=sealed.tag.hex()[:16],
                expected=admission.tag.hex()[:16],
            )
        oaep = self._oaep
        if oaep is None or sealed.wrapped.oaep_hash.value != oaep.value:
            raise KeyFileRefused(
                "keyturn.key is wrapped with another hash than the HSM proved",
                found=sealed.wrapped.oaep_hash.value,
                expected=oaep.value if oaep else "none",
                hint="seal the model again with this authority's bundle",
            )
        return self._hsm.rewrap_admission(
            HsmAdmission(
                sealed.wrapped.value,
                oaep,
                digest_bytes(admission.model),
                admission.tag,
            )
        )


def check_nameable(approvals: Sequence[bytes]) -> None:
    """Before any object is kept: what no entry can name would lie on the disk for nothing, and
    use up its reserve. Raises MalformedStatement."""
    if len(set(approvals)) != len(approvals) or len(approvals) >= MAX_ENVELOPES:
        raise MalformedStatement(
            "submission: approvals",
            found=f"{len(approvals)}, {len(set(approvals))} of them different",
            expected=f"fewer than {MAX_ENVELOPES}, each once",
        )
