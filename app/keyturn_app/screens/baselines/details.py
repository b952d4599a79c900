"""One baseline: every value with where it comes from, its versions, what rests on it. No Qt."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.quorum.state import AuthorityState, InForce
from keyturn_app import wording
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.screens.baselines.items import Item, ValueSet, sets_of
from keyturn_app.screens.baselines.naming import (
    Line,
    Until,
    kind_word,
    origin_lines,
    simulated,
    until_of,
)
from keyturn_app.screens.baselines.standing import (
    Baseline,
    Standing,
    ends,
    look_of,
    note_of,
    versions,
)
from keyturn_app.screens.baselines.using import Use
from keyturn_app.states import Look

FOLDED = 6
"""Values of a set that are shown before the officer asks for all."""


@dataclass(frozen=True, slots=True)
class ValueLine:
    """`grouped` is shown, `whole` is copied; both with every alternative."""

    key: str
    what: str
    grouped: str
    whole: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class SetView:
    """`more`: values that are folded away; `unfolded`: whether they can be folded again."""

    key: str
    title: str
    lines: tuple[ValueLine, ...]
    origin: tuple[Line, ...]
    until: Until
    more: int
    unfolded: bool


@dataclass(frozen=True, slots=True)
class VersionLine:
    """`index` of the log entry with which it came into force."""

    key: str
    text: str
    who: str
    when: str
    index: int
    newest: bool


@dataclass(frozen=True, slots=True)
class ProposalLine:
    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class Detail:
    subject: str
    look: Look
    note: str
    version: str
    why: str
    warnings: tuple[str, ...]
    sets: tuple[SetView, ...]
    statement: tuple[Line, ...]
    entry: str  # index of the log entry, "" where there is none
    versions: tuple[VersionLine, ...]
    proposals: tuple[ProposalLine, ...]
    use: Use
    proposed_only: bool


def detail_of(
    baseline: Baseline,
    state: AuthorityState,
    use: Use,
    facts: Facts,
    now: datetime,
    unfolded: frozenset[str],
) -> Detail:
    statement = baseline.statement
    version = statement.statement.version if statement else baseline.open[0].statement.version
    return Detail(
        subject=baseline.subject,
        look=look_of(baseline, facts),
        note=note_of(baseline),
        version=_("Version {version}").format(version=version),
        why=_why(baseline, now),
        warnings=_warnings(baseline, use, now),
        sets=tuple(
            _set(each, baseline, now, unfolded=each.key in unfolded)
            for each in sets_of(baseline.values)
        ),
        statement=_statement_lines(baseline, state, now),
        entry="" if statement is None else str(statement.index),
        versions=tuple(
            _version(each, now, newest=not place)
            for place, each in enumerate(versions(state, baseline.subject))
        ),
        proposals=tuple(_proposals(baseline)),
        use=use,
        proposed_only=statement is None,
    )


def _why(baseline: Baseline, now: datetime) -> str:
    statement = baseline.statement
    if statement is None:
        return _("It was never in force: policies that name it find no values in it.")
    expires = statement.statement.expires
    return {
        Standing.IN_FORCE: _("In force since {time}, by log entry #{index}.").format(
            time=wording.moment(statement.since), index=statement.index
        ),
        Standing.OPEN: "",
        Standing.ENDED: _("The statement is in force, but every value in it has ended."),
        Standing.EXPIRED: _("It expired {age}: nothing rests on it any more.").format(
            age=wording.ago(expires, now)
        ),
        Standing.SUSPENDED: _(
            "Too few approvals count without the keys that a roster named compromised."
        ),
        Standing.REVOKED: _("Every launch measurement in it is revoked."),
    }[baseline.standing]


def _warnings(baseline: Baseline, use: Use, now: datetime) -> tuple[str, ...]:
    said = []
    for what, until in ends(baseline):
        if until <= now:
            continue
        end = until_of(until, now)
        if end.token:
            said.append(
                _("{what} ends {when} ({moment}).").format(
                    what=_short(what), when=end.text, moment=wording.moment(until)
                )
            )
    if len(said) > 3:
        left = len(said) - 3
        more = n_("{count} more ends soon.", "{count} more end soon.", left)
        said = [*said[:3], more]
    if baseline.revoked and baseline.standing is not Standing.REVOKED:
        said.append(
            n_("{count} value is revoked.", "{count} values are revoked.", len(baseline.revoked))
        )
    if simulated(baseline.values):
        said.append(_("SIMULATED values: no real hardware has them."))
    if not use.policies and baseline.standing is Standing.IN_FORCE:
        said.append(_("No policy in force names it."))
    return tuple(said)


def _short(what: str) -> str:
    """A measurement's name holds all of its digits."""
    head, space, last = what.rpartition(" ")
    return f"{head} {wording.digest(last)}" if space and len(last) > 32 else what


