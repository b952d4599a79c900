"""May this ceremony be held at this host now? Asked when it opens, and again before each action."""

from datetime import datetime

from keyturn.base.dsse import Envelope
from keyturn.base.encoding import Digest
from keyturn.ceremony.checks import check_envelope
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.people import WITHOUT_STATEMENT, check_people, check_statement
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import Action, Script, ScriptKind
from keyturn.keyholder.ceremonies.handedin import check_handed_in
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.keyholder.ceremonies.site import CONFIG, LOG, TOKEN, DeskSite, Site
from keyturn.quorum.authorised import authorised
from keyturn.quorum.bodies import REHEARSED
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import Statement

_ACTS_ON_NOTHING = frozenset({Action.ATTEND, Action.HAND_OUT, Action.CLOSE})
_ENDS_A_ROTATION = frozenset({Action.BACK_UP, Action.REWRAP, Action.RETIRE_KEK})
_NEXT_VERSION = (
    "to go on, bring the next version of the statement into force, the same but for a later window,"
    " and sign this step again; or abort the ceremony, and what the record says is left stays"
)
_GO_ON = {
    ScriptKind.RESTORE: "abort this restore, which leaves no token, and begin another one under a"
    " statement with a later window"
}


def script_of(plan: Plan) -> Script:
    """The script that the plan names, which is this release's or none. Raises CeremonyRefused."""
    script = SCRIPTS[plan.kind]
    if script.digest != plan.script:
        raise CeremonyRefused(
            CeremonyReason.WRONG_SCRIPT,
            "the plan follows another script than this host has",
            found=plan.script,
            expected=script.digest,
            hint="plan it again with the same release of Keyturn",
        )
    return script


def roster_of(plan: Plan, site: Site, now: datetime) -> Roster:
    """By which officers take part: the founding one, or the one in force.

    Raises CeremonyRefused.
    """
    if plan.founding is not None:
        return plan.founding.roster
    state = site.state
    in_force = state.roster_in_force(now) if state is not None else None
    if in_force is None or not isinstance(in_force.statement.body, Roster):
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "no roster is in force here",
            hint="bring a renewed roster into force first",
        )
    return in_force.statement.body


def last_roster(plan: Plan, site: Site) -> Roster:
    """The newest, by which whoever signs must still be fit: expired or not. Raises
    CeremonyRefused."""
    if plan.founding is not None:
        return plan.founding.roster
    roster = site.state.roster if site.state is not None else None
    if roster is None:
        raise CeremonyRefused(CeremonyReason.NOT_AUTHORISED, "there is no roster here")
    return roster


def opening_roster(plan: Plan, site: Site, opened: datetime) -> Roster:
    """By which a ceremony that was begun goes on: the one that it was opened under, as everybody
    judges it who reads its transcript (§10.4). Raises CeremonyRefused."""
    last, state = last_roster(plan, site), site.state
    if plan.founding is not None or state is None:
        return last
    known = [
        each.statement
        for each in state.by_digest.values()
        if isinstance(each.statement.body, Roster) and each.since <= opened
    ]
    body = max(known, key=lambda each: each.version).body if known else last
    assert isinstance(body, Roster)  # as chosen
    return body


def check_still(plan: Plan, site: Site, officer: OfficerId, envelope: Envelope) -> None:
    """Whether who signed this is an officer yet, by that key. A key that was stolen, or an officer
    who was removed, counts no more from then on, also in what was begun before.

    Raises CeremonyRefused.
    """
    check_envelope(envelope, officer, last_roster(plan, site))


def check_host(plan: Plan, site: Site) -> None:
    """Whether it belongs here at all. Raises CeremonyRefused."""
    if plan.rehearsal is not site.rehearsal:
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "this host holds rehearsals, and nothing else"
            if site.rehearsal
            else "this host holds no rehearsals",
            found="a rehearsal" if plan.rehearsal else "a real ceremony",
            hint="start a host of the other kind",
        )
    if plan.rehearsal and "rehearsal" not in plan.token.lower():
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "a rehearsal's token says that it is one",
            found=plan.token,
            expected="a label with REHEARSAL in it",
        )
    if plan.founding is not None and (
        plan.founding.origin.startswith(REHEARSED) is not plan.rehearsal
    ):
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "a rehearsal's log, and no other, has a name that says so",
            found=plan.founding.origin,
            expected=f"a name that {'begins' if plan.rehearsal else 'does not begin'}"
            f" with {REHEARSED}",
        )
    founds = plan.founding is not None
    if founds is not (plan.rehearsal or plan.kind is ScriptKind.GENESIS):
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "a genesis and a rehearsal found an authority, and nothing else does",
            found=f"{plan.kind.value} {'with' if founds else 'without'} founding",
        )
    if not founds and plan.authority != site.fingerprint:
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "the plan is of another authority than this host's",
            found=str(plan.authority),
            expected=site.fingerprint or "no authority yet",
        )


