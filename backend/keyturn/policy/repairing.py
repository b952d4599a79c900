"""Ways out of a failed check as values, ordered by what they put at risk.

A rule is never proposed to be weakened where the machine can be mended instead; where a
statement is proposed its body stands here, ready to be signed by somebody who has looked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import JsonObject
from keyturn.policy.findings import Finding
from keyturn.policy.observed import Observed
from keyturn.policy.rules import Rules
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState


class Risk(Enum):
    """What a repair changes, the least first: the order in which repairs are offered."""

    NOTHING = "nothing that anybody trusts"
    MACHINE = "the machine alone"
    RENEWAL = "a statement that said the same before"
    KNOWN_GOOD = "one more value that counts as known good"
    RULE = "a rule, for every node of the model"


class Setting(Enum):
    """What a node's operator changes in how it is started."""

    DEBUG = "debug"
    MIGRATION = "migration"
    SMT = "smt"
    VMPL = "vmpl"
    WORKLOAD = "workload"
    SECURE_BOOT = "secure-boot"
    GPUS = "gpus"
    GPU_MODE = "gpu-mode"
    TPM = "tpm"
    ALIAS_CHECK = "alias-check"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement's body, ready for `keyturn proposal new KIND --subject … --body …`."""

    kind: Kind
    subject: str
    body: JsonObject = field(hash=False)


@dataclass(frozen=True, slots=True)
class Component:
    """One security version that is too low; None: not known."""

    name: str
    found: int | None
    least: int | None


@dataclass(frozen=True, slots=True)
class RestartNode:
    """Ask again: a fresh challenge, nonce, lease or activation."""


@dataclass(frozen=True, slots=True)
class FetchCollateral:
    """None: whatever the evidence lacks."""

    kinds: tuple[CollateralKind, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateFirmware:
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveDebug:
    """Start the guest without a debug policy: its memory can be read by its host."""


@dataclass(frozen=True, slots=True)
class ChangeNode:
    setting: Setting


@dataclass(frozen=True, slots=True)
class RenewStatement:
    """What ran out, was suspended or never was; the same kind and subject anew."""

    kind: Kind
    subject: str


@dataclass(frozen=True, slots=True)
class ProposeBaseline:
    draft: Draft


@dataclass(frozen=True, slots=True)
class ProposePlatform:
    draft: Draft


@dataclass(frozen=True, slots=True)
class ProposePolicyCaveat:
    caveat: Caveat
    draft: Draft


@dataclass(frozen=True, slots=True)
class MoveOn:
    """Revoked: nothing is to be mended here. Only a statement made since reinstates."""

    target: TargetKind
    name: str
    revocation: Digest | None


@dataclass(frozen=True, slots=True)
class Investigate:
    """Evidence that no vendor has signed, or that is not of this request: trust it for nothing."""


Action = (
    RestartNode
    | FetchCollateral
    | UpdateFirmware
    | RemoveDebug
    | ChangeNode
    | RenewStatement
    | ProposeBaseline
    | ProposePlatform
    | ProposePolicyCaveat
    | MoveOn
    | Investigate
)


@dataclass(frozen=True, slots=True)
class Repair:
    """`why` is a stable code for why it is offered, and offered here in the order."""

    action: Action
    risk: Risk
    why: str

    @property
    def draft(self) -> Draft | None:
        """The statement that it proposes, if it is one."""
        action = self.action
        if isinstance(action, ProposeBaseline | ProposePlatform | ProposePolicyCaveat):
            return action.draft
        return None


def repairs_of(
    finding: Finding,
    observed: Observed,
    findings: Sequence[Finding],
    state: AuthorityState,
    rules: Rules | None,
    now: datetime,
) -> tuple[Repair, ...]:
    """Of one failed check, the safest first; empty where nobody knows any."""
    raise NotImplementedError
