"""The kinds of statement and the roles of officers (our protocol §2.6)."""

from enum import Enum

from keyturn.quorum.errors import MalformedStatement


class Kind(Enum):
    __hash__ = object.__hash__  # by identity, as it is equal: Enum's own is a slow call

    ROSTER = "roster"
    KEYS = "keys"
    POLICY = "policy"
    REFERENCE_VALUES = "reference-values"
    PLATFORMS = "platforms"
    TRUST_ANCHORS = "trust-anchors"
    MODEL = "model"
    CEREMONY = "ceremony"
    REVOCATION = "revocation"
    RESTORE = "restore"


class Role(Enum):
    PROPOSER = "proposer"
    APPROVER = "approver"
    CUSTODIAN = "custodian"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    WITNESS = "witness"


class TargetKind(Enum):
    """What a revocation can name: never an officer, a key or a roster (DESIGN §6)."""

    __hash__ = object.__hash__  # by identity, as it is equal: Enum's own is a slow call

    NODE = "node"
    PLATFORM = "platform"
    MODEL = "model"
    MEASUREMENT = "measurement"
    POLICY = "policy"


DEFAULT_THRESHOLDS = {
    Kind.ROSTER: 3,
    Kind.KEYS: 3,
    Kind.POLICY: 2,
    Kind.REFERENCE_VALUES: 2,
    Kind.PLATFORMS: 2,
    Kind.TRUST_ANCHORS: 3,
    Kind.MODEL: 2,
    Kind.CEREMONY: 3,
    Kind.REVOCATION: 1,
    Kind.RESTORE: 3,
}
"""DESIGN §6."""

_PREFIX = "application/vnd.keyturn."
_SUFFIX = ".v1+json"


def payload_type(name: str) -> str:
    """The DSSE payload type of a document type."""
    return f"{_PREFIX}{name}{_SUFFIX}"


def kind_of(type_name: str) -> Kind:
    """The kind that a payload type names. Raises MalformedStatement."""
    if type_name.startswith(_PREFIX) and type_name.endswith(_SUFFIX):
        name = type_name[len(_PREFIX) : -len(_SUFFIX)]
        if name in {kind.value for kind in Kind}:
            return Kind(name)
    raise MalformedStatement("not a kind of statement", found=repr(type_name[:100]))
