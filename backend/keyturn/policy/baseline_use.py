"""What rests on a baseline: policies, nodes; and when its values end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.policy.baseline_document import Reference
from keyturn.policy.comparing import compare_node, sets_of
from keyturn.policy.observed import Observed
from keyturn.policy.shown import Shown
from keyturn.quorum.expiry import in_force
from keyturn.quorum.origin import Origin
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
    SwitchReference,
    TdxReference,
)
from keyturn.quorum.state import AuthorityState, InForce


@dataclass(frozen=True, slots=True)
class Ending:
    """When something stops counting. `what` names it for people; `source` is a value's, or ""."""

    what: str
    source: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Resting:
    """A node, and which parts of it a baseline has as a whole: snp, tdx, gpu 0, switch 1, tpm."""

    node: str
    parts: tuple[str, ...]


def policies_naming(state: AuthorityState, subject: str, now: datetime) -> tuple[InForce, ...]:
    """The policies in force that name the baseline `subject`, in the order of the log."""
    return tuple(
        each
        for each in in_force(state, now)
        if isinstance(each.statement.body, Policy) and subject in each.statement.body.baselines
    )


def nodes_resting(values: ReferenceValues, observed: Sequence[Observed]) -> tuple[Resting, ...]:
    """The nodes of whose last evidence some part is as the baseline has it, by name."""
    found = [
        Resting(each.node, parts)
        for each in observed
        if each.shown is not None and each.measurable and (parts := rests_on(values, each.shown))
    ]
    return tuple(sorted(found, key=lambda each: each.node))


def rests_on(values: ReferenceValues, shown: Shown) -> tuple[str, ...]:
    """The parts of a node whose values a baseline has as a whole: were the baseline taken away,
    another would have to have them."""
    good: dict[str, bool] = {}
    for row in compare_node(values, shown):
        good[row.kind] = good.get(row.kind, True) and row.same
    return tuple(kind for kind, whole in good.items() if whole)


def endings(values: ReferenceValues) -> tuple[Ending, ...]:
    """Every value with an end of its own, the first to end first."""
    found = [
        Ending(what, origin.source, origin.provenance.until)
        for what, origin in origins(values)
        if origin.provenance is not None and origin.provenance.until is not None
    ]
    return tuple(sorted(found, key=lambda each: (each.until, each.what)))


def endings_in_force(state: AuthorityState, now: datetime) -> tuple[tuple[str, Ending], ...]:
    """All baselines in force: subject and end, of the statement and of each value."""
    found = []
    for each in in_force(state, now):
        statement = each.statement
        if not isinstance(statement.body, ReferenceValues):
            continue
        if statement.expires is not None:
            found.append((statement.subject, Ending("the baseline", "", statement.expires)))
        found += [(statement.subject, ending) for ending in endings(statement.body)]
    return tuple(sorted(found, key=lambda each: (each[1].until, each[0], each[1].what)))


def origins(values: ReferenceValues) -> Iterator[tuple[str, Origin]]:
    """Each value, or set of values, by a name for people, with where it comes from."""
    for value, origin in sorted(values.snp.items()):
        yield f"launch measurement {value}", origin
    for references in sets_of(values):
        for each in references:
            yield name_of(each), each.origin


def name_of(reference: Reference) -> str:
    """A set of values in a few words."""
    if isinstance(reference, GpuReference):
        return f"GPU {reference.architecture}, driver {reference.driver}, VBIOS {reference.vbios}"
    if isinstance(reference, SwitchReference):
        return f"switch {reference.architecture}, BIOS {reference.bios}"
    if isinstance(reference, TdxReference):
        return f"TD, {len(reference.registers)} registers"
    return f"TPM, {sum(map(len, reference.pcrs.values()))} PCRs"
