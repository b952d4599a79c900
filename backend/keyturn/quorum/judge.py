"""Does a submission come into force? Every check of our protocol §2.5, in its order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.base.dsse import Envelope, verified_signers
from keyturn.base.encoding import Digest
from keyturn.base.errors import UntrustedError
from keyturn.base.signatures import KeyId
from keyturn.quorum.approvals import Approval, Decision, Withdrawal
from keyturn.quorum.bodies import TrustAnchorsBody
from keyturn.quorum.ceremony_body import Ceremony, Restore, check_authorises
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.statements import Statement

SKEW = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a submission is judged against: the roster in force and the chain it continues."""

    fingerprint: Digest
    roster: Roster | None
    roster_expired: bool
    newest_version: int  # 0 when nothing of this (kind, subject) ever came into force
    newest_digest: Digest | None
    withdrawn: bool
    known_keys: frozenset[KeyId] = frozenset()  # of every officer of every roster so far
    compromised: frozenset[KeyId] = frozenset()  # named so by a roster that came into force
    rejected: frozenset[OfficerId] = frozenset()  # whose rejection of it the log holds (§2.10)
    destroyed: bool = False  # the key of this very model was (§10.10)


def judge(
    statement: Statement, approvals: Sequence[Approval], standing: Standing, now: datetime
) -> frozenset[OfficerId]:
    """The officers whose approval counted. Raises SubmissionRefused at the first failing check."""
    roster = _roster_for(statement, standing)
    check_proposer(statement, roster)
    _check_times(statement, now)
    _check_chain(statement, standing)
    _check_not_destroyed(statement, standing)
    for each in approvals:
        _check_approval(each, statement, roster, now)
    rejected = standing.rejected
    counted = _check_quorum(statement, approvals, roster, roster, rejected)
    if isinstance(statement.body, Roster):
        counted |= _check_new_roster(statement, approvals, statement.body, roster, rejected)
        _check_compromised(statement.body, standing)
    if isinstance(statement.body, TrustAnchorsBody) and statement.body.simulated:
        _check_simulation_allowed(statement, roster)
    if isinstance(statement.body, Ceremony | Restore):
        check_authorises(statement.body, roster, now)
    return counted


def without(approvals: Sequence[Approval], rejected: frozenset[OfficerId]) -> tuple[Approval, ...]:
    """What is left of approvals when the log holds rejections by these officers (§2.10)."""
    return tuple(each for each in approvals if each.officer not in rejected)


def check_decision(
    approval: Approval, statement: Statement, standing: Standing, now: datetime
) -> None:
    """Whether a decision may be recorded before any quorum (our protocol §2.10).

    Raises SubmissionRefused. That the statement is not in force yet is for the caller to know.
    """
    if standing.roster is None:
        raise SubmissionRefused(SubmissionReason.NO_ROSTER, "no roster is in force")
    roster = _roster_for(statement, standing)
    check_proposer(statement, roster)
    _check_times(statement, now)
    _check_not_withdrawn(standing)
    _check_approval(approval, statement, roster, now)
    known = roster.officers.get(approval.officer)
    theirs = {each.key_id for each in known.keys} if known is not None else set()
    if known and not any(each.key_id in theirs for each in approval.envelope.signatures):
        raise SubmissionRefused(
            SubmissionReason.WRONG_SIGNER,
            "only the proposed roster gives this key to that officer",
            found=f"key {approval.envelope.signatures[0].key_id[:16]}",
            expected=f"a key of {known.id} in the roster in force",
        )


def check_withdrawal(withdrawal: Withdrawal, statement_proposer: str, roster: Roster) -> None:
    """Only the proposer withdraws. Raises SubmissionRefused."""
    officer = signer_of(withdrawal.envelope, roster)
    if officer.id != withdrawal.officer or officer.id != statement_proposer:
        raise SubmissionRefused(
            SubmissionReason.WRONG_SIGNER,
            "a withdrawal must be signed by the proposer",
            found=officer.id,
            expected=statement_proposer,
        )


def signer_of(envelope: Envelope, *rosters: Roster) -> Officer:
    """The one officer who signed an envelope, by however many keys.

    Raises SubmissionRefused when a key is outside the rosters, a signature is wrong, two
    officers signed one envelope, or the rosters disagree about whose key it is.
    """
    keys = {key_id: key for roster in rosters for key_id, key in roster.keys.items()}
    for signature in envelope.signatures:
        if signature.key_id not in keys:
            raise SubmissionRefused(
                SubmissionReason.UNKNOWN_SIGNER,
                "signed by a key that is not in the roster",
                found=f"key {signature.key_id[:16]}",
                expected="a key of an officer in the roster in force",
            )
    try:
        key_ids = verified_signers(envelope, keys)
    except UntrustedError as error:
        raise SubmissionRefused(SubmissionReason.BAD_SIGNATURE, error.message) from error
    owners = [roster.officer_of(key_id) for key_id in key_ids for roster in rosters]
    officers: dict[OfficerId, Officer] = {}
    for owner in owners:
        if owner is not None:
            officers.setdefault(owner.id, owner)
    if len(officers) != 1:
        raise SubmissionRefused(
            SubmissionReason.WRONG_SIGNER,
            "one envelope carries signatures or keys of several officers",
            found=", ".join(sorted(officers)),
            expected="one officer",
        )
    return next(iter(officers.values()))


