"""Are these the right people, and may they? (our protocol §10.2, §10.9)."""

from collections.abc import Iterable

from keyturn.base.encoding import Digest
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.plan import KekProfile, Plan
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId, Roster

WITHOUT_STATEMENT = frozenset({ScriptKind.GENESIS, ScriptKind.UNSEAL, ScriptKind.SEAL})
"""Kinds that need no `ceremony` or `restore` statement in force."""
_PINS = frozenset({ShareUse.USER, ShareUse.SO})
_MAKE_PINS = frozenset(
    {
        ScriptKind.GENESIS,
        ScriptKind.RESTORE,
        ScriptKind.CUSTODIAN_CHANGE,
        ScriptKind.OFFICER_KEY_LOSS,
        ScriptKind.HSM_REPLACEMENT,
    }
)
_MAKE_KEKS = frozenset({ScriptKind.GENESIS, ScriptKind.KEK_ROTATION, ScriptKind.KEY_IMPORT})


def shares_made(kind: ScriptKind, profile: KekProfile | None) -> frozenset[ShareUse]:
    """Of which secrets a ceremony makes new shares."""
    if kind not in _MAKE_PINS:
        return frozenset()
    backup = kind is ScriptKind.GENESIS and profile is KekProfile.RECOVERABLE
    return _PINS | {ShareUse.BACKUP} if backup else _PINS


def check_people(plan: Plan, roster: Roster) -> None:
    """Whether the roster gives everybody of a plan the roles that their parts take, and the plan
    is complete for its kind. Raises CeremonyRefused.
    """
    _check_kind(plan)
    custodians = {each for scheme in plan.shares.values() for each in scheme.officers}
    _check_roles("administrator", [plan.administrator], {Role.OPERATOR}, roster)
    _check_roles("witness", [plan.witness], {Role.WITNESS, Role.AUDITOR}, roster)
    _check_roles("scribe", [plan.scribe] if plan.scribe else [], set(), roster)
    _check_roles("custodian", sorted(custodians), {Role.CUSTODIAN}, roster)
    for each in sorted(custodians):
        if roster.officers[each].hpke is None:
            raise CeremonyRefused(
                CeremonyReason.UNFIT_PARTICIPANT,
                f"{each} has no key to which a share can be sealed",
                found=each,
                expected="an officer with an encryption key in the roster",
                hint="bring a roster into force that has one",
            )


def check_statement(plan: Plan, digest: Digest, subject: str, body: Ceremony | Restore) -> None:
    """Whether a statement lets this very plan happen: the same people, script, token and
    concerns. That it is in force, and its window open, is for `quorum.authorised` to say.
    Raises CeremonyRefused.
    """
    custodians = {each for scheme in plan.shares.values() for each in scheme.officers}
    pairs: list[tuple[str, object, object]] = [
        ("statement", plan.statement, digest),
        ("ceremony", plan.ceremony, subject),
    ]
    if isinstance(body, Ceremony):
        people = body.participants
        pairs += [
            ("kind", plan.kind.value, body.ceremony.value),
            ("script", plan.script, body.script),
            ("token", plan.token, body.token or plan.token),
            ("administrator", plan.administrator, people.administrator),
            ("witness", plan.witness, people.witness),
            ("scribe", plan.scribe, people.scribe),
            ("concerns", sorted(plan.concerns), sorted(body.concerns)),
        ]
        named = set(people.custodians)
    else:
        pairs += [
            ("kind", plan.kind, ScriptKind.RESTORE),
            ("token", plan.token, body.token),
            ("concerns", list(plan.concerns), [body.kek]),
        ]
        named = custodians | set(body.custodians)
    for what, found, expected in pairs:
        if found != expected:
            raise _not_authorised(f"the plan's {what} is not the statement's", found, expected)
    if custodians - named:
        raise _not_authorised(
            "custodians of the plan are not in the statement",
            ", ".join(sorted(custodians - named)),
            ", ".join(sorted(named)),
        )


def _check_kind(plan: Plan) -> None:
    uses = shares_made(plan.kind, plan.kek_profile)
    if set(plan.shares) != uses:
        raise CeremonyRefused(
            CeremonyReason.UNFIT_PARTICIPANT,
            f"a {plan.kind.value} makes other shares than the plan has custodians for",
            found=_names(plan.shares),
            expected=_names(uses),
        )
    if plan.kind in _MAKE_KEKS and plan.kek_profile is None:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            f"a {plan.kind.value} makes a KEK, and the plan chooses no profile",
            found="null",
            expected=" or ".join(each.value for each in KekProfile),
        )
    wanted = plan.kind not in WITHOUT_STATEMENT and not plan.rehearsal
    if (plan.statement is None) is wanted:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            f"a {plan.kind.value} {'needs a' if wanted else 'has no'} statement in force",
            found=str(plan.statement),
            expected="the statement's digest" if wanted else "null",
        )
    _check_founding(plan)


def _check_founding(plan: Plan) -> None:
    founds = plan.founding is not None
    may = plan.kind is ScriptKind.GENESIS or plan.rehearsal
    if (founds and not may) or (plan.kind is ScriptKind.GENESIS and not founds):
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "only a genesis founds an authority, and a rehearsal a throw-away one",
            found=f"{plan.kind.value} {'with' if founds else 'without'} founding",
            expected="a founding" if plan.kind is ScriptKind.GENESIS else "none",
        )


def _names(uses: Iterable[ShareUse]) -> str:
    return ", ".join(sorted(each.value for each in uses)) or "none"


def _check_roles(
    part: str, officers: Iterable[OfficerId], fitting: set[Role], roster: Roster
) -> None:
    """Each has one of the `fitting` roles; none named: whatever their roles are."""
    for each in officers:
        officer = roster.officers.get(each)
        if officer is None or (fitting and not officer.roles & fitting):
            roles = officer.roles if officer else ()
            raise CeremonyRefused(
                CeremonyReason.UNFIT_PARTICIPANT,
                f"{each} cannot take part as {part}"
                if officer
                else f"the {part} is not in the roster",
                found=", ".join(sorted(role.value for role in roles)) or each,
                expected=" or ".join(sorted(role.value for role in fitting)) or "an officer",
            )


def _not_authorised(message: str, found: object, expected: object) -> CeremonyRefused:
    return CeremonyRefused(
        CeremonyReason.NOT_AUTHORISED, message, found=_text(found), expected=_text(expected)
    )


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
