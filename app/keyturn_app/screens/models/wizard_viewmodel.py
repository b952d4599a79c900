"""The seal wizard as it is shown: frozen values out of a `Wizard`. No Qt in here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from keyturn.vault.source import Survey
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.models.detail import Line
from keyturn_app.screens.models.wizard import ORDER, RULES, Draft, Origin, Step, Wizard
from keyturn_app.screens.models.work import Sealed

SHOWN_FILES = 500
"""A model may have 10,000 files; the first ones show that it is the right directory."""


@dataclass(frozen=True, slots=True)
class StepLine:
    step: Step
    title: str
    text: str
    done: bool
    current: bool


@dataclass(frozen=True, slots=True)
class SourceView:
    path: str = ""
    files: tuple[tuple[str, str], ...] = ()
    total: str = ""
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthorityView:
    origin: Origin | None
    path: str
    lines: tuple[Line, ...]
    server_why_not: str


@dataclass(frozen=True, slots=True)
class RunView:
    """Sealing under way. `stopping`: asked to stop, and not yet over."""

    fraction: float = 0.0
    done: str = ""
    rate: str = ""
    left: str = ""
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class DoneView:
    lines: tuple[Line, ...] = ()
    digest: str = ""
    tag: str = ""
    notes: tuple[str, ...] = ()
    registered: bool = False
    register_why_not: str = ""
    admit_why_not: str = ""


@dataclass(frozen=True, slots=True)
class WizardView:
    step: Step
    steps: tuple[StepLine, ...]
    title: str
    hint: str
    problem: str
    error: str
    can_back: bool
    can_next: bool
    next_text: str
    cancel_text: str
    busy: bool
    source: SourceView
    name: str
    version: str
    model_id: str
    suggested_id: str
    authority: AuthorityView
    parent: str
    folder: str
    suggested_folder: str
    place: tuple[Line, ...]
    summary: tuple[Line, ...]
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    run: RunView
    done: DoneView
    simulated: bool


@dataclass(frozen=True, slots=True)
class Around:
    """What the presenter knows beside the wizard."""

    error: str = ""
    busy: bool = False
    run: RunView = RunView()
    server_why_not: str = ""
    registered: bool = False
    register_why_not: str = ""
    admit_why_not: str = ""


def view_of(wizard: Wizard, around: Around, now: datetime) -> WizardView:
    draft, problem = wizard.draft, wizard.problem(now)
    title, hint = _heading(wizard.step)
    authority = _authority(draft, around.server_why_not, now)
    return WizardView(
        step=wizard.step,
        steps=_steps(wizard.step),
        title=title,
        hint=hint,
        problem=problem,
        error=around.error,
        can_back=wizard.can_go_back and not around.busy,
        can_next=not problem and RULES[wizard.step].next is not None and not around.busy,
        next_text=_("Seal") if wizard.step is Step.SUMMARY else _("Continue"),
        cancel_text=_cancel_text(wizard.step, around.run),
        busy=around.busy,
        source=_source(draft),
        name=draft.name,
        version=draft.version,
        model_id=draft.model_id,
        suggested_id=draft.effective_id,
        authority=authority,
        parent=str(draft.parent or ""),
        folder=draft.folder,
        suggested_folder=draft.effective_folder,
        place=_place(draft),
        summary=_summary(draft) if wizard.step in {Step.SUMMARY, Step.SEALING} else (),
        can=_can(),
        cannot=_cannot(),
        run=around.run,
        done=_done(wizard.sealed, around),
        simulated=draft.chosen is not None and draft.chosen.authority.roster.simulation,
    )


def _steps(current: Step) -> tuple[StepLine, ...]:
    place = ORDER.index(current)
    return tuple(
        StepLine(step, RULES[step].title(), RULES[step].text(), at < place, at == place)
        for at, step in enumerate(ORDER)
    )


def _heading(step: Step) -> tuple[str, str]:
    return {
        Step.SOURCE: (
            _("Which model?"),
            _("Everything below the directory is sealed: weights, configuration and tokenizer."),
        ),
        Step.IDENTITY: (
            _("What is it called?"),
            _("Name and version are public. The model id is the same for every version."),
        ),
        Step.AUTHORITY: (
            _("To whom is it sealed?"),
            _("Only the authority's HSM can open what is sealed to its ingest key."),
        ),
        Step.DESTINATION: (
            _("Where is it put?"),
            _("A new folder appears there whole, or not at all."),
        ),
        Step.SUMMARY: (_("Seal this model?"), _("Nothing has been written yet.")),
        Step.SEALING: (
            _("Sealing"),
            _("The data key exists in this program's memory until the last file is written."),
        ),
        Step.DONE: (
            _("Sealed"),
            _("It is not released to anyone yet: it must be registered and admitted."),
        ),
    }[step]


def _cancel_text(step: Step, run: RunView) -> str:
    if step is Step.DONE:
        return _("Close")
    if step is Step.SEALING:
        return _("Stopping…") if run.stopping else _("Stop sealing")
    return _("Cancel")


def _source(draft: Draft) -> SourceView:
    path, survey = str(draft.source or ""), draft.survey
    if survey is None:
        return SourceView(path)
    files = tuple((each.path, wording.size(each.size)) for each in survey.files[:SHOWN_FILES])
    total = _("{files}, {size}").format(
        files=n_("{count} file", "{count} files", len(survey.files)), size=wording.size(survey.size)
    )
    refused = tuple(wording.error_text(each) for each in survey.refused)
    return SourceView(path, files, total, refused, _notes(survey))


_PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


def _notes(survey: Survey) -> tuple[str, ...]:
    """What is sealed all the same, and one should have seen."""
    paths = [PurePosixPath(each.path) for each in survey.files]
    found = (
        (
            [p for p in paths if any(part.startswith(".") for part in p.parts)],
            _("hidden: {paths}"),
        ),
        (
            [p for p in paths if p.suffix.lower() in _PICKLES],
            _("may be a pickle, which can run code when loaded: {paths}"),
        ),
        ([p for p in paths if p.suffix.lower() in {".py", ".so", ".sh"}], _("code: {paths}")),
        (
            [p for p, each in zip(paths, survey.files, strict=True) if each.size == 0],
            _("empty: {paths}"),
        ),
    )
    return tuple(text.format(paths=_some([str(p) for p in hits])) for hits, text in found if hits)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    more = len(names) - 3
    return shown if more <= 0 else _("{names} and {count} more").format(names=shown, count=more)


def _authority(draft: Draft, why_not: str, now: datetime) -> AuthorityView:
    chosen = draft.chosen
    if chosen is None:
        return AuthorityView(None, "", (), why_not)
    authority = chosen.authority
    key = authority.ingest_key()
    keys = authority.state.keys(now)
    assurance = {
        "software": _("software assurance: the key is in a software token"),
        "hardware": _("hardware assurance"),
    }[authority.keys.assurance]
    lines: list[Line] = [
        (_("Fingerprint"), wording.grouped(authority.fingerprint), True),
        (_("Log"), authority.origin, True),
        (_("Ingest key"), wording.digest(str(key.key_id)), True),
        (
            _("Algorithm"),
            f"{key.algorithm.value}, OAEP {authority.ingest_oaep_hash().value}",
            False,
        ),
        (_("Held in"), assurance, False),
        (
            _("Verified"),
            _("chains to the fingerprint that this profile pins"),
            False,
        ),
    ]
    if keys is None:
        lines.append((_("In force"), _("no: the keys statement has expired"), False))
    return AuthorityView(chosen.origin, str(chosen.path or ""), tuple(lines), why_not)


def _place(draft: Draft) -> tuple[Line, ...]:
    place = draft.place
    if place is None or place.out != draft.out:
        return ()
    lines: list[Line] = [
        (_("Path"), str(place.out), True),
        (_("Needed"), wording.size(draft.sealed_bytes), False),
        (_("Free"), wording.size(place.free), False),
    ]
    for each in place.left:
        lines.append(
            (
                _("Left over"),
                _("{path}: of a sealing that was killed").format(path=each.name),
                False,
            )
        )
    return tuple(lines)


def _summary(draft: Draft) -> tuple[Line, ...]:
    survey, chosen = draft.survey, draft.chosen
    if survey is None or chosen is None:
        return ()
    return (
        (_("Model"), f"{draft.name}, {draft.version} ({draft.effective_id})", False),
        (_("From"), str(draft.source), True),
        (
            _("Encrypted"),
            _("{files}, {size}; AES-256-GCM in segments of 1 MiB").format(
                files=n_("{count} file", "{count} files", len(survey.files)),
                size=wording.size(survey.size),
            ),
            False,
        ),
        (_("To"), str(draft.out), True),
        (_("Sealed to"), wording.digest(str(chosen.authority.ingest_key().key_id)), True),
        (_("Authority"), wording.digest(chosen.authority.fingerprint), True),
        (_("Visible to all"), _("paths, sizes, name and version; no hash of the plaintext"), False),
    )


def _can() -> tuple[str, ...]:
    return (
        _("Anyone can check that a copy is whole, without any key."),
        _("Anyone can store and copy it: the bytes are ciphertext."),
        _("An attested machine can open it in memory, once a quorum has admitted it."),
    )


def _cannot() -> tuple[str, ...]:
    return (
        _("Nobody can open it with the files alone, you included."),
        _("No administrator can admit it alone: it takes the quorum of the roster."),
        _("Sealing does not delete the original: remove it yourself when you no longer need it."),
    )


def _done(sealed: Sealed | None, around: Around) -> DoneView:
    if sealed is None:
        return DoneView()
    model = sealed.model
    own = model.manifest.provenance
    rate = own.size / sealed.seconds if sealed.seconds > 0 else 0
    lines: tuple[Line, ...] = (
        (_("Model"), f"{model.manifest.identity.name}, {model.manifest.identity.version}", False),
        (_("Folder"), str(model.directory), True),
        (
            _("Sealed"),
            _("{files}, {size} in {seconds} ({rate}/s)").format(
                files=n_("{count} file", "{count} files", own.files),
                size=wording.size(own.size),
                seconds=f"{sealed.seconds:.1f} s",
                rate=wording.size(int(rate)),
            ),
            False,
        ),
        (_("Content id"), wording.digest(model.content_id), True),
    )
    return DoneView(
        lines,
        model.model_digest,
        model.key.tag.hex(),
        sealed.notes,
        around.registered,
        around.register_why_not,
        around.admit_why_not,
    )
