"""Every node judged under the rules in force, and as they would be with a draft (§8.9).

Evidence is judged as it was when the keyholder decided on it: what says how fresh it was is of
that time. What ends by itself (values, statements, collateral) is of the time of asking.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.policy.alike import alike
from keyturn.policy.drafts import Draft, with_draft
from keyturn.policy.findings import Finding, failing, not_met
from keyturn.policy.impact import (
    FindingChange,
    Group,
    Impact,
    LogPosition,
    ModelImpact,
    NodeImpact,
)
from keyturn.policy.judging import Judged, Judging
from keyturn.policy.observed import Observed
from keyturn.policy.shown import tee_of
from keyturn.quorum.bodies import Admission, Platforms
from keyturn.quorum.expiry import in_force
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState

PREVIEWED = frozenset(
    {
        Kind.POLICY,
        Kind.REFERENCE_VALUES,
        Kind.PLATFORMS,
        Kind.TRUST_ANCHORS,
        Kind.MODEL,
        Kind.REVOCATION,
    }
)
"""The kinds of statement that change who gets keys."""

Progress = Callable[[int, int], None]
"""Called with how many are judged, and of how many. What it raises ends the work."""

_NOT_SHOWN = frozenset({"tpm-missing", "collateral-missing"})
"""Reasons for which evidence that nobody asked for until now may only not have been shown."""
_STEP = 200


def preview(
    draft: Draft,
    state: AuthorityState,
    observed: Sequence[Observed],
    position: LogPosition,
    now: datetime,
    *,
    again: Sequence[Observed] | None = None,
    progress: Progress | None = None,
) -> Impact:
    """`again`: for trust anchors, the same nodes verified under the draft's; without it none of
    them can be measured. Raises MalformedError for a kind that is not `PREVIEWED`.
    """
    if draft.kind not in PREVIEWED:
        raise MalformedError(
            "this kind of statement has no impact preview",
            found=draft.kind.value,
            expected=", ".join(sorted(each.value for each in PREVIEWED)),
        )
    now = now.replace(microsecond=0)
    after = with_draft(state, draft, now)
    both = _Both(Judging(state, now), Judging(after, now), {})
    asked = [*observed, *_would_ask(draft, observed)]
    proved = _proved_after(draft, asked, again)
    sites = _sites(after, now)
    nodes = []
    for count, seen in enumerate(asked):
        if progress is not None and count % _STEP == 0:
            progress(count, len(asked))
        nodes.append(both.judge(seen, proved.get((seen.node, seen.model)), sites))
    if progress is not None:
        progress(len(asked), len(asked))
    order = list(Group)
    nodes.sort(key=lambda each: (order.index(each.group), each.node, each.model))
    models = _models(nodes, after)
    return Impact(state.fingerprint, draft, position, now, tuple(nodes), models)


def _would_ask(draft: Draft, observed: Sequence[Observed]) -> list[Observed]:
    """Of a model that some node never asked for, the evidence that it showed last."""
    if not isinstance(draft.body, Admission):
        return []
    model = draft.body.model
    asked = {each.node for each in observed if each.model == model}
    newest: dict[str, Observed] = {}
    for each in observed:
        if each.node not in asked:
            known = newest.get(each.node)
            if known is None or _when(each) > _when(known):
                newest[each.node] = each
    return [replace(each, model=model) for each in newest.values()]


def _when(seen: Observed) -> float:
    return seen.time.timestamp() if seen.time is not None else 0.0


def _proved_after(
    draft: Draft, asked: Sequence[Observed], again: Sequence[Observed] | None
) -> Mapping[tuple[str, Digest], Observed]:
    """By node and model what is proved under the draft's anchors; empty where they do not change.

    `_UNPROVED`: not verified again, or of another request than before.
    """
    if draft.kind is not Kind.TRUST_ANCHORS:
        return {}
    known = {(each.node, each.model, each.evidence): each for each in again or ()}
    return {
        (each.node, each.model): known.get((each.node, each.model, each.evidence), _UNPROVED)
        for each in asked
    }


_UNPROVED = Observed(
    "",
    Digest(""),
    "",
    None,
    None,
    None,
    (
        not_met(
            "trust anchors",
            "not-verified-again",
            "the evidence as the anchors in force prove it",
            "the evidence verified under the draft's anchors",
        ),
    ),
    frozenset(),
)


@dataclass(frozen=True, slots=True)
class _Both:
    """Judges of before and after."""

    before: Judging
    after: Judging
    known: dict[tuple[int, int], tuple[FindingChange, ...]]
    """Changes of what many nodes share, by the two tuples that the judges keep."""

    def judge(
        self, seen: Observed, proved: Observed | None, sites: Mapping[str, str]
    ) -> NodeImpact:
        later = proved or seen
        tee = None if seen.shown is None else tee_of(seen.shown.cpu)
        group, changes, decisive = self._outcome(seen, later)
        return NodeImpact(
            seen.node,
            seen.model,
            seen.platform,
            sites.get(seen.platform),
            tee,
            seen.evidence,
            seen.time,
            group,
            changes,
            decisive,
        )

    def _outcome(
        self, seen: Observed, later: Observed
    ) -> tuple[Group, tuple[FindingChange, ...], tuple[Finding, ...]]:
        if later is _UNPROVED or not (seen.measurable or later.measurable):
            return Group.UNMEASURED, (), _unproved(later)
        key = alike(seen.shown) if later is seen and seen.shown is not None else None
        before = self.before.judged(seen, key) if seen.measurable else _refused(seen)
        after = self.after.judged(later, key) if later.measurable else _refused(later)
        changes = (*self._shared(before, after), *_changes(before.own, after.own))
        if not after.failed:
            group = Group.NEWLY if before.failed else Group.KEEPS
            return group, changes, before.failed
        if _only_not_shown(before.failed, after.failed):
            return Group.UNMEASURED, changes, after.failed
        return Group.REFUSED if before.failed else Group.LOSES, changes, after.failed

    def _shared(self, before: Judged, after: Judged) -> tuple[FindingChange, ...]:
        if not (before.kept and after.kept):
            return tuple(_changes(before.common, after.common))
        key = (id(before.common), id(after.common))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = tuple(_changes(before.common, after.common))
        return found


def _unproved(seen: Observed) -> tuple[Finding, ...]:
    failed = failing(seen.findings)
    if failed:
        return failed
    return (not_met("evidence", "evidence-missing", "none", "evidence of the node's processor"),)


def _refused(seen: Observed) -> Judged:
    """Of evidence that is not genuine under the anchors of one side."""
    return Judged(seen.findings, (), _unproved(seen), kept=False)


def _only_not_shown(before: Sequence[Finding], after: Sequence[Finding]) -> bool:
    """Whether all that stands against the node is what it never had to show."""
    known = {(each.check, each.reason) for each in before}
    fresh = [each for each in after if (each.check, each.reason) not in known]
    return bool(fresh) and all(each.reason in _NOT_SHOWN for each in after)


def _changes(before: Sequence[Finding], after: Sequence[Finding]) -> Iterator[FindingChange]:
    """What the same check says otherwise; a check that is made often is counted through."""
    numbered, later = _numbered(before), _numbered(after)
    for key in dict.fromkeys((*numbered, *later)):
        was, would = numbered.get(key), later.get(key)
        if _says(was) != _says(would):
            yield FindingChange(key[0], was, would)


def _numbered(findings: Sequence[Finding]) -> dict[tuple[str, int], Finding]:
    seen: dict[str, int] = {}
    found = {}
    for each in findings:
        seen[each.check] = seen.get(each.check, -1) + 1
        found[(each.check, seen[each.check])] = each
    return found


def _says(finding: Finding | None) -> tuple[object, ...] | None:
    if finding is None:
        return None
    return (finding.outcome, finding.reason, finding.found, finding.expected)


def _sites(state: AuthorityState, now: datetime) -> Mapping[str, str]:
    """Where platforms stand; the last list that came into force wins."""
    found: dict[str, str] = {}
    for each in in_force(state, now):
        if isinstance(each.statement.body, Platforms):
            found.update(
                (id_, platform.site) for id_, platform in each.statement.body.platforms.items()
            )
    return found


def _models(nodes: Sequence[NodeImpact], state: AuthorityState) -> tuple[ModelImpact, ...]:
    tally: dict[Digest, list[int]] = {}
    for each in nodes:
        counts = tally.setdefault(each.model, [0, 0, 0])
        counts[0] += each.group in {Group.KEEPS, Group.LOSES}
        counts[1] += each.group in {Group.KEEPS, Group.NEWLY}
        counts[2] += each.group is Group.UNMEASURED
    found = [ModelImpact(model, _name(state, model), *counts) for model, counts in tally.items()]
    return tuple(
        sorted(found, key=lambda each: (not each.goes_dark, not each.newly_served, each.model))
    )


def _name(state: AuthorityState, model: Digest) -> str | None:
    found = state.newest.get((Kind.MODEL, model))
    body = found.statement.body if found is not None else None
    return f"{body.name} {body.version}" if isinstance(body, Admission) else None
