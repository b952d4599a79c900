"""Approvals and rejections, entered when they are given and before any quorum (§2.10)."""

from collections.abc import Callable
from datetime import datetime

from keyturn.keyholder.allowance import DECISIONS_PER_DAY, DecisionAllowance
from keyturn.keyholder.errors import TooManyDecisions
from keyturn.keyholder.journal import Journal
from keyturn.keyholder.logdisk_errors import LogFull
from keyturn.quorum.approvals import Approval, parse_approval
from keyturn.quorum.entries import DecisionEntry, decision_entry
from keyturn.quorum.statements import Statement, parse_statement


class Decisions:
    """Judges and enters one decision at a time. Safe for many threads."""

    def __init__(self, journal: Journal, remember: Callable[[int], None]) -> None:
        """`remember` has the token remember the log from an entry on, inside `ordered`."""
        self._journal = journal
        self._remember = remember
        self._allowance = DecisionAllowance()  # `ordered` locks it; a restart forgets it

    def record(self, raw_statement: bytes, raw: bytes) -> int:
        """The index of its entry; the same decision again, in whatever envelope, has the same.

        Raises MalformedError, SubmissionRefused, TooManyDecisions, LogFull.
        """
        approval, statement = parse_approval(raw), parse_statement(raw_statement)
        journal = self._journal
        with journal.ordered():
            known = journal.state.recorded(approval)
            if known is not None:
                self._remember(known.index)
                return known.index
            now = journal.now()
            journal.state.check_decision(approval, statement, now)
            whose = self._counted_as(approval, statement)
            self._check_allowance(whose, now)
            if not journal.refusals_fit(raw_statement + raw):
                raise LogFull("the log's disk has no room for decisions without a quorum")
            envelopes = (
                journal.put_object(raw_statement, reserved=False),
                journal.put_object(raw, reserved=False),
            )
            entry = DecisionEntry(statement.digest, approval.officer, approval.decision, envelopes)
            committed = journal.commit(decision_entry(now, entry), reserved=False)
            self._allowance.spend(whose, now)
            self._remember(committed.index)
        return committed.index

    def _counted_as(self, approval: Approval, statement: Statement) -> str:
        """Whose day it is. A proposed roster names whom it likes: those that only it names share
        one day, which is no officer's own, for each proposer."""
        roster = self._journal.state.roster
        known = roster is not None and approval.officer in roster.officers
        return approval.officer if known else f"newcomers of {statement.proposer}"

    def _check_allowance(self, whose: str, now: datetime) -> None:
        if not self._allowance.has(whose, now):
            raise TooManyDecisions(
                f"{whose} has decided often enough today",
                found=f"{DECISIONS_PER_DAY} decisions in the log since midnight (UTC)",
                expected=f"at most {DECISIONS_PER_DAY}",
                hint="hand it in tomorrow; a submission takes it at any time",
            )
