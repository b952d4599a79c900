"""What is wrong with a statement's body before anybody approves it (DESIGN §4: policy).

Sound, not complete: an error says that no evidence at all can pass, or that nothing is named;
what cannot be told from statements and observed nodes is not said.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from keyturn.policy.observed import Observed
from keyturn.policy.remarks import LintRemark
from keyturn.quorum.bodies import Body
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState


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
    raise NotImplementedError
