"""What an action is given, and what every action says of itself."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.course import Course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import Action, ShareUse, Step
from keyturn.ceremony.shares import Gathering
from keyturn.ceremony.steps import StepSignature
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.sharing import Entered
from keyturn.keyholder.ceremonies.site import Site
from keyturn.quorum.roster import Roster
from keyturn.wire.ceremonies import Progress, StatementToSign

Report = Callable[[Progress], None]
At = Callable[[str], None]
"""Called where a kill would hurt most, with the place's name: tests end the process there."""


def nowhere(_: str) -> None:
    """Nothing happens."""


def nothing(_: Plan) -> tuple[ShareUse, ...]:
    """No shares."""
    return ()


@dataclass(slots=True)
class Doing:
    """One step of one ceremony, about to be done."""

    site: Site
    files: CeremonyFiles
    course: Course
    step: Step
    signatures: tuple[StepSignature, ...]
    attached: Mapping[str, tuple[bytes, ...]]
    """By officer, the exact bytes beside their signature, entered shares left out."""
    shares: Entered | None
    """Those that came with this step's signatures."""
    unlocked: Mapping[ShareUse, Entered]
    """Those that an earlier step opened."""
    report: Report
    random: Callable[[int], bytes] = secrets.token_bytes
    at: At = nowhere

    @property
    def plan(self) -> Plan:
        return self.course.plan

    @property
    def plan_digest(self) -> Digest:
        return self.course.signed_plan.digest

    @property
    def roster(self) -> Roster:
        return self.course.roster

    @property
    def records(self) -> tuple[Record, ...]:
        return self.course.records

    def now(self) -> datetime:
        return self.site.now()

    def held(self, use: ShareUse) -> tuple[Gathering, ...]:
        """Shares that an earlier step opened, enough of them. Raises CeremonyRefused."""
        entered = self.unlocked.get(use)
        candidates = entered.candidates(use) if entered is not None else ()
        if not candidates:
            raise CeremonyRefused(
                CeremonyReason.LOCKED, "not enough shares are here", found=use.value
            )
        return candidates

    def facts_of(self, action: Action) -> JsonObject | None:
        """Those of the newest record of a step with this action; None before it was done."""
        found = self._done(action)
        return found.facts if found is not None else None

    def begun_after(self, action: Action) -> datetime | None:
        """A time before the newest step with this action, that was done, did anything: of the
        record before its own, which is written when all of it is over."""
        found = self._done(action)
        return self.records[found.seq - 1].time if found is not None else None

    def _done(self, action: Action) -> Record | None:
        steps = {each.id for each in self.course.script.steps if each.action is action}
        for each in reversed(self.records):
            if each.event is Event.DONE and each.step in steps:
                return each
        return None


@dataclass(frozen=True, slots=True)
class Act:
    """What the host does in a step. `do` returns the facts of its record."""

    do: Callable[[Doing], Facts]
    token: bool = False
    """Whether the token in use must be open."""
    fresh: bool = False
    """Whether the token that is being made must be."""
    holds: Callable[[Plan], tuple[ShareUse, ...]] = nothing
    """Of what enough shares must be in memory, entered in a step before."""
    holds_old: bool = False
    """Whether those are of the token in use, though shares of another one were dealt."""
    fresh_pin: bool = False
    """Whether the PIN of the token that replaces another must be in memory."""
    keeps: Callable[[Plan], tuple[ShareUse, ...]] = nothing
    """Of what the shares that were entered in this step stay in memory for later ones."""
    check: Callable[[Doing, StepSignature, tuple[bytes, ...]], None] | None = None
    """Refuses what an officer attaches, before the signature is taken."""
    complete: Callable[[Doing], bool] | None = None
    """Whether what is attached is enough; None: the signatures alone decide."""
    statements: Callable[[Doing], tuple[StatementToSign, ...]] | None = None
    left: str = "nothing of it is left"
    """What a failure leaves behind, for people."""


Undo = Callable[[CeremonyFiles, Site, Course], None]
"""What an abort takes back of a whole ceremony. Done twice, it does no more than once."""
