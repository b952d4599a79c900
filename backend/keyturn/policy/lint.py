"""What is wrong with a statement's body before anybody approves it (DESIGN §4: policy).

Sound, not complete: an error says that no evidence at all can pass, or that nothing is named;
what cannot be told from statements and observed nodes is not said.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from keyturn.policy.lint_around import Around
from keyturn.policy.lint_bodies import (
    lint_admission,
    lint_anchors,
    lint_platforms,
    lint_revocation,
    lint_values,
)
from keyturn.policy.lint_policy import lint_policy
from keyturn.policy.observed import Observed
from keyturn.policy.preview import PREVIEWED
from keyturn.policy.remarks import LintCode, LintRemark, Severity
from keyturn.quorum.bodies import Admission, Body, Platforms, Revocation, TrustAnchorsBody
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.state import AuthorityState

__all__ = ["LintCode", "LintRemark", "Severity", "lint"]


def lint(
    kind: Kind,
    subject: str,
    body: Body,
    state: AuthorityState,
    now: datetime,
    *,
    observed: Sequence[Observed] = (),
    owed: AbstractSet[Caveat] = frozenset(),
    expires: datetime | None = None,
) -> tuple[LintRemark, ...]:
    """Errors first, then by place. `owed`: caveats of every verdict of this authority
    (`keyrelease.decision.caveats_owed`). `expires`: when the statement would; None: not known.
    """
    if kind not in PREVIEWED:
        return ()
    around = Around(state, now, observed, owed, expires)
    found = set(_remarks(subject, body, around))
    order = list(Severity)
    return tuple(
        sorted(found, key=lambda e: (order.index(e.severity), e.place, e.code.value, e.values))
    )


def _remarks(subject: str, body: Body, around: Around) -> Iterator[LintRemark]:
    match body:
        case Policy():
            yield from lint_policy(subject, body, around)
        case ReferenceValues():
            yield from lint_values(subject, body, around)
        case Platforms():
            yield from lint_platforms(subject, body, around)
        case TrustAnchorsBody():
            yield from lint_anchors(body, around)
        case Admission():
            yield from lint_admission(body, around)
        case Revocation():
            yield from lint_revocation(body, around)
