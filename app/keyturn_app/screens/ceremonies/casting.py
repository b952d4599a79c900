"""Who must sign a step, who has, and how many are missing (our protocol §10.1). No Qt in here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from keyturn.ceremony.course import Course, statement_kinds
from keyturn.ceremony.plan import ShareScheme
from keyturn.ceremony.script import Attaches, Many, Part, ShareUse, Signers, Step
from keyturn.quorum.roster import OfficerId

Signed = Collection[tuple[str, str]]
"""(officer, part) of the signatures that the host has for this step."""


@dataclass(frozen=True, slots=True)
class Needed:
    """One line of a step's signers. `least` of `who`; `schemes` where shares decide who counts."""

    part: Part
    who: tuple[OfficerId, ...]
    least: int
    schemes: tuple[tuple[ShareUse, ShareScheme], ...] = ()
    by_quorum: bool = False
    last: bool = False  # signs when all others have

    def missing(self, signed: Signed) -> int:
        have = {officer for officer, part in signed if part == self.part.value}
        if self.by_quorum and self.schemes:
            return max(scheme_missing(scheme, have) for _use, scheme in self.schemes)
        return max(0, self.least - sum(each in have for each in self.who))

    def open_to(self, officer: str, signed: Signed) -> bool:
        """Whether this officer's signature still counts for anything here."""
        done = {name for name, part in signed if part == self.part.value}
        return officer in self.who and officer not in done and self.missing(signed) > 0

    def uses_of(self, officer: str) -> tuple[tuple[ShareUse, ShareScheme], ...]:
        """The shares that this officer holds, of those that the line names."""
        return tuple(each for each in self.schemes if officer in each[1].officers)


def scheme_missing(scheme: ShareScheme, have: Collection[str]) -> int:
    """How many shares more, at least, until the scheme's secret is there."""
    short = sorted(
        max(0, group.threshold - sum(each in have for each in group.members))
        for group in scheme.groups
    )
    return sum(short[: scheme.group_threshold])


def needed(course: Course, step: Step, proposers: Collection[str] = ()) -> tuple[Needed, ...]:
    """Every line of a step's signers, with the people of this ceremony. `proposers`: of the
    statements that the step attaches, none of which is complete without theirs."""
    lines = [_needed(course, step, each) for each in step.signers]
    if step.attaches is Attaches.STATEMENTS:
        lines = [part for each in lines for part in _proposed(each, proposers)]
    return tuple(each for each in lines if each.who)


def _proposed(line: Needed, proposers: Collection[str]) -> tuple[Needed, ...]:
    """Who proposes, and the others, who approve."""
    first = tuple(each for each in line.who if each in proposers)
    if line.part is not Part.OFFICER or not first:
        return (line,)
    others = tuple(each for each in line.who if each not in first)
    least = max(0, min(len(others), line.least - len(first)))
    return Needed(line.part, first, len(first)), Needed(line.part, others, least)


def unlocking(course: Course, unmet: Sequence[ShareUse]) -> tuple[Needed, ...]:
    """Who opens what a host has locked or forgotten: custodians of each use, before anything
    else."""
    found = ((use, course.opening_scheme(use)) for use in unmet)
    return tuple(
        Needed(Part.CUSTODIAN, scheme.officers, 0, ((use, scheme),), by_quorum=True)
        for use, scheme in found
        if scheme is not None
    )


def opened(
    lines: Sequence[Needed], entered: Collection[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """(officer, part) of those who entered every share of theirs that `lines` ask for. `entered`:
    (use, officer)."""
    officers = dict.fromkeys(officer for line in lines for officer in line.who)
    return tuple(
        (officer, Part.CUSTODIAN.value)
        for officer in officers
        if all(
            (use.value, officer) in entered for line in lines for use, _ in line.uses_of(officer)
        )
    )


def missing(lines: Sequence[Needed], signed: Signed) -> int:
    """Signatures that are still to come. One person's counts for every line of their part: a
    quorum of those who sign anyway takes none of its own."""
    whole = [each for each in lines if not each.by_quorum and each.least == len(each.who)]
    sure = {(str(officer), each.part.value) for each in whole for officer in each.who}
    rest = (each.missing((*signed, *sure)) for each in lines if each not in whole)
    return len(sure - set(signed)) + sum(rest)


def total(lines: Sequence[Needed]) -> int:
    """Signatures that a step takes: the segments of its ring."""
    return missing(lines, ())


def _needed(course: Course, step: Step, signers: Signers) -> Needed:
    who = course.officers_of(signers, step.action)
    found = ((use, course.scheme(use, step.action)) for use in signers.shares)
    schemes = tuple((use, scheme) for use, scheme in found if scheme is not None)
    last = step.attaches is not Attaches.NONE and signers.part is Part.WITNESS
    by_quorum = signers.many is Many.QUORUM and signers.part is Part.CUSTODIAN
    least = {Many.ONE: min(1, len(who)), Many.EACH: len(who)}.get(signers.many)
    if least is None:
        least = _officers(course, step)
    return Needed(signers.part, who, least, schemes, by_quorum, last)


def _officers(course: Course, step: Step) -> int:
    """Approvers by the roster, and a proposer where that one does not count."""
    roster = course.roster
    return max(
        (
            roster.thresholds[each] + (each not in roster.proposer_may_approve)
            for each in statement_kinds(course.plan.kind, step.action)
        ),
        default=1,
    )
