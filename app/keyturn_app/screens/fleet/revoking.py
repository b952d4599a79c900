"""Revoking a node, or its platform: what it will do, said before anything is signed. No Qt.

There is no separate statement for a quarantine: a revocation in force *is* the quarantine.
"""

from dataclasses import dataclass

from keyturn.base.strictjson import JsonObject
from keyturn.client.inventory import Node
from keyturn.client.proposals import Proposal, Status
from keyturn.quorum.kinds import Kind, Role, TargetKind
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.state import AuthorityState, InForce
from keyturn_app import wording
from keyturn_app.desk import Identity
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.questions import Confirm, Weight
from keyturn_app.screens.fleet.rows import last_entry

TARGETS = (TargetKind.NODE, TargetKind.PLATFORM)
AFTER_HEARTBEAT = 2  # seconds, DESIGN §11


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that may be revoked. `why_not` empty: it may be proposed now."""

    kind: TargetKind
    target: str
    text: str
    why_not: str

    @property
    def subject(self) -> str:
        return f"{self.kind.value}:{self.target}"

    @property
    def body(self) -> JsonObject:
        return {"target_kind": self.kind.value, "target": self.target}


def offers(node: Node, facts: Facts, identity: Identity, *, unknown_for: str) -> tuple[Offer, ...]:
    """What may be revoked about a node; the reason beside what may not be."""
    last = last_entry(node)
    targets = {
        TargetKind.NODE: node.name,
        TargetKind.PLATFORM: last.platform if last else node.platform,
    }
    texts = {
        TargetKind.NODE: _("Quarantine…"),
        TargetKind.PLATFORM: _("Revoke its platform…"),
    }
    return tuple(
        Offer(
            kind,
            target or "",
            texts[kind],
            _why_not(kind, target, facts, identity, unknown_for),
        )
        for kind, target in targets.items()
    )


def _why_not(
    kind: TargetKind, target: str | None, facts: Facts, identity: Identity, unknown_for: str
) -> str:
    if not target:
        return _("Nothing has proved on which platform it runs.")
    if identity.locked:
        return _("Your key is locked away: unlock first.")
    if facts.seen is None or unknown_for:
        return _("Not now: {why}.").format(why=unknown_for or _("nothing is known yet"))
    officer = facts.seen.roster.officers.get(OfficerId(identity.officer))
    if officer is None or Role.PROPOSER not in officer.roles:
        return _("Only officers with the role proposer may propose; the roster gives you none.")
    standing = facts.seen.state.revoked.get((kind, target))
    if standing is not None:
        return _("It is revoked already, since {time} (log entry {index}).").format(
            time=wording.moment(standing.since), index=standing.index
        )
    return ""


def open_proposal(offer: Offer, facts: Facts) -> Proposal | None:
    """A proposal to revoke the same that still gathers approvals."""
    everything = () if facts.proposals is None else facts.proposals.all
    for each in everything:
        statement = each.statement
        if (
            each.status is Status.OPEN
            and statement.kind is Kind.REVOCATION
            and statement.subject == offer.subject
        ):
            return each
    return None


def question(offer: Offer, node: Node, roster: Roster, also: tuple[str, ...]) -> Confirm:
    """Asked before it is proposed. `also`: the other nodes on the same platform."""
    is_node = offer.kind is TargetKind.NODE
    title = _("Quarantine {target}?") if is_node else _("Revoke the platform {target}?")
    return Confirm(
        title=title.format(target=offer.target),
        text=_what_happens(offer, also),
        yes=_("Propose revocation"),
        details=tuple(_details(offer, node, roster)),
        typed=node.name,
        weight=Weight.DANGER,
        comment=_("Reason, which every officer will read"),
        comment_required=True,
    )


def _what_happens(offer: Offer, also: tuple[str, ...]) -> str:
    stops = _(
        "stops serving and wipes its weights and keys within one heartbeat and {seconds} s "
        "of the revocation coming into force."
    ).format(seconds=AFTER_HEARTBEAT)
    if offer.kind is TargetKind.NODE:
        return f"{offer.target} {stops}"
    everything = _("Every node on this platform {stops}").format(stops=stops)
    if not also:
        return everything
    named = ", ".join(also[:5]) + (" …" if len(also) > 5 else "")
    others = n_("{count} other node is on it", "{count} other nodes are on it", len(also))
    return f"{everything} {others}: {named}."


def _details(offer: Offer, node: Node, roster: Roster) -> list[str]:
    needed = roster.thresholds[Kind.REVOCATION]
    approvals = n_("It needs {count} approval", "It needs {count} approvals", needed)
    may = Kind.REVOCATION in roster.proposer_may_approve
    own = _("yours may be one") if may else _("yours does not count")
    found = [
        _("{approvals}; {own}. Until then nothing happens.").format(approvals=approvals, own=own)
    ]
    if node.granted is not None:
        until = wording.moment(node.granted[1].until)
        found.append(
            _("Should it hear nothing, it stops with its lease, at {until} at the latest.").format(
                until=until
            )
        )
    found.append(_returning(offer.kind))
    found.append(
        _("Quarantine and revocation are one thing here: what is revoked is shown Quarantined.")
    )
    return found


def _returning(kind: TargetKind) -> str:
    if kind is TargetKind.NODE:
        return _("Nothing returns by itself: no statement brings this name back.")
    return _(
        "Nothing returns by itself: only a new platforms statement that names it, with a quorum "
        "of its own, brings it back."
    )


def standing_revocation(node: Node, authority: AuthorityState | None) -> tuple[str, InForce] | None:
    """What stands against a node, its platform, its model or its grant's policy, by the log."""
    if authority is None:
        return None
    last = last_entry(node)
    for kind, target, text in (
        (TargetKind.NODE, node.name, _("The node")),
        (TargetKind.PLATFORM, last.platform if last else node.platform, _("Its platform")),
        (TargetKind.MODEL, last.model if last else node.model, _("Its model")),
    ):
        found = authority.revoked.get((kind, target or ""))
        if found is not None:
            return text, found
    for digest in node.granted[1].statements if node.granted else ():
        known = authority.by_digest.get(digest)
        if known is not None and known.statement.kind is Kind.POLICY:
            found = authority.revoked.get((TargetKind.POLICY, known.statement.subject))
            if found is not None:
                return _("Its policy"), found
    return None
