"""Whose turn it is to sign, what they enter and attach, and over which pages. No Qt in here."""

from dataclasses import dataclass

from keyturn.ceremony.course import Course
from keyturn.ceremony.script import Action, Attaches, Entered, Part, ShareUse, Step
from keyturn.ceremony.steps import Place
from keyturn.client.ceremonyshares import uses_to_enter, uses_to_open
from keyturn.quorum.roster import Officer
from keyturn_app.screens.ceremonies.hosts import Awaiting, Box, Told, ToSign
from keyturn_app.screens.ceremonies.signingview import Page


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is, for which step, where in the chain; `officer` as the roster has them."""

    told: Told
    officer: Officer
    part: Part
    awaiting: Awaiting

    @property
    def course(self) -> Course:
        return self.told.course

    @property
    def unlocks(self) -> bool:
        """Whether shares are asked for before the step itself: the host forgot them."""
        return bool(self.awaiting.unmet)

    @property
    def step(self) -> Step:
        step = self.course.step
        assert step is not None  # nobody's turn comes when it is over
        return step

    @property
    def place(self) -> Place:
        return self.course.place

    @property
    def fields(self) -> tuple[Entered, ...]:
        if self.unlocks:
            return ()
        return tuple(each for each in self.step.entered if each.part is self.part)

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Shares that are shown to this officer in this step."""
        if self.part is not Part.CUSTODIAN:
            return ()
        mine = tuple(each for each in self.awaiting.boxes if each.officer == self.officer.id)
        if self.step.action is Action.HAND_OUT:
            dealt = {each.value for each in self.course.plan.shares}
            return tuple(each for each in mine if each.use in dealt)
        if not self.course.plan.rehearsal or (self._handed_out and not self._opens):
            return ()
        wanted = {each.value for each in self.uses}
        return tuple(each for each in mine if each.use in wanted)

    @property
    def _opens(self) -> bool:
        """Whether this step asks for shares that stood before the ceremony."""
        return self.step.action in {Action.UNLOCK, Action.UNLOCK_SO, Action.UNLOCK_BACKUP}

    @property
    def _handed_out(self) -> bool:
        """Whether a step of this ceremony gave custodians their shares; else a rehearsal shows
        those of its throw-away token where they are asked for."""
        return any(each.action is Action.HAND_OUT for each in self.course.script.steps)

    @property
    def uses(self) -> tuple[ShareUse, ...]:
        """Shares that this officer enters in this step."""
        if self.part is not Part.CUSTODIAN:
            return ()
        if self.unlocks:
            awaiting = self.awaiting
            return uses_to_open(self.course, awaiting.unmet, awaiting.entered, self.officer.id)
        return uses_to_enter(self.course, self.step, self.officer.id)

    @property
    def statements(self) -> tuple[ToSign, ...]:
        """What of the step's statements this officer's roles let them sign."""
        if self.step.attaches is not Attaches.STATEMENTS or self.part is not Part.OFFICER:
            return ()
        return tuple(each for each in self.awaiting.statements if self._theirs(each))

    def _theirs(self, statement: ToSign) -> bool:
        """A proposer signs the statement, everybody else approves it."""
        mine = statement.proposer == self.officer.id
        return mine if statement.role == "propose" else not mine


def pages_of(turn: Turn) -> tuple[tuple[Page, str], ...]:
    """(page, what it is about), in their order; a share never shares a page."""
    pages = [(Page.KEY, "")]
    if turn.boxes or turn.uses:
        pages.append((Page.ALONE, ""))
    pages += [(Page.SHOW, box_key(each)) for each in turn.boxes]
    pages += [(Page.ENTER, each.value) for each in turn.uses]
    pages.append((Page.FORM, ""))
    return tuple(pages)


def box_key(box: Box) -> str:
    return f"{box.use}/{box.group}/{box.member}"
