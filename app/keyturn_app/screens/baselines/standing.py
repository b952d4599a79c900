"""Where a baseline stands by the log and the open proposals. No Qt in here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.client.proposals import Proposal, Status
from keyturn.policy.baseline_use import endings, origins
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.state import AuthorityState, InForce
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.states import Look

KIND = Kind.REFERENCE_VALUES


class ValueKind(Enum):
    """What a value is of."""

    SNP = "snp"
    TDX = "tdx"
    GPU = "gpu"
    SWITCH = "switch"
    TPM = "tpm"


class Standing(Enum):
    """Whether rules can rest on it, and if not, why."""

    IN_FORCE = "in-force"
    OPEN = "open"  # never in force; a proposal is open
    ENDED = "ended"  # in force, but every value in it has ended
    EXPIRED = "expired"
    SUSPENDED = "suspended"  # too few approvals without a compromised key
    REVOKED = "revoked"  # every launch measurement in it is revoked, and it has nothing else


@dataclass(frozen=True, slots=True)
class Baseline:
    """`statement`: the newest that was in force. `open`: proposals that wait for approvals.

    `revoked`: those of its launch measurements that a revocation names.
    """

    subject: str
    standing: Standing
    statement: InForce | None
    open: tuple[Proposal, ...] = ()
    revoked: tuple[str, ...] = ()

    @property
    def values(self) -> ReferenceValues:
        """What is, or was last, in force; what is proposed where nothing ever was."""
        shown = self.statement.statement if self.statement else self.open[0].statement
        return values_of(shown.body)

    @property
    def version(self) -> int:
        return self.statement.statement.version if self.statement else 0


def values_of(body: object) -> ReferenceValues:
    """Raises TypeError for another kind's body."""
    if not isinstance(body, ReferenceValues):
        raise TypeError("not a baseline")
    return body


def counts(values: ReferenceValues) -> Mapping[ValueKind, int]:
    """Sets of values of each kind; kinds without any are left out."""
    sizes = {
        ValueKind.SNP: len(values.snp),
        ValueKind.TDX: len(values.tdx),
        ValueKind.GPU: len(values.gpu),
        ValueKind.SWITCH: len(values.switches),
        ValueKind.TPM: len(values.tpm),
    }
    return {kind: size for kind, size in sizes.items() if size}


def baselines(facts: Facts, now: datetime) -> tuple[Baseline, ...]:
    """Every baseline that was ever in force or is proposed now, by name."""
    if facts.seen is None or not facts.trusted:
        return ()
    state, waiting = facts.seen.state, _waiting(facts)
    names = {subject for kind, subject in state.newest if kind is KIND} | waiting.keys()
    return tuple(_baseline(each, state, waiting.get(each, ()), now) for each in sorted(names))


def versions(state: AuthorityState, subject: str) -> tuple[InForce, ...]:
    """Every version that was in force, the newest first."""
    found = [
        each
        for each in state.by_digest.values()
        if each.statement.kind is KIND and each.statement.subject == subject
    ]
    return tuple(sorted(found, key=lambda each: each.index, reverse=True))


def _waiting(facts: Facts) -> dict[str, tuple[Proposal, ...]]:
    """The newest first."""
    found: dict[str, tuple[Proposal, ...]] = {}
    proposals = facts.proposals.all if facts.proposals else ()
    for each in sorted(proposals, key=lambda one: one.statement.time, reverse=True):
        if each.statement.kind is KIND and each.status is Status.OPEN:
            subject = each.statement.subject
            found[subject] = (*found.get(subject, ()), each)
    return found


def _baseline(
    subject: str, state: AuthorityState, waiting: Sequence[Proposal], now: datetime
) -> Baseline:
    newest = state.newest.get((KIND, subject))
    revoked: tuple[str, ...] = ()
    standing = Standing.OPEN
    if newest is not None:
        values = values_of(newest.statement.body)
        revoked = tuple(
            each
            for each in sorted(values.measurements)
            if (TargetKind.MEASUREMENT, each) in state.revoked
        )
        standing = _standing(newest, values, state, revoked, now)
    return Baseline(subject, standing, newest, tuple(waiting), revoked)


def _standing(
    newest: InForce,
    values: ReferenceValues,
    state: AuthorityState,
    revoked: Sequence[str],
    now: datetime,
) -> Standing:
    if newest.statement.digest in state.suspended:
        return Standing.SUSPENDED
    if newest.statement.expired(now):
        return Standing.EXPIRED
    if revoked and len(revoked) == len(values.measurements) and set(counts(values)) <= _CPUS:
        return Standing.REVOKED
    if all(origin.ended(now) for _what, origin in origins(values)):
        return Standing.ENDED
    return Standing.IN_FORCE


_CPUS = {ValueKind.SNP, ValueKind.TDX}


def ends(baseline: Baseline) -> tuple[tuple[str, datetime], ...]:
    """When something of it stops counting: the statement and each value, the first one first."""
    found = [(each.what, each.until) for each in endings(baseline.values)]
    statement = baseline.statement or (baseline.open[0] if baseline.open else None)
    if statement is not None and statement.statement.expires is not None:
        found.append((_("the statement"), statement.statement.expires))
    return tuple(sorted(found, key=lambda each: (each[1], each[0])))


def look_of(baseline: Baseline, facts: Facts) -> Look:
    """What is old is not green (I10)."""
    look = {
        Standing.IN_FORCE: Look(_("In force"), "ok", "circle-check"),
        Standing.OPEN: Look(_("Not in force"), "stale", "hourglass"),
        Standing.ENDED: Look(_("Values ended"), "danger", "clock"),
        Standing.EXPIRED: Look(_("Expired"), "danger", "clock"),
        Standing.SUSPENDED: Look(_("Suspended"), "danger", "ban"),
        Standing.REVOKED: Look(_("Revoked"), "danger", "ban"),
    }[baseline.standing]
    if facts.connection.link is Link.LIVE or baseline.standing is not Standing.IN_FORCE:
        return look
    return Look(look.word, "unknown", look.icon)


def note_of(baseline: Baseline) -> str:
    """What stands beside the look."""
    said = []
    if baseline.open:
        first = baseline.open[0]
        never = baseline.statement is None
        text = (
            _("proposed: {approved} of {needed}")
            if never
            else _("version {version} proposed: {approved} of {needed}")
        )
        said.append(
            text.format(
                version=first.statement.version,
                approved=len(first.approved_by),
                needed=first.needed,
            )
        )
    if baseline.revoked and baseline.standing is not Standing.REVOKED:
        said.append(n_("{count} value revoked", "{count} values revoked", len(baseline.revoked)))
    return ", ".join(said)
