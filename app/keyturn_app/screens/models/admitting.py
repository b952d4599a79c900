"""Proposing that a sealed model be admitted: over its own files, never the server's word. No Qt."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.admitting import SealedFiles
from keyturn.client.client import KeyturnClient
from keyturn.client.proposals import Proposal
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.state import InForce
from keyturn_app import wording
from keyturn_app.desk import Desk, Topic
from keyturn_app.entitled import not_allowed
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenDirectory
from keyturn_app.screens.models import work
from keyturn_app.screens.models.detail import Line
from keyturn_app.tasks import Door

LIVES = (7, 30, 90, 180, 365)
LAPSES = (24, 72, 168)


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    id: str
    text: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class AdmissionView:
    """`problem` says why it cannot be proposed yet; empty when it can."""

    title: str
    directory: str
    files: tuple[Line, ...]
    digest: str
    tag: str
    policies: tuple[PolicyChoice, ...]
    policy: str
    policy_lines: tuple[Line, ...]
    reason: str
    life_days: int
    lapses_hours: int
    needs: str
    problem: str
    error: str
    busy: bool


@dataclass(frozen=True, slots=True)
class _Form:
    directory: Path | None = None
    files: SealedFiles | None = None
    policy: str = ""
    reason: str = ""
    life_days: int = 90
    lapses_hours: int = 72
    error: str = ""
    busy: bool = False


class AdmissionPresenter(Presenter[AdmissionView]):
    """`expected` is the model that it is about, where one was chosen in the inventory."""

    def __init__(
        self,
        desk: Desk,
        door: Door,
        asker: Asker,
        *,
        expected: Digest | None,
        name: str,
        closed: Callable[[], None],
        proposed: Callable[[Proposal], None],
    ) -> None:
        super().__init__()
        self._desk, self._door, self._asker = desk, door, asker
        self._expected, self._name = expected, name
        self._closed, self._proposed = closed, proposed
        self._form = _Form()
        policies = self._policies()
        if len(policies) == 1:
            self._form = replace(self._form, policy=policies[0].id)
        self.keep(desk.subscribe(lambda _topics: self.changed(), Topic.SEEN, Topic.IDENTITY))

    def view(self) -> AdmissionView:
        form, policies = self._form, self._policies()
        chosen = next((each for each in policies if each.id == form.policy), None)
        name = form.files.identity.name if form.files else self._name
        return AdmissionView(
            title=_("Propose to admit {name}").format(name=name)
            if name
            else _("Propose admission"),
            directory=str(form.directory or ""),
            files=_lines_of(form.files),
            digest=form.files.digest if form.files else "",
            tag=form.files.tag.hex() if form.files else "",
            policies=policies,
            policy=form.policy,
            policy_lines=chosen.lines if chosen else (),
            reason=form.reason,
            life_days=form.life_days,
            lapses_hours=form.lapses_hours,
            needs=self._needs(),
            problem=self._problem(policies),
            error=form.error,
            busy=form.busy,
        )

    # ---- what the officer does ----

    def choose_directory(self) -> None:
        question = OpenDirectory(_("The sealed model's folder, with keyturn.json and keyturn.key"))
        self._asker.path(question, self._chosen)

    def _chosen(self, path: Path | None) -> None:
        if path is not None:
            self.set_directory(path)

    def set_directory(self, path: Path) -> None:
        self._form = replace(self._form, directory=path, files=None, error="", busy=True)
        self._door.run(
            _("Reading {name}").format(name=path.name),
            work.read_files(path),
            done=self._read,
            failed=self._failed,
        )
        self.changed()

    def set_policy(self, policy: str) -> None:
        self._form = replace(self._form, policy=policy)
        self.changed()

    def set_reason(self, reason: str) -> None:
        self._form = replace(self._form, reason=reason)
        self.changed()

    def set_times(self, life_days: int, lapses_hours: int) -> None:
        self._form = replace(self._form, life_days=life_days, lapses_hours=lapses_hours)
        self.changed()

    def propose(self) -> None:
        """Sign and post; nothing comes into force by it."""
        form, files = self._form, self._form.files
        if form.busy or files is None or self._problem(self._policies()):
            return
        self._form = replace(form, busy=True, error="")

        def ask(client: KeyturnClient) -> Proposal:
            return client.propose_change(
                Kind.MODEL,
                files.digest,
                files.admission_body(form.policy),
                reason=form.reason.strip(),
                life=timedelta(days=form.life_days),
                lapses=timedelta(hours=form.lapses_hours),
                key=files.key,
                manifest=files.manifest,
            )

        self.keep(self._desk.ask(ask, done=self._done, failed=self._failed))
        self.changed()

    def cancel(self) -> None:
        self.close()
        self._closed()

    # ---- inside ----

    def _read(self, files: SealedFiles) -> None:
        error = ""
        if self._expected is not None and files.digest != self._expected:
            error = _("This is another model: found {found}, expected {expected}.").format(
                found=wording.digest(files.digest), expected=wording.digest(self._expected)
            )
        kept = None if error else files
        self._form = replace(self._form, files=kept, busy=False, error=error)
        self.changed()

    def _done(self, proposal: Proposal) -> None:
        self.close()
        self._closed()
        self._proposed(proposal)

    def _failed(self, error: KeyturnError) -> None:
        self._form = replace(self._form, busy=False, error=wording.error_text(error))
        self.changed()

    def _problem(self, policies: tuple[PolicyChoice, ...]) -> str:
        form = self._form
        checks = (
            (bool(refused := not_allowed(self._desk, Role.PROPOSER)), refused),
            (form.busy, _("One moment.")),
            (form.files is None, _("Choose the sealed model's folder: its own files are signed.")),
            (
                not policies,
                _("No policy is in force: one must be, before a model can be admitted."),
            ),
            (form.policy not in {each.id for each in policies}, _("Choose a policy.")),
            (not form.reason.strip(), _("Say why; every officer will read it.")),
            (len(form.reason) > 2000, _("The reason is too long.")),
        )
        return next((text for holds, text in checks if holds), "")

    def _needs(self) -> str:
        seen = self._desk.facts.seen
        if seen is None:
            return ""
        return _("It comes into force when {count} officers approve.").format(
            count=seen.roster.thresholds[Kind.MODEL]
        )

    def _policies(self) -> tuple[PolicyChoice, ...]:
        seen = self._desk.facts.seen
        if seen is None:
            return ()
        subjects = sorted(subject for kind, subject in seen.state.newest if kind is Kind.POLICY)
        now = self._desk.now()
        found = (seen.state.in_force(Kind.POLICY, subject, now) for subject in subjects)
        return tuple(_choice(each) for each in found if each is not None)


def _choice(found: InForce) -> PolicyChoice:
    policy = found.statement.body
    subject, version = found.statement.subject, found.statement.version
    if not isinstance(policy, Policy):
        return PolicyChoice(subject, subject, ())
    caveats = ", ".join(sorted(each.value for each in policy.accepted_caveats))
    return PolicyChoice(
        subject,
        f"{subject} v{version}",
        (
            (_("Baselines"), ", ".join(policy.baselines), False),
            (_("Lease"), wording.age(policy.lease_seconds), False),
            (_("GPUs"), str(policy.gpu_count), False),
            (_("Accepts"), caveats or _("no caveat"), False),
        ),
    )


def _lines_of(files: SealedFiles | None) -> tuple[Line, ...]:
    if files is None:
        return ()
    identity = files.identity
    return (
        (_("Model"), f"{identity.name}, {identity.version} ({identity.model_id})", False),
        (_("Ingest key"), wording.digest(files.ingest_key), True),
    )
