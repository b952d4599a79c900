"""From a proved record to what the wizard shows. A pure function of both. No Qt in here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keyturn.ceremony.plan import Plan
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Attaches, Part, ShareUse, Step
from keyturn_app.i18n import _, n_
from keyturn_app.screens.ceremonies.casting import (
    Needed,
    missing,
    needed,
    opened,
    total,
    unlocking,
)
from keyturn_app.screens.ceremonies.hosts import Awaiting
from keyturn_app.screens.ceremonies.leadlines import initials, script_rows
from keyturn_app.screens.ceremonies.phrasing import phrase
from keyturn_app.screens.ceremonies.reading import Reading
from keyturn_app.screens.ceremonies.recordlines import (
    fact_rows,
    signed_in,
    transcript_lines,
    words_of,
)
from keyturn_app.screens.ceremonies.troubles import broken, broken_head, trouble
from keyturn_app.screens.ceremonies.viewmodel import (
    Around,
    Ended,
    PersonRow,
    Phase,
    Progress,
    Ring,
    StepLine,
    WizardView,
)
from keyturn_app.screens.ceremonies.words import (
    action_text,
    kind_title,
    kind_words,
    made_by,
    part_word,
    share_place,
    use_short,
    use_word,
)
from keyturn_app.states import Look


def wizard_view(reading: Reading, around: Around) -> WizardView:
    """Everything of the wizard. A chain that is broken shows nothing but that."""
    course, awaiting = reading.course, reading.awaiting
    if course is None:
        phase = Phase.BROKEN if reading.fault else Phase.LOADING
        return WizardView(
            phase,
            "",
            False,
            headline=broken_head(reading) if reading.fault else _("The record is being read"),
            trouble=broken(reading) if reading.fault else None,
            error=around.error,
            next_text=_("Close"),
            next_why_not="" if reading.fault else _("The record is not proved."),
            why_not_abort=_("The record is not proved."),
            why_not_say=_("The record is not proved."),
        )
    plan = course.plan
    phase = _phase(reading, awaiting, around)
    step = _step(reading, phase, around)
    lines = needed(course, step, _proposers(awaiting, step)) if step is not None else ()
    if phase is Phase.LOCKED:
        lines = unlocking(course, awaiting.unmet if awaiting is not None else ())
    shown = _Shown(reading, awaiting, around, plan, phase, step, lines)
    return WizardView(
        phase=phase,
        title=kind_title(plan.kind.value),
        ceremony=plan.ceremony,
        rehearsal=plan.rehearsal,
        steps=_steps(shown),
        ring=None if shown.refuted else _ring(shown),
        over_line=_over_line(shown),
        headline=_headline(shown),
        says=_says(shown),
        chips=() if shown.refuted else _chips(shown),
        cautions=_cautions(shown),
        people_title=_people_title(shown),
        people=_people(shown),
        made=made_by(plan, around.models),
        progress=_progress(shown),
        outcome=_outcome(shown),
        phrase=phrase(reading.head) if reading.head and phase is not Phase.BROKEN else "",
        trouble=trouble(shown.reading, shown.phase),
        transcript=transcript_lines(reading, around.names),
        chain=_chain(shown),
        script=script_rows(reading, around.now),
        next_text=_next(shown)[0],
        next_why_not=_next(shown)[1],
        why_not_abort=_may_say(shown),
        why_not_say=_may_say(shown),
        resume=phase is Phase.INTERRUPTED,
        ended=_ended(shown),
        error=around.error,
    )


_ACTIVE = frozenset({Phase.SIGNING, Phase.LOCKED})
"""Somebody can sign, or hand a share in."""


@dataclass(frozen=True, slots=True)
class _Shown:
    reading: Reading
    awaiting: Awaiting | None
    around: Around
    plan: Plan
    phase: Phase
    step: Step | None
    lines: tuple[Needed, ...]

    @property
    def signed(self) -> tuple[tuple[str, str], ...]:
        """Of the step that is shown: what the host has, or what its record holds."""
        if self.phase in {Phase.STEP_DONE, Phase.OVER} and self.step is not None:
            return signed_in(self.reading, self.step.id)
        if self.awaiting is None:
            return ()
        if self.phase is Phase.LOCKED:
            return opened(self.lines, self.awaiting.entered)
        return self.awaiting.signed

    @property
    def missing(self) -> int:
        return missing(self.lines, self.signed)

    @property
    def refuted(self) -> bool:
        """Whether a stranger who reads the transcript file finds that it does not hold."""
        return self.around.verdict is not None and self.around.verdict.holds is False

    @property
    def quorum(self) -> tuple[Needed, ...]:
        """The lines whose shares make a quorum."""
        return tuple(each for each in self.lines if each.by_quorum)


def _phase(reading: Reading, awaiting: Awaiting | None, around: Around) -> Phase:
    if reading.fault:
        return Phase.BROKEN
    if reading.aborted is not None:
        return Phase.ABORTED
    shown = around.shown_step
    if reading.over:
        last = len(reading.done) - 1
        return Phase.STEP_DONE if shown is not None and shown < last else Phase.OVER
    if shown is not None and shown < len(reading.done):
        return Phase.STEP_DONE
    if awaiting is None:
        return Phase.LOADING
    if awaiting.interrupted:
        return Phase.INTERRUPTED
    course, step = reading.course, reading.current
    if course and step:
        lines = needed(course, step, _proposers(awaiting, step))
        if not missing(lines, awaiting.signed):
            return Phase.WORKING  # all have signed: the host acts
    if awaiting.unmet:
        return Phase.LOCKED
    return Phase.WORKING if awaiting.count is not None else Phase.SIGNING


def _proposers(awaiting: Awaiting | None, step: Step) -> frozenset[str]:
    """Of the statements that wait for signatures in this step."""
    if awaiting is None or awaiting.step != step.id:
        return frozenset()
    return frozenset(each.proposer for each in awaiting.statements)


def _step(reading: Reading, phase: Phase, around: Around) -> Step | None:
    script = reading.script
    assert script is not None  # the caller looked
    if phase is Phase.STEP_DONE and around.shown_step is not None:
        return script.steps[around.shown_step]
    if phase is Phase.OVER:
        return script.steps[-1]
    return reading.current


def _steps(shown: _Shown) -> tuple[StepLine, ...]:
    script, done = shown.reading.script, len(shown.reading.done)
    assert script is not None  # the caller looked
    failed = shown.reading.failed
    lines = []
    for at, each in enumerate(script.steps):
        state = "done" if at < done else "to-come"
        if shown.refuted and at == len(script.steps) - 1:
            state = "failed"
        elif shown.step is not None and each.id == shown.step.id and shown.phase is not Phase.OVER:
            state = "failed" if failed is not None and failed.step == each.id else "current"
        if shown.phase is Phase.ABORTED and at >= done:
            state = "to-come"
        lines.append(StepLine(each.id, at + 1, each.title, action_text(each.action), state))
    return tuple(lines)


def _ring(shown: _Shown) -> Ring | None:
    """Of the shares' quorum where a step asks for one, whoever else signs; else of signatures."""
    if not total(shown.lines) or shown.phase in {Phase.BROKEN, Phase.ABORTED, Phase.OVER}:
        return None
    counted = shown.quorum or shown.lines
    whole = total(counted)
    have = whole - missing(counted, shown.signed)
    word = _("quorum") if shown.quorum else _("signatures")
    return Ring(whole, have, _("{done} of {all}").format(done=have, all=whole), word)