def check_authority(statement: Statement, fingerprint: Digest) -> None:
    """It is of this authority, not of another with the same officers. Raises SubmissionRefused."""
    if statement.fingerprint != fingerprint:
        raise SubmissionRefused(
            SubmissionReason.OTHER_AUTHORITY,
            "the statement is of another authority",
            found=statement.fingerprint,
            expected=fingerprint,
            hint="propose it for this authority, to be approved anew",
        )


def _roster_for(statement: Statement, standing: Standing) -> Roster:
    if standing.roster is None:
        if statement.kind is not Kind.ROSTER or not isinstance(statement.body, Roster):
            raise SubmissionRefused(SubmissionReason.NO_ROSTER, "no roster is in force")
        if statement.digest != standing.fingerprint:
            raise SubmissionRefused(
                SubmissionReason.WRONG_FINGERPRINT,
                "the first roster is not the pinned authority",
                found=statement.digest,
                expected=standing.fingerprint,
                hint="Compare the fingerprint with an officer. If yours is right, do not use this.",
            )
        return statement.body
    check_authority(statement, standing.fingerprint)
    if standing.roster_expired and statement.kind is not Kind.ROSTER:
        raise SubmissionRefused(
            SubmissionReason.ROSTER_EXPIRED,
            "the roster in force has expired",
            hint="bring a renewed roster into force first",
        )
    return standing.roster


def check_proposer(statement: Statement, roster: Roster) -> None:
    """Signed by its proposer, who is in the roster and may propose. Raises SubmissionRefused."""
    proposer = roster.officers.get(statement.proposer)
    if proposer is None:
        raise SubmissionRefused(
            SubmissionReason.UNKNOWN_PROPOSER,
            "the proposer is not in the roster",
            found=statement.proposer,
        )
    if Role.PROPOSER not in proposer.roles:
        raise SubmissionRefused(
            SubmissionReason.NOT_A_PROPOSER,
            f"{proposer.id} may not propose",
            found=", ".join(sorted(role.value for role in proposer.roles)),
            expected="the role proposer",
        )
    signer = signer_of(statement.envelope, roster)
    if signer.id != proposer.id:
        raise SubmissionRefused(
            SubmissionReason.WRONG_SIGNER,
            "not signed by its proposer",
            found=signer.id,
            expected=proposer.id,
        )


def _check_times(statement: Statement, now: datetime) -> None:
    if statement.time > now + SKEW:
        raise SubmissionRefused(
            SubmissionReason.FROM_THE_FUTURE,
            "the statement's time lies ahead of the clock",
            found=statement.time.isoformat(),
            expected=f"at most {now.isoformat()}",
        )
    if now > statement.proposal_lapses:
        raise SubmissionRefused(
            SubmissionReason.LAPSED,
            "the proposal has lapsed",
            found=now.isoformat(),
            expected=f"by {statement.proposal_lapses.isoformat()}",
            hint="propose it again",
        )
    if statement.expired(now):
        raise SubmissionRefused(SubmissionReason.EXPIRED, "the statement has expired")


def _check_not_withdrawn(standing: Standing) -> None:
    if standing.withdrawn:
        raise SubmissionRefused(
            SubmissionReason.WITHDRAWN, "the proposal was withdrawn", hint="propose it anew"
        )


def _check_not_destroyed(statement: Statement, standing: Standing) -> None:
    if standing.destroyed:
        raise SubmissionRefused(
            SubmissionReason.KEY_DESTROYED,
            "this model's key was destroyed: it is not admitted again",
            found=statement.subject,
            hint="seal the model anew: it gets another key and another digest",
        )


def _check_chain(statement: Statement, standing: Standing) -> None:
    _check_not_withdrawn(standing)
    if statement.version != standing.newest_version + 1:
        raise SubmissionRefused(
            SubmissionReason.WRONG_VERSION,
            f"{statement.kind.value} '{statement.subject}': version",
            found=str(statement.version),
            expected=str(standing.newest_version + 1),
            hint="it was overtaken by another statement: propose it again on top of that",
        )
    if statement.replaces != standing.newest_digest:
        raise SubmissionRefused(
            SubmissionReason.WRONG_PREDECESSOR,
            "it replaces another statement than the newest",
            found=str(statement.replaces),
            expected=str(standing.newest_digest),
        )


def approving(
    statement: Statement,
    approvals: Sequence[Approval],
    roster: Roster,
    in_force: Roster,
    lost: frozenset[KeyId] = frozenset(),
) -> frozenset[OfficerId]:
    """The officers of `roster` whose approval counts there, each once (our protocol §2.5.6).

    Of `roster`, because a roster that is only proposed may give an officer's id to any key:
    an approval counts in a roster only by a key that this very roster lists for that officer.
    `in_force` says whether the proposer counts; for a roster change it is the old one. The
    approvals' signatures must have been verified. No approval counts by a key in `lost`, nor by one
    that the statement itself, a roster, names compromised.
    """
    dead = lost
    if isinstance(statement.body, Roster):
        dead |= statement.body.compromised
    left_out = {each.officer for each in approvals if each.decision is Decision.REJECT}
    if statement.kind not in in_force.proposer_may_approve:
        left_out.add(statement.proposer)
    return frozenset(
        each.officer
        for each in approvals
        if each.decision is Decision.APPROVE
        and each.officer not in left_out
        and approves_in(each, roster, dead)
    )


