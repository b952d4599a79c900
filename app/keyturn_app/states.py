"""How states look, for every page alike: word, colour token and icon (I10). No Qt in here."""

from dataclasses import dataclass

from keyturn.client.inventory import NodeState
from keyturn.client.proposals import Status
from keyturn_app.facts import Link
from keyturn_app.i18n import _


@dataclass(frozen=True, slots=True)
class Look:
    """`word` is what is said; shape (`icon`) and tint (`token`) only repeat it."""

    word: str
    token: str
    icon: str


def node_look(state: NodeState) -> Look:
    return {
        NodeState.ATTESTED: Look(_("Attested"), "ok", "circle-check"),
        NodeState.STALE: Look(_("Stale"), "stale", "triangle-alert"),
        NodeState.PENDING: Look(_("Pending"), "pending", "circle-dashed"),
        NodeState.REFUSED: Look(_("Refused"), "danger", "octagon-x"),
        NodeState.QUARANTINED: Look(_("Quarantined"), "quarantined", "shield-off"),
        NodeState.WIPED: Look(_("Wiped"), "wiped", "eraser"),
        NodeState.UNKNOWN: Look(_("Unknown"), "unknown", "circle-slash"),
    }[state]


def status_look(status: Status) -> Look:
    return {
        Status.OPEN: Look(_("Not in force"), "stale", "hourglass"),
        Status.IN_FORCE: Look(_("In force"), "ok", "circle-check"),
        Status.SUPERSEDED: Look(_("Superseded"), "unknown", "history"),
        Status.EXPIRED: Look(_("Expired"), "danger", "clock"),
        Status.REVOKED: Look(_("Revoked"), "danger", "ban"),
        Status.SUSPENDED: Look(_("Suspended"), "danger", "ban"),
        Status.WITHDRAWN: Look(_("Withdrawn"), "unknown", "undo-2"),
        Status.LAPSED: Look(_("Lapsed"), "unknown", "clock"),
        Status.REFUSED: Look(_("Refused"), "danger", "octagon-x"),
    }[status]


def sealed_look() -> Look:
    """A keyholder that waits for its custodians: nothing is wrong, and nothing is released."""
    return Look(_("Sealed"), "pending", "lock")


def link_look(link: Link) -> Look:
    return {
        Link.CONNECTING: Look(_("Connecting"), "pending", "circle-dashed"),
        Link.LIVE: Look(_("Live"), "ok", "radio"),
        Link.STALE: Look(_("Stale"), "stale", "triangle-alert"),
        Link.RECONNECTING: Look(_("Reconnecting"), "stale", "refresh-cw"),
        Link.OFFLINE: Look(_("Offline"), "unknown", "wifi-off"),
        Link.STATION: Look(_("OFFLINE STATION"), "quarantined", "wifi-off"),
        Link.REMOVED: Look(_("No longer an officer"), "danger", "ban"),
        Link.DISTRUSTED: Look(_("Server not believed"), "danger", "siren"),
    }[link]