def _over_line(shown: _Shown) -> str:
    script = shown.reading.script
    if shown.step is None or script is None:
        return ""
    number = [each.id for each in script.steps].index(shown.step.id) + 1
    text = _("Step {number} of {all}: {title}")
    return text.format(number=number, all=len(script.steps), title=shown.step.title)


def _headline(shown: _Shown) -> str:
    fixed = {
        Phase.LOADING: _("The record is being read"),
        Phase.WORKING: _("The host is at work"),
        Phase.INTERRUPTED: _("The ceremony was interrupted"),
        Phase.BROKEN: broken_head(shown.reading),
        Phase.OVER: _("The transcript does not hold")
        if shown.refuted
        else _("The ceremony is over"),
        Phase.ABORTED: _("The ceremony was aborted"),
        Phase.STEP_DONE: _("{title}: done").format(title=shown.step.title if shown.step else ""),
    }
    if shown.phase in fixed:
        return fixed[shown.phase]
    count = shown.missing
    if not count:
        return _("The host is at work")
    open_lines = [each for each in shown.lines if each.missing(shown.signed)]
    first = [each for each in open_lines if not each.last]
    if first and all(each.part is Part.CUSTODIAN for each in first):
        count = missing(first, shown.signed)
        return n_("One more custodian is needed", "{count} more custodians are needed", count)
    if count == 1:
        return _("The {part} is needed").format(part=part_word(open_lines[0].part).lower())
    return n_("One more signature is needed", "{count} more signatures are needed", count)


def _says(shown: _Shown) -> str:
    if shown.phase is Phase.INTERRUPTED:
        return _(
            "The host was stopped since the last record. Nothing was lost: the record says where "
            "it stands. The administrator or the witness resumes it, or aborts it."
        )
    if shown.phase is Phase.LOCKED:
        unmet = shown.awaiting.unmet if shown.awaiting is not None else ()
        return _(
            "The host was started again, and keeps no share. Custodians enter these once more: "
            "{shares}. Then the step goes on where it was."
        ).format(shares=", ".join(use_word(each) for each in unmet))
    if shown.phase is Phase.OVER:
        if shown.refuted:
            return _("Nothing here is proved to have been held. What to do stands below.")
        return _("Everybody signed the whole record. Keep the minutes and the transcript.")
    if shown.phase is Phase.STEP_DONE:
        return _("Read the phrase aloud: everybody must see the same words.")
    return shown.step.says if shown.step is not None else ""


