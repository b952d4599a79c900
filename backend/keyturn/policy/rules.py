"""One policy with everything that it names."""

from collections.abc import Mapping
from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.quorum.bodies import Platforms
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import ReferenceValues

BASELINE_HINT = "if this firmware is intended, propose its measurement as a new baseline"


@dataclass(frozen=True, slots=True)
class Rules:
    """One policy with the statements that it names, all in force, each with its digest."""

    policy: Policy
    policy_digest: Digest
    baselines: Mapping[str, tuple[Digest, ReferenceValues]]
    platforms: Mapping[str, tuple[Digest, Platforms]]
