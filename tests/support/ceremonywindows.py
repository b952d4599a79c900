"""Statements whose time ends while their ceremony is held, and the clocks of all who take part."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.base.encoding import Digest
from keyturn.base.times import format_time
from keyturn.ceremony.plan import Plan
from keyturn.quorum.kinds import Kind
from support.ceremonies_host import (
    APPROVERS,
    OpenKeyholder,
    Table,
    approval,
    ceremony_body,
    now,
    statement,
)


@dataclass
class Window:
    """Of the statement that lets `plan` happen. The keyholder is in this process."""

    keyholder: OpenKeyholder
    table: Table
    plan: Plan
    ahead: timedelta = timedelta(0)
    version: int = 1
    newest: Digest | None = None
    open: bool = True

    def __post_init__(self) -> None:
        self.newest = self.plan.statement
        journal = self.keyholder.opened.keyholder.journal
        journal._clock, journal._boottime = self.now, None
        self.table.clock = self.now

    def now(self) -> datetime:
        return now() + self.ahead

    def ends(self) -> None:
        """Every clock stands behind it."""
        if self.open:
            self.ahead += timedelta(days=2)
            self.open = False

    def opens_again(self, **changed: object) -> None:
        """Its next version comes into force."""
        self.version += 1
        at, cast = self.now(), self.keyholder.cast
        body = {
            **ceremony_body(self.plan),
            "not_before": format_time(at - timedelta(minutes=1)),
            "not_after": format_time(at + timedelta(days=1)),
            **changed,
        }
        raw, digest = statement(
            cast,
            self.keyholder.fingerprint,
            Kind.CEREMONY,
            self.plan.ceremony,
            body,
            version=self.version,
            replaces=self.newest,
            time=at,
        )
        approvals = [approval(cast, digest, each, at) for each in APPROVERS[:3]]
        self.keyholder.opened.keyholder.submissions.submit(raw, approvals, None)
        self.newest, self.open = digest, True