def _chips(shown: _Shown) -> tuple[Look, ...]:
    """What is proved or known of the surroundings, in a few words each."""
    opened = shown.reading.records[0]
    chips = [Look(_("Plan signed"), "ok", "file-check-2")]
    token = opened.facts.get("token")
    awaiting = shown.awaiting
    if awaiting is not None and ShareUse.USER in awaiting.unmet:
        chips.append(Look(_("Token closed"), "stale", "lock"))
    elif token:
        chips.append(Look(_("Token {label}").format(label=shown.plan.token), "ok", "hard-drive"))
    chips.append(
        Look(
            _("Witness {name}").format(
                name=shown.around.names.get(shown.plan.witness, shown.plan.witness)
            ),
            "pending",
            "eye",
        )
    )
    return tuple(chips)


def _cautions(shown: _Shown) -> tuple[str, ...]:
    said = []
    if shown.around.caution:
        said.append(shown.around.caution)
    own = shown.around.own
    if own and shown.phase is Phase.SIGNING and own == shown.plan.witness:
        said.append(_("Dual control: you are the witness, and sign nothing but what you saw."))
    if shown.step is not None and shown.step.attaches is Attaches.SHARE:
        said.append(
            _("A share is entered by its custodian alone. Everybody else looks away from here.")
        )
    return tuple(said)


def _people_title(shown: _Shown) -> str:
    parts = {each.part for each in shown.lines}
    if parts == {Part.CUSTODIAN}:
        return _("Custodians")
    return _("Who signs this step")


def _people(shown: _Shown) -> tuple[PersonRow, ...]:
    if shown.phase in {Phase.OVER, Phase.ABORTED, Phase.BROKEN}:
        return ()
    rows = _once([_person(shown, line, each) for line in shown.lines for each in line.who])
    first = next((at for at, each in enumerate(rows) if each.action and not each.why_not), None)
    return tuple(
        each if at != first or shown.phase not in _ACTIVE else replace(each, current=True)
        for at, each in enumerate(rows)
    )


def _once(rows: Sequence[PersonRow]) -> tuple[PersonRow, ...]:
    """Who stands in two lines of one part signs once, for both."""
    found: dict[tuple[str, Part], PersonRow] = {}
    for each in rows:
        known = found.setdefault((each.officer, each.part), each)
        if known is not each:
            share = ", ".join(text for text in (known.share, each.share) if text)
            kept = each if each.action and not known.action else known
            found[each.officer, each.part] = replace(kept, share=share)
    return tuple(found.values())


def _person(shown: _Shown, line: Needed, officer: str) -> PersonRow:
    name = shown.around.names.get(officer, officer)
    signed = (officer, line.part.value) in shown.signed
    wanted = line.open_to(officer, shown.signed)
    look, note = _standing(shown, line, signed=signed, wanted=wanted)
    waiting = shown.phase in _ACTIVE and wanted
    own = shown.around.own
    action = _action(shown, name) if waiting else ""
    why_not = ""
    if waiting and own and own != officer:
        why_not = _("Only {name} signs this, in their own app.").format(name=name)
    elif waiting and line.last and missing(_others(shown, line), shown.signed):
        why_not = _("The witness signs last, when all others have.")
    elif waiting and shown.around.busy:
        why_not = _("One moment…")
    return PersonRow(
        officer=officer,
        part=line.part,
        name=name,
        initials=initials(name),
        parts="" if _people_title(shown) == _("Custodians") else part_word(line.part),
        share=_share_text(line, officer),
        look=look,
        note=note,
        action=action,
        why_not=why_not,
        current=False,
    )


def _others(shown: _Shown, line: Needed) -> tuple[Needed, ...]:
    return tuple(each for each in shown.lines if each is not line)


def _action(shown: _Shown, name: str) -> str:
    first = name.split()[0] if name.split() else name
    if shown.phase is Phase.LOCKED:
        return _("Share of {name}…").format(name=first)
    if shown.around.own:
        return _("Sign…")
    return _("Sign as {name}…").format(name=first)


