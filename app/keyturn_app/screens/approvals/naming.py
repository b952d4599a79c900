"""Kinds of statement and the fields of their bodies, in words for people. No Qt."""

from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.approvals.case import Case

PROPOSED_HERE = (
    Kind.POLICY,
    Kind.REFERENCE_VALUES,
    Kind.PLATFORMS,
    Kind.REVOCATION,
    Kind.CEREMONY,
    Kind.RESTORE,
    Kind.ROSTER,
    Kind.KEYS,
    Kind.TRUST_ANCHORS,
    Kind.MODEL,
)
"""Every kind, the usual ones first. A model that is new starts on the page of models."""

FOLLOWS = frozenset({Kind.REVOCATION, Kind.RESTORE, Kind.MODEL})
"""Kinds whose subject stands in the body."""


def kind_word(kind: Kind) -> str:
    return {
        Kind.ROSTER: _("Roster"),
        Kind.KEYS: _("Keys"),
        Kind.POLICY: _("Policy"),
        Kind.REFERENCE_VALUES: _("Reference values"),
        Kind.PLATFORMS: _("Platforms"),
        Kind.TRUST_ANCHORS: _("Trust anchors"),
        Kind.MODEL: _("Model admission"),
        Kind.CEREMONY: _("Ceremony"),
        Kind.REVOCATION: _("Revocation"),
        Kind.RESTORE: _("Restore"),
    }[kind]


def kind_icon(kind: Kind) -> str:
    return {
        Kind.ROSTER: "users",
        Kind.KEYS: "key-round",
        Kind.POLICY: "scale",
        Kind.REFERENCE_VALUES: "badge-check",
        Kind.PLATFORMS: "hard-drive",
        Kind.TRUST_ANCHORS: "shield-check",
        Kind.MODEL: "box",
        Kind.CEREMONY: "stamp",
        Kind.REVOCATION: "ban",
        Kind.RESTORE: "rotate-ccw",
    }[kind]


def target_word(kind: TargetKind) -> str:
    return {
        TargetKind.NODE: _("node"),
        TargetKind.PLATFORM: _("platform"),
        TargetKind.MODEL: _("model"),
        TargetKind.MEASUREMENT: _("measurement"),
        TargetKind.POLICY: _("policy"),
    }[kind]


def subject_word(case: Case) -> str:
    """What a statement is about, short: digests are cut, an admission says its name."""
    statement = case.statement
    if isinstance(statement.body, Admission):
        return short(f"{statement.body.name} {statement.body.version}", 40)
    if statement.kind is Kind.REVOCATION:
        kind, _colon, target = statement.subject.partition(":")
        return f"{target_word(TargetKind(kind))} {short(target, 24)}"
    return short(statement.subject, 40)


def short(text: str, limit: int = 36) -> str:
    """Digests in groups, other long texts cut in the middle."""
    if text.startswith("sha256:"):
        return wording.digest(text)
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
