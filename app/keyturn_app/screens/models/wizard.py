"""Sealing as a table of typed steps: what each needs, and what comes next. No Qt, no secret."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.quorum.bundle import Authority
from keyturn.seal.identity import ModelIdentity, model_id_from, parse_model_id
from keyturn.seal.stream import sealed_size
from keyturn.vault.source import Survey
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.models.work import Place, Plan, Sealed, ingest_key_of


class Step(Enum):
    SOURCE = "source"
    IDENTITY = "identity"
    AUTHORITY = "authority"
    DESTINATION = "destination"
    SUMMARY = "summary"
    SEALING = "sealing"
    DONE = "done"


class Origin(Enum):
    """Where the authority bundle came from."""

    SERVER = "server"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A verified authority; `path` of the file where it is from one."""

    authority: Authority
    origin: Origin
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What was chosen so far. An empty `model_id` means the one made of the name."""

    source: Path | None = None
    survey: Survey | None = None
    name: str = ""
    version: str = "1"
    model_id: str = ""
    chosen: Chosen | None = None
    parent: Path | None = None
    folder: str = ""
    place: Place | None = None

    @property
    def effective_id(self) -> str:
        """Empty where none can be made."""
        if self.model_id:
            return self.model_id
        try:
            return model_id_from(self.name)
        except KeyturnError:
            return ""

    @property
    def effective_folder(self) -> str:
        version = "".join(each if each.isalnum() or each in "._-" else "-" for each in self.version)
        return self.folder or f"{self.effective_id or 'model'}-{version}.sealed"

    @property
    def out(self) -> Path | None:
        return None if self.parent is None else self.parent / self.effective_folder

    @property
    def identity(self) -> ModelIdentity:
        """Raises MalformedSealedModel."""
        model_id = self.model_id or model_id_from(self.name)
        return ModelIdentity(parse_model_id(model_id), self.name, self.version)

    @property
    def sealed_bytes(self) -> int:
        """How much the sealed files will take, the list of contents not counted."""
        return sum(sealed_size(each.size) for each in self.survey.files) if self.survey else 0


Problem = Callable[[Draft, datetime], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """`problem` says why one cannot go on yet; empty when one can."""

    title: Callable[[], str]
    text: Callable[[], str]
    problem: Problem
    next: Step | None
    back: bool = True


def _no_problem(_draft: Draft, _now: datetime) -> str:
    return ""


def source_problem(draft: Draft, _now: datetime) -> str:
    if draft.source is None:
        return _("Choose the directory of the model.")
    if draft.survey is None:
        return _("The directory is being looked at.")
    count = len(draft.survey.refused)
    return n_("{count} thing cannot be sealed.", "{count} things cannot be sealed.", count) * bool(
        count
    )


def identity_problem(draft: Draft, _now: datetime) -> str:
    if not draft.name:
        return _("Give the model a name.")
    try:
        _checked = draft.identity
    except KeyturnError as error:
        return wording.error_text(error)
    return ""


def authority_problem(draft: Draft, now: datetime) -> str:
    if draft.chosen is None:
        return _("Choose whom to seal to.")
    if draft.chosen.authority.state.keys(now) is None:
        return _("The authority's keys have expired.")
    return ""


def destination_problem(draft: Draft, _now: datetime) -> str:
    out, place = draft.out, draft.place
    if out is None:
        return _("Choose where the sealed model is to be put.")
    if "/" in draft.effective_folder or draft.effective_folder in {".", ".."}:
        return _("The folder's name must be a name, without “/”.")
    if draft.source is not None and out.absolute().is_relative_to(draft.source.absolute()):
        return _("It cannot lie within the model that is to be sealed.")
    if place is None or place.out != out:
        return _("The place is being looked at.")
    return _place_problem(draft, place)


def _place_problem(draft: Draft, place: Place) -> str:
    if place.exists:
        return _("There is something of that name already. Choose another name.")
    if not place.writable:
        return _("You may not write there.")
    if place.free < draft.sealed_bytes:
        return _("Too little space: {free} free, {needed} needed.").format(
            free=wording.size(place.free), needed=wording.size(draft.sealed_bytes)
        )
    return ""


RULES: dict[Step, Rule] = {
    Step.SOURCE: Rule(
        lambda: _("Model"),
        lambda: _("Directory to seal"),
        source_problem,
        Step.IDENTITY,
        back=False,
    ),
    Step.IDENTITY: Rule(
        lambda: _("Identity"), lambda: _("Name and version"), identity_problem, Step.AUTHORITY
    ),
    Step.AUTHORITY: Rule(
        lambda: _("Authority"), lambda: _("Whom to seal to"), authority_problem, Step.DESTINATION
    ),
    Step.DESTINATION: Rule(
        lambda: _("Destination"), lambda: _("A new folder"), destination_problem, Step.SUMMARY
    ),
    Step.SUMMARY: Rule(
        lambda: _("Summary"), lambda: _("What will happen"), _no_problem, Step.SEALING
    ),
    Step.SEALING: Rule(
        lambda: _("Seal"), lambda: _("Encrypt and write"), _no_problem, None, back=False
    ),
    Step.DONE: Rule(lambda: _("Result"), lambda: _("Register, propose"), _no_problem, None, False),
}
ORDER = tuple(Step)


@dataclass(frozen=True, slots=True)
class Wizard:
    """Where one is, and the way back. Each move gives a new one; a move that is not open, this."""

    draft: Draft = field(default_factory=Draft)
    step: Step = Step.SOURCE
    behind: tuple[Step, ...] = ()
    sealed: Sealed | None = None

    def problem(self, now: datetime) -> str:
        return RULES[self.step].problem(self.draft, now)

    def forward(self, now: datetime) -> "Wizard":
        onto = RULES[self.step].next
        if onto is None or self.problem(now):
            return self
        return replace(self, step=onto, behind=(*self.behind, self.step))

    @property
    def can_go_back(self) -> bool:
        return bool(self.behind) and RULES[self.step].back

    def back(self) -> "Wizard":
        if not self.can_go_back:
            return self
        return replace(self, step=self.behind[-1], behind=self.behind[:-1])

    def stopped(self) -> "Wizard":
        """Sealing ended without a result: the summary again."""
        if self.step is not Step.SEALING:
            return self
        return replace(self, step=Step.SUMMARY, behind=self.behind[:-1])

    def finished(self, sealed: Sealed) -> "Wizard":
        return replace(self, step=Step.DONE, behind=(), sealed=sealed)

    def with_draft(self, draft: Draft) -> "Wizard":
        return replace(self, draft=draft)

    def plan(self, now: datetime) -> Plan:
        """What to seal. Raises ValueError before every step has what it needs."""
        draft = self.draft
        missing = any(
            RULES[step].problem(draft, now) for step in ORDER[: ORDER.index(Step.SUMMARY)]
        )
        if missing or draft.source is None or draft.out is None or draft.chosen is None:
            raise ValueError("a step of the wizard is not done")
        to = ingest_key_of(draft.chosen.authority)
        return Plan(draft.source, draft.out, draft.identity, to, now)