def _standing(shown: _Shown, line: Needed, *, signed: bool, wanted: bool) -> tuple[Look, str]:
    if signed:
        return Look(_("Signed"), "ok", "circle-check"), ""
    if wanted and shown.phase in _ACTIVE:
        optional = len(line.who) > line.least
        note = _("any {count} of {all}").format(count=line.least, all=len(line.who))
        return Look(_("Waiting"), "pending", "circle-dashed"), note if optional else ""
    if shown.phase in {Phase.INTERRUPTED, Phase.LOADING}:
        return Look(_("Waiting"), "unknown", "circle-dashed"), ""
    if line.missing(shown.signed):
        return Look(_("Waiting"), "unknown", "circle-dashed"), ""
    return Look(_("Not needed"), "unknown", "circle-slash"), _("quorum is there")


def _share_text(line: Needed, officer: str) -> str:
    return ", ".join(
        f"{use_short(use)} {share_place(scheme, officer)}" for use, scheme in line.uses_of(officer)
    )


def _progress(shown: _Shown) -> Progress | None:
    count = shown.awaiting.count if shown.awaiting is not None else None
    if count is None or shown.phase is not Phase.WORKING:
        return None
    text = _("{what}: {done} of {all}").format(
        what=count.what, done=f"{count.done:,}", all=f"{count.total:,}"
    )
    return Progress(text, count.done / count.total if count.total else 0.0)


def _outcome(shown: _Shown) -> tuple[tuple[str, str], ...]:
    if shown.phase is not Phase.STEP_DONE or shown.step is None:
        return ()
    record = next(
        each
        for each in shown.reading.records
        if each.step == shown.step.id and each.event is Event.DONE
    )
    return fact_rows(record)


def _chain(shown: _Shown) -> Look:
    if shown.refuted:
        return Look(_("Does not hold"), "danger", "unlink")
    if shown.reading.fault:
        return Look(_("Chain broken"), "danger", "unlink")
    return Look(_("Chain intact"), "ok", "shield-check")


def _next(shown: _Shown) -> tuple[str, str]:
    """(text of Continue, why it cannot be pressed)."""
    script, done = shown.reading.script, len(shown.reading.done)
    assert script is not None  # the caller looked
    if shown.phase is Phase.STEP_DONE:
        after = (shown.around.shown_step or 0) + 1
        if after < len(script.steps):
            return _("Continue to {title}").format(title=script.steps[after].title), ""
        return _("Continue"), ""
    if shown.phase in {Phase.OVER, Phase.ABORTED, Phase.BROKEN}:
        return _("Close"), ""
    after = done + 1
    text = _("Continue")
    if after < len(script.steps):
        text = _("Continue to {title}").format(title=script.steps[after].title)
    if shown.phase is Phase.INTERRUPTED:
        return text, _("Resume it first.")
    if not shown.missing:
        return text, _("The host is at work.")
    whole = total(shown.quorum or shown.lines)
    if shown.quorum and len(shown.quorum) < len(shown.lines):
        why = _("Continue becomes available at {count} of {count}, and when all others have signed")
        return text, why.format(count=whole)
    return text, _("Continue becomes available at {count} of {count}").format(count=whole)


def _may_say(shown: _Shown) -> str:
    """Why nobody can note, except or abort now."""
    if shown.phase in {Phase.OVER, Phase.ABORTED}:
        return _("The ceremony is over.")
    if shown.phase in {Phase.BROKEN, Phase.LOADING}:
        return _("The record is not proved.")
    return ""


def _ended(shown: _Shown) -> Ended | None:
    if shown.phase not in {Phase.OVER, Phase.ABORTED}:
        return None
    title = kind_words(shown.plan.kind).title
    verdict, files = shown.around.verdict, shown.around.files
    if verdict is not None and shown.refuted:
        return Ended(
            _("The transcript of this {title} does not hold").format(title=title),
            _(
                "Do not file it as held, and sign nothing more at this host. Save the transcript "
                "as evidence, show it to the witness, and have the records on the host's disk "
                "looked at."
            ),
            Look(_("Does not hold"), "danger", "octagon-x"),
            verdict.text,
            files,
            bad=True,
            why_no_minutes=_("There are no minutes of a transcript that does not hold."),
        )
    if shown.phase is Phase.ABORTED:
        said = words_of(shown.reading.aborted, shown.around.names) if shown.reading.aborted else []
        state = Look(_("Aborted"), "danger", "octagon-x")
        head, text = _("{title} was aborted").format(title=title), " ".join(said)
    else:
        state = Look(_("Done"), "ok", "circle-check")
        head = _("{title} was held").format(title=title)
        text = _("{count} records, signed by everybody who took part.").format(
            count=len(shown.reading.records)
        )
    why = ""
    if verdict is None or verdict.holds is None:
        why = _("The transcript is not verified yet.")
        if shown.phase is Phase.OVER:
            state = Look(_("Not verified yet"), "pending", "circle-dashed")
    return Ended(head, text, state, "" if verdict is None else verdict.text, files, False, why)