def _set(found: ValueSet, baseline: Baseline, now: datetime, *, unfolded: bool) -> SetView:
    shown = found.items if unfolded else found.items[:FOLDED]
    provenance = found.origin.provenance
    return SetView(
        found.key,
        set_title(found),
        tuple(_line(each, baseline) for each in shown),
        origin_lines(found.origin, now),
        _until(provenance.until if provenance else None, baseline, now),
        len(found.items) - len(shown),
        unfolded and len(found.items) > FOLDED,
    )


def _until(own: datetime | None, baseline: Baseline, now: datetime) -> Until:
    """Of a value: it never counts longer than the statement that holds it."""
    found = baseline.statement or (baseline.open[0] if baseline.open else None)
    expires = None if found is None else found.statement.expires
    return until_of(min((each for each in (own, expires) if each), default=None), now)


def set_title(found: ValueSet) -> str:
    """With the kind, where the title does not begin with it."""
    kind = kind_word(found.kind)
    told = found.title.casefold().startswith(kind.casefold())
    return found.title if told else f"{kind} · {found.title}"


def _line(item: Item, baseline: Baseline) -> ValueLine:
    return ValueLine(
        item.key,
        item.what,
        f" {_('or')} ".join(wording.grouped(each) for each in item.values),
        "\n".join(item.values),
        any(each in baseline.revoked for each in item.values),
    )


def _statement_lines(baseline: Baseline, state: AuthorityState, now: datetime) -> tuple[Line, ...]:
    found = baseline.statement
    statement = found.statement if found else baseline.open[0].statement
    lines: list[Line] = [
        (_("Proposed by"), _person(state, statement.proposer), False),
        (_("Proposed"), wording.moment(statement.time), False),
        (_("Reason"), statement.reason, False),
    ]
    if found is not None:
        for each in sorted(found.approvals, key=lambda one: one.time):
            if each.officer in found.approved_by:
                text = f"{_person(state, each.officer)}, {wording.moment(each.time)}"
                lines.append((_("Approved by"), text, False))
        lines.append((_("In force"), wording.moment(found.since), False))
    else:
        names = ", ".join(_person(state, each) for each in baseline.open[0].approved_by)
        lines.append((_("Approved by"), names or _("nobody yet"), False))
    expires = statement.expires
    end = until_of(expires, now).text
    text = end if expires is None else f"{wording.moment(expires)} ({end})"
    lines += [(_("Expires"), text, False), (_("Digest"), wording.grouped(statement.digest), True)]
    return tuple(lines)


def _person(state: AuthorityState, officer: str) -> str:
    """By the roster in force; who is not in it any more by id alone."""
    found = (
        next((e for e in state.roster.officers.values() if e.id == officer), None)
        if state.roster
        else None
    )
    return officer if found is None else f"{found.name} ({officer})"


def _version(each: InForce, now: datetime, *, newest: bool) -> VersionLine:
    statement = each.statement
    return VersionLine(
        statement.digest,
        _("Version {version}").format(version=statement.version),
        statement.proposer,
        wording.ago(each.since, now),
        each.index,
        newest,
    )


def _proposals(baseline: Baseline) -> list[ProposalLine]:
    return [
        ProposalLine(
            each.digest,
            _("Version {version}, by {who}: {approved} of {needed} approved").format(
                version=each.statement.version,
                who=each.statement.proposer,
                approved=len(each.approved_by),
                needed=each.needed,
            ),
        )
        for each in baseline.open
    ]
