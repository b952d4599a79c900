"""One node's last evidence, verified again: what rules are judged on before they are in force.

The verdict of the keyholder is in the log; this is for whoever asks *what if* and *why*.
"""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.policy.findings import Finding
from keyturn.policy.shown import Shown
from keyturn.quorum.policy_body import Caveat


@dataclass(frozen=True, slots=True)
class Observed:
    """`evidence` is the digest of the exact request, `time` when the keyholder decided on it.

    `shown` None: the CPU's evidence is not genuine, or nobody has it any more; `findings` say so.
    They are the checks that prove evidence genuine, no policy's. `caveats` are all that limit a
    verdict about it, those of the authority included.
    """

    node: str
    model: Digest
    platform: str
    evidence: Digest | None
    time: datetime | None
    shown: Shown | None
    findings: tuple[Finding, ...]
    caveats: frozenset[Caveat]

    @property
    def measurable(self) -> bool:
        """Whether rules can be judged at all: all of it is genuine."""
        return self.shown is not None and not any(each.failed for each in self.findings)
