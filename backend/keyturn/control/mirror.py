"""The authority as this server sees it: rebuilt in memory from the keyholder's leaves, never from
the database (I3). For courtesy checks, sign-in and display; the keyholder decides for itself.
"""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.quorum.bodies import Revocation
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.state import AuthorityState, InForce

_ANYONE = (TargetKind.POLICY, TargetKind.MEASUREMENT)


@dataclass(frozen=True, slots=True)
class LoggedRevocation:
    index: int
    digest: Digest
    target_kind: TargetKind
    target: str
    statement: bytes
    approvals: tuple[bytes, ...]

    def concerns(self, *, node: str, platform: str, model: str) -> bool:
        """Whether a lease could be meant; policies, measurements and GPUs the node itself knows."""
        named = {
            TargetKind.NODE: node,
            TargetKind.PLATFORM: platform,
            TargetKind.MODEL: model,
        }.get(self.target_kind)
        a_gpu = self.target_kind is TargetKind.PLATFORM and self.target.startswith("nvidia-")
        return a_gpu or self.target_kind in _ANYONE or named == self.target


class Mirror:
    """State in force after the leaves seen so far. Used from one event loop."""

    def __init__(self, fingerprint: Digest) -> None:
        self.state = AuthorityState(fingerprint)
        self.revocations: list[LoggedRevocation] = []
        self.origin = ""

    @property
    def size(self) -> int:
        """Leaves that the state has seen."""
        return self.state.size

    @property
    def roster(self) -> Roster | None:
        return self.state.roster

    @property
    def newest_roster(self) -> InForce | None:
        """The newest roster that came into force, even an expired one."""
        return self.state.newest.get((Kind.ROSTER, "roster"))

    def officer(self, officer_id: str) -> Officer | None:
        """By the newest roster, even an expired one: somebody must be able to renew it."""
        roster = self.state.roster
        return None if roster is None else roster.officers.get(OfficerId(officer_id))

    def restart(self) -> None:
        """Forget everything: the log is read from its beginning again."""
        self.state = AuthorityState(self.state.fingerprint)
        self.revocations.clear()

    def take(self, state: AuthorityState) -> None:
        """Go on to a state that follows from the one here."""
        known = self.state.by_digest
        self.state = state
        if len(state.by_digest) == len(known):
            return
        new = [each for digest, each in state.by_digest.items() if digest not in known]
        for entry in sorted(new, key=lambda each: each.index):
            if isinstance(entry.statement.body, Revocation):
                self.revocations.append(_logged(entry, entry.statement.body))

    def node_revoked(self, name: str, platform: str | None, model: str | None) -> bool:
        """Whether a revocation stands against a node, its platform or its model."""
        targets = (
            (TargetKind.NODE, name),
            (TargetKind.PLATFORM, platform or ""),
            (TargetKind.MODEL, model or ""),
        )
        return any(target in self.state.revoked for target in targets)

    def admission(self, model: str, now: datetime) -> InForce | None:
        """The admission in force for a model digest."""
        return self.state.in_force(Kind.MODEL, model, now)


def _logged(entry: InForce, body: Revocation) -> LoggedRevocation:
    return LoggedRevocation(
        entry.index,
        entry.statement.digest,
        body.target_kind,
        body.target,
        entry.statement.raw,
        tuple(each.raw for each in entry.approvals),
    )
