"""What a draft would change for every node: who newly gets keys, who loses them (§8.9).

Values only; `preview` makes them and `impact_document` writes them down.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.policy.drafts import Draft
from keyturn.policy.findings import Finding
from keyturn.quorum.tee_rules import Tee


class Group(Enum):
    """In the order in which they are shown: the dangerous one first."""

    NEWLY = "newly-gets-keys"
    LOSES = "loses-keys"
    KEEPS = "keeps-keys"
    REFUSED = "still-refused"
    UNMEASURED = "not-measurable"


@dataclass(frozen=True, slots=True)
class FindingChange:
    """One check before and after; None: it was not made."""

    check: str
    before: Finding | None
    after: Finding | None


@dataclass(frozen=True, slots=True)
class NodeImpact:
    """One node asking for one model. `site`: as the platform lists in force after it say, None
    where none does. `tee` None: no genuine evidence of a processor.

    `decisive` is what decides the group: failed checks after (loses, refused), failed checks
    before (newly gets keys), what could not be judged (not measurable).
    """

    node: str
    model: Digest
    platform: str
    site: str | None
    tee: Tee | None
    evidence: Digest | None
    time: datetime | None
    group: Group
    changes: tuple[FindingChange, ...]
    decisive: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ModelImpact:
    """How many nodes were served and would be; `name` as admitted, None where it is not."""

    model: Digest
    name: str | None
    before: int
    after: int
    unmeasured: int

    @property
    def goes_dark(self) -> bool:
        return self.before > 0 and self.after == 0

    @property
    def newly_served(self) -> bool:
        return self.before == 0 and self.after > 0


@dataclass(frozen=True, slots=True)
class LogPosition:
    """The log that the rules in force were read from. `root`: 64 hex digits."""

    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Impact:
    """`nodes` by group, node and model; `models` those that go dark first, then by digest."""

    authority: Digest
    draft: Draft
    position: LogPosition
    time: datetime
    nodes: tuple[NodeImpact, ...]
    models: tuple[ModelImpact, ...]

    def of(self, group: Group) -> tuple[NodeImpact, ...]:
        return tuple(each for each in self.nodes if each.group is group)

    @property
    def counts(self) -> Mapping[Group, int]:
        return _counts(self.nodes)

    @property
    def by_site(self) -> Mapping[str | None, Mapping[Group, int]]:
        sites = sorted({each.site for each in self.nodes}, key=lambda each: (each is None, each))
        return {site: _counts(n for n in self.nodes if n.site == site) for site in sites}

    @property
    def by_tee(self) -> Mapping[Tee | None, Mapping[Group, int]]:
        tees = (*Tee, None)
        found = {tee: _counts(n for n in self.nodes if n.tee is tee) for tee in tees}
        return {tee: each for tee, each in found.items() if any(each.values())}


def _counts(nodes: Iterable[NodeImpact]) -> dict[Group, int]:
    found = Counter(each.group for each in nodes)
    return {group: found[group] for group in Group}