def check_opening(plan: Plan, site: Site) -> None:
    """Whether it may begin here: a genesis destroys what its own last attempt left, and an abort
    of it everything, so nothing may stand where it begins; whoever founds is anybody's word.
    A keyholder seals and is unsealed by operations of its own. Raises CeremonyRefused.
    """
    if not isinstance(site, DeskSite) and plan.kind in (ScriptKind.UNSEAL, ScriptKind.SEAL):
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "a keyholder is unsealed and sealed without a plan",
            found=plan.kind.value,
            hint="use keyturn unseal, or keyturn seal",
        )
    if plan.kind is not ScriptKind.GENESIS:
        return
    standing = [each for each in (CONFIG, LOG, TOKEN) if (site.directory / each).exists()]
    if site.fingerprint is not None or standing:
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "something stands here already, which a genesis would destroy",
            found=site.fingerprint or ", ".join(standing),
            expected="an empty place",
            hint="hold the genesis in a directory of its own",
        )


def needs_statement(kind: ScriptKind, action: Action) -> bool:
    """Whether a step is done only while a statement lets it happen (§10.7). What acts on no key
    needs none; nor does what ends a rotation without destroying anything, since half-way there is
    a worse place to stop: the KEK that it made is in use from then on."""
    ends = kind is ScriptKind.KEK_ROTATION and action in _ENDS_A_ROTATION
    return action not in _ACTS_ON_NOTHING and not ends


def check_step(plan: Plan, action: Action, site: Site, files: CeremonyFiles, now: datetime) -> None:
    """Whether this step may be done now. Whoever signs the end was judged when they acted.

    Raises CeremonyRefused.
    """
    if action is Action.CLOSE:
        return
    roster = last_roster(plan, site)
    if needs_statement(plan.kind, action):
        check_authorised(plan, roster, site, files, now)
    else:
        check_people(plan, roster)


def check_authorised(
    plan: Plan, roster: Roster, site: Site, files: CeremonyFiles | None, now: datetime
) -> None:
    """Whether its people are fit for it by the roster, and a statement in force lets it happen now
    where it needs one (§2.6, §10.2, §10.9). `files` None: it is not begun yet, so that a restore's
    statement may still be handed in. Raises CeremonyRefused."""
    check_people(plan, roster)
    if plan.rehearsal or plan.kind in WITHOUT_STATEMENT:
        return
    state = site.state
    if state is None:
        raise CeremonyRefused(CeremonyReason.NOT_AUTHORISED, "there is no authority here yet")
    try:
        _check_statement(plan, state, files, now)
    except SubmissionRefused as error:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            f"no statement lets this happen now: {error.message}",
            found=error.found,
            expected=error.expected,
            hint=error.hint if files is None else _GO_ON.get(plan.kind, _NEXT_VERSION),
        ) from error


def _check_statement(
    plan: Plan, state: AuthorityState, files: CeremonyFiles | None, now: datetime
) -> None:
    """Raises CeremonyRefused, SubmissionRefused."""
    if plan.kind is not ScriptKind.RESTORE:
        found, body = authorised(state, Kind.CEREMONY, plan.ceremony, now)
        digest = found.statement.digest
        if files is not None and _follows(state, found.statement, plan.statement):
            digest = plan.statement or digest
        check_statement(plan, digest, plan.ceremony, body)
    elif plan.statement in state.by_digest:
        found, body = authorised(state, Kind.RESTORE, ", ".join(plan.concerns), now)
        check_statement(plan, found.statement.digest, plan.ceremony, body)
    elif files is not None:
        check_handed_in(files, plan, state, now)


def _follows(state: AuthorityState, statement: Statement, first: Digest | None) -> bool:
    """Whether it is a later version of the one that the plan names: officers gave a ceremony that
    was begun more time. That it is about the same is for `check_statement` to say."""
    at: Statement | None = statement
    while at is not None and at.replaces is not None:
        if at.replaces == first:
            return True
        before = state.by_digest.get(at.replaces)
        at = before.statement if before is not None else None
    return False
