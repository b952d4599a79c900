"""Ways out of a failed check as values, ordered by what they put at risk.

A rule is never proposed to be weakened where the machine can be mended instead; where a
statement is proposed its body stands here, ready to be signed by somebody who has looked.
"""

from dataclasses import dataclass, field
from enum import Enum

from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import JsonObject
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat


class Risk(Enum):
    """What a repair changes, the least first: the order in which repairs are offered."""

    NOTHING = "nothing that anybody trusts"
    MACHINE = "the machine alone"
    RENEWAL = "a statement that said the same before"
    KNOWN_GOOD = "one more value that counts as known good"
    RULE = "a rule, for every node of the model"


class Why(Enum):
    """Why a repair is offered; stable, screens have words for each."""

    ALLOWED_NOW = "allowed-now"  # what is in force by now lets it pass
    NOTHING_CHANGES = "nothing-changes"  # asking again trusts nobody anew
    FRESH_DOCUMENTS = "fresh-documents"  # only the maker's newer word is taken
    KNOWN_GAP = "known-gap"  # the maker closed a weakness that this machine still has
    READABLE = "readable"  # as it is, its host can read the model
    STRICTER = "stricter"  # the machine becomes what the rule asks
    MET_ELSEWHERE = "met-elsewhere"  # nodes of this model run what is approved
    SAME_AGAIN = "same-again"  # nothing that was not approved before
    GENUINE = "genuine"  # proved, not debugged, no weaker than the rule asks; people judge it
    MAKERS_WORD = "makers-word"  # the maker signs what is good
    YOURS = "yours"  # only people know whether the machine is theirs
    INHERENT = "inherent"  # no machine can be without this limit
    TAKEN_AWAY = "taken-away"  # people took it away, and only people give it back
    NOT_PROVED = "not-proved"  # nothing that it says can be relied on


class Setting(Enum):
    """What a node's operator changes in how it is started."""

    FIRMWARE = "firmware"  # back to what a baseline knows
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
    MEMORY = "memory"  # let the agent lock its memory
    MACHINE = "machine"  # another kind of machine or device
    PLATFORM = "platform"  # the host's own configuration
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
class CosignLog:
    """Have witnesses cosign the log's newest checkpoint, then ask again."""


@dataclass(frozen=True, slots=True)
class FetchCollateral:
    """Empty: whatever the evidence lacks."""

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
class ImportRim:
    """The maker's signed reference values: none that were captured would count."""


@dataclass(frozen=True, slots=True)
class ProposePlatform:
    """`site_known`: the list has one site, which is taken; else somebody has to fill it in."""

    draft: Draft
    site_known: bool


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
    | CosignLog
    | FetchCollateral
    | UpdateFirmware
    | RemoveDebug
    | ChangeNode
    | RenewStatement
    | ProposeBaseline
    | ImportRim
    | ProposePlatform
    | ProposePolicyCaveat
    | MoveOn
    | Investigate
)


@dataclass(frozen=True, slots=True)
class Repair:
    """`why`: why it is the safest of what is left, or why it is offered at all."""

    action: Action
    risk: Risk
    why: Why

    @property
    def draft(self) -> Draft | None:
        """The statement that it proposes, if it is one."""
        action = self.action
        if isinstance(action, ProposeBaseline | ProposePlatform | ProposePolicyCaveat):
            return action.draft
        return None