def approves_in(approval: Approval, roster: Roster, dead: frozenset[KeyId] = frozenset()) -> bool:
    """Whether its officer is an approver of `roster`, and one of its live keys is theirs there."""
    officer = roster.officers.get(approval.officer)
    if officer is None or Role.APPROVER not in officer.roles:
        return False
    theirs = {key.key_id for key in officer.keys} - dead
    return any(each.key_id in theirs for each in approval.envelope.signatures)


def _check_approval(
    approval: Approval, statement: Statement, roster: Roster, now: datetime
) -> None:
    if approval.statement != statement.digest:
        raise SubmissionRefused(
            SubmissionReason.OTHER_STATEMENT,
            "an approval is over another statement",
            found=approval.statement,
            expected=statement.digest,
        )
    rosters = (roster, statement.body) if isinstance(statement.body, Roster) else (roster,)
    officer = signer_of(approval.envelope, *rosters)
    if officer.id != approval.officer:
        raise SubmissionRefused(
            SubmissionReason.WRONG_SIGNER,
            "an approval is signed by somebody else",
            found=officer.id,
            expected=approval.officer,
        )
    if not any(approves_in(approval, each) for each in rosters):
        raise SubmissionRefused(
            SubmissionReason.NOT_AN_APPROVER,
            f"{officer.id} may not approve",
            expected="the role approver",
        )
    if approval.time > now + SKEW:
        raise SubmissionRefused(
            SubmissionReason.FROM_THE_FUTURE,
            "an approval's time lies ahead of the clock",
            found=approval.time.isoformat(),
            expected=f"at most {now.isoformat()}",
        )
    if approval.time < statement.time - SKEW:
        raise SubmissionRefused(
            SubmissionReason.OLDER_THAN_STATEMENT,
            "an approval is older than its statement",
            found=approval.time.isoformat(),
            expected=f"from {statement.time.isoformat()}",
        )


def _check_quorum(
    statement: Statement,
    approvals: Sequence[Approval],
    roster: Roster,
    in_force: Roster,
    rejected: frozenset[OfficerId],
    which: str = "",
) -> frozenset[OfficerId]:
    """The officers that count in `roster`. Raises SubmissionRefused when they are too few."""
    counted = approving(statement, without(approvals, rejected), roster, in_force)
    needed = roster.thresholds[statement.kind]
    if len(counted) < needed:
        names = ", ".join(sorted(counted)) or "nobody"
        if rejected:
            names += f"; rejections in the log: {', '.join(sorted(rejected))}"
        raise SubmissionRefused(
            SubmissionReason.TOO_FEW_APPROVALS,
            f"{statement.kind.value} '{statement.subject}': too few approvals{which}",
            found=f"{len(counted)} ({names})",
            expected=f"{needed} approvers, the proposer not counted"
            if statement.kind not in in_force.proposer_may_approve
            else f"{needed} approvers",
            hint=f"{needed - len(counted)} more must approve",
        )
    return counted


def _check_new_roster(
    statement: Statement,
    approvals: Sequence[Approval],
    new: Roster,
    old: Roster,
    rejected: frozenset[OfficerId],
) -> frozenset[OfficerId]:
    """TUF's rule: old and new threshold both, each by its own keys; simulation stays (I9)."""
    counted = _check_quorum(statement, approvals, new, old, rejected, " of the new roster")
    if new.simulation != old.simulation:
        raise SubmissionRefused(
            SubmissionReason.SIMULATION_CHANGED,
            "simulation is fixed by the first roster",
            found=str(new.simulation),
            expected=str(old.simulation),
        )
    return counted


def _check_compromised(new: Roster, standing: Standing) -> None:
    """What a roster says of compromised keys (our protocol §2.8)."""
    unknown = sorted(new.compromised - standing.known_keys)
    if unknown:
        raise SubmissionRefused(
            SubmissionReason.UNKNOWN_KEY,
            "named compromised, though no roster in force ever had such a key",
            found=f"key {unknown[0][:16]}",
            expected="a key of an officer, now or formerly",
        )
    back = sorted(new.keys.keys() & standing.compromised)
    if back:
        raise SubmissionRefused(
            SubmissionReason.COMPROMISED_KEY,
            "a key that was removed for compromise does not come back",
            found=f"key {back[0][:16]}",
            expected="another key",
            hint="the officer needs a new key",
        )


def _check_simulation_allowed(statement: Statement, roster: Roster) -> None:
    if not roster.simulation:
        raise SubmissionRefused(
            SubmissionReason.SIMULATION_FORBIDDEN,
            "simulated roots under an authority that is not a simulation",
            statement=statement.digest,
        )
