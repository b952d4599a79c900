"""The roster as it is shown: frozen values, made of verified facts. No Qt in here."""

from dataclasses import dataclass, field
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _
from keyturn_app.states import Look


class Phase(Enum):
    LOADING = "loading"
    OFFLINE = "offline"  # nothing was ever known in this session
    DISTRUSTED = "distrusted"
    READY = "ready"


Line = tuple[str, str, bool]
"""Name, value, and whether it is mono: as `KeyValues` shows them."""


@dataclass(frozen=True, slots=True)
class OfficerLine:
    """One officer of the roster. Whether somebody is online is not known, and not said."""

    id: OfficerId
    name: str
    roles: str
    keys: str
    whole_keys: str
    details: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ExpiryLine:
    """A statement in force that ends. `soon`: within the time in which one is warned."""

    kind: Kind
    subject: str
    version: str
    expires: str
    moment: str  # the same to the second
    left: str
    look: Look
    soon: bool

    @property
    def key(self) -> str:
        return f"{self.kind.value}:{self.subject}"


@dataclass(frozen=True, slots=True)
class RosterLine:
    """One roster that came into force, and what it changed."""

    index: int
    version: str
    since: str
    approved: str
    changed: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The authority's fingerprint, to be compared with others. All three say the same."""

    value: Digest
    grouped: str
    words: str


@dataclass(frozen=True, slots=True)
class ActionView:
    """A button; `why_not` is empty where it can be pressed."""

    id: str
    text: str
    icon: str
    why_not: str


@dataclass(frozen=True, slots=True)
class OfficersView:
    phase: Phase
    title: str = ""  # of what stands instead of the page
    text: str = ""
    banner: str = ""
    tone: str = "warn"
    look: Look | None = None
    roster: tuple[Line, ...] = ()
    index: int | None = None
    fingerprint: Fingerprint | None = None
    officers: tuple[OfficerLine, ...] = ()
    selected: OfficerLine | None = None
    thresholds: tuple[Line, ...] = ()
    separation: tuple[str, ...] = ()
    witnesses: tuple[Line, ...] = ()
    own_witness: tuple[Line, ...] = ()  # this app's cosigning key, and whether it cosigns
    expiries: tuple[ExpiryLine, ...] = ()
    expiry: ExpiryLine | None = None
    expiry_text: str = ""
    history: tuple[RosterLine, ...] = ()
    actions: dict[str, ActionView] = field(default_factory=dict)


def phase_of(facts: Facts) -> tuple[Phase, str, str]:
    """(phase, title, text) of what stands instead of the page."""
    if not facts.trusted:
        return (
            Phase.DISTRUSTED,
            _("The server is not believed"),
            _("It was caught at a lie or at rewriting history. Nothing that it says is shown."),
        )
    if facts.seen is not None:
        return Phase.READY, "", ""
    if facts.connection.link in {Link.OFFLINE, Link.RECONNECTING}:
        text = _("The roster is read from the log, once the server is reached.")
        return Phase.OFFLINE, _("Not connected"), f"{facts.connection.error} {text}".strip()
    return Phase.LOADING, _("Reading the roster"), _("Every quorum in the log is checked first.")


def role_name(role: Role) -> str:
    return {
        Role.PROPOSER: _("proposer"),
        Role.APPROVER: _("approver"),
        Role.CUSTODIAN: _("custodian"),
        Role.OPERATOR: _("operator"),
        Role.AUDITOR: _("auditor"),
        Role.WITNESS: _("witness"),
    }[role]
