"""Every node judged under the rules in force, and as they would be with a draft (§8.8)."""

from collections.abc import Callable, Sequence
from datetime import datetime

from keyturn.policy.drafts import Draft
from keyturn.policy.impact import Impact, LogPosition
from keyturn.policy.observed import Observed
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


def preview(
    draft: Draft,
    state: AuthorityState,
    observed: Sequence[Observed],
    position: LogPosition,
    now: datetime,
    *,
    progress: Progress | None = None,
) -> Impact:
    """Raises MalformedError for a kind that is not `PREVIEWED`."""
    raise NotImplementedError
