"""What a lint may look at beside the body, and what of a policy's baselines still counts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from keyturn.policy.observed import Observed
from keyturn.policy.remarks import LintCode, LintRemark, error, warning
from keyturn.quorum.bodies import Platforms
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.origin import Origin
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.state import AuthorityState


class _Known(Protocol):
    @property
    def origin(self) -> Origin: ...


R = TypeVar("R", bound=_Known)


@dataclass(frozen=True, slots=True)
class Around:
    """The arguments of `lint`, but for the body."""

    state: AuthorityState
    now: datetime
    observed: Sequence[Observed]
    owed: AbstractSet[Caveat]
    expires: datetime | None

    def named(self, place: str, kind: Kind, subject: str) -> Iterator[LintRemark]:
        """What is wrong with a statement that is named: not in force, or not for long enough."""
        try:
            found = self.state.require(kind, subject, self.now)
        except SubmissionRefused as refused:
            yield error(
                place,
                LintCode.NOT_IN_FORCE,
                kind=kind.value,
                subject=subject,
                why=refused.found,
            )
            return
        ends = found.statement.expires
        if ends is not None and self.expires is not None and ends < self.expires:
            yield warning(
                place,
                LintCode.ENDS_BEFORE,
                kind=kind.value,
                subject=subject,
                ends=ends.isoformat(),
                policy_ends=self.expires.isoformat(),
            )

    def baselines(self, policy: Policy) -> tuple[ReferenceValues, ...]:
        """Those in force."""
        found = (
            self.state.in_force(Kind.REFERENCE_VALUES, name, self.now) for name in policy.baselines
        )
        bodies = (each.statement.body for each in found if each is not None)
        return tuple(each for each in bodies if isinstance(each, ReferenceValues))

    def lists(self, policy: Policy) -> tuple[tuple[str, Platforms], ...]:
        """The platform lists in force, by name."""
        found = []
        for name in policy.platforms or ():
            each = self.state.in_force(Kind.PLATFORMS, name, self.now)
            if each is not None and isinstance(each.statement.body, Platforms):
                found.append((name, each.statement.body))
        return tuple(found)

    def living(self, references: Iterable[R]) -> tuple[R, ...]:
        """Those whose time has not run out."""
        return tuple(each for each in references if not each.origin.ended(self.now))

    def revoked(self, kind: TargetKind, target: str) -> bool:
        return (kind, target) in self.state.revoked

    def policies(self, names: Callable[[Policy], Iterable[str]], subject: str) -> tuple[str, ...]:
        """Ids of the policies in force that name this subject."""
        found = []
        for kind, policy_id in self.state.newest:
            if kind is not Kind.POLICY:
                continue
            policy = self.state.policy(policy_id, self.now)
            if policy is not None and subject in names(policy):
                found.append(policy_id)
        return tuple(sorted(found))
