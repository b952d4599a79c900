"""Who may take part, and whether a statement lets this very plan happen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.signatures import KeyId
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.people import (
    check_people,
    check_statement,
    keys_concerned,
    shares_made,
)
from keyturn.ceremony.plan import KekProfile, Plan, ShareScheme
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.quorum.ceremony_body import Ceremony, CeremonyKind, Participants, Restore, Window
from keyturn.quorum.roster import OfficerId, Roster
from support.ceremonies import EVERY_SCHEME, START, Cast, genesis_plan, scheme

PLAN = genesis_plan(Cast(), rehearsal=False)
STATEMENT = digest_of(b"a statement")
WINDOW = Window(START, START + timedelta(days=1))
KEK = KeyId("ab" * 32)
PINS: dict[ShareUse, ShareScheme] = {
    use: each for use, each in EVERY_SCHEME.items() if use is not ShareUse.BACKUP
}


def without_hpke(officer: str) -> Roster:
    roster = Cast().roster
    one = replace(roster.officers[OfficerId(officer)], hpke=None)
    return replace(roster, officers={**roster.officers, one.id: one})


def of(kind: ScriptKind, **changed: object) -> Plan:
    """A plan of another kind, well formed."""
    made = shares_made(kind, KekProfile.RECOVERABLE)
    settings: dict[str, object] = {
        "kind": kind,
        "script": SCRIPTS[kind].digest,
        "ceremony": f"{kind.value}-1",
        "authority": digest_of(b"an authority"),
        "founding": None,
        "shares": {use: each for use, each in EVERY_SCHEME.items() if use in made},
        "statement": STATEMENT,
    }
    return replace(PLAN, **{**settings, **changed})  # type: ignore[arg-type]


def reason(plan: Plan, roster: Roster | None = None) -> CeremonyReason:
    with pytest.raises(CeremonyRefused) as refused:
        check_people(plan, roster or Cast().roster)
    return refused.value.reason


def test_the_right_people() -> None:
    check_people(PLAN, Cast().roster)
    check_people(genesis_plan(Cast()), Cast().roster)
    check_people(of(ScriptKind.KEK_ROTATION), Cast().roster)


@pytest.mark.parametrize(
    "changed",
    [
        {"administrator": OfficerId("ada")},
        {"administrator": OfficerId("nobody")},
        {"witness": OfficerId("hana"), "administrator": OfficerId("hana")},
        {"witness": OfficerId("farid")},
        {"scribe": OfficerId("nobody")},
        {"shares": {**EVERY_SCHEME, ShareUse.SO: scheme((2, "farid sofia"))}},
        {"shares": {**EVERY_SCHEME, ShareUse.SO: scheme((2, "farid nobody"))}},
    ],
)
def test_somebody_whom_the_roster_does_not_make_fit(changed: dict[str, object]) -> None:
    assert reason(replace(PLAN, **changed)) is CeremonyReason.UNFIT_PARTICIPANT  # type: ignore[arg-type]


def test_an_auditor_may_witness() -> None:
    check_people(replace(PLAN, witness=OfficerId("sofia"), scribe=None), Cast().roster)


def test_a_custodian_needs_a_key_that_shares_are_sealed_to() -> None:
    assert reason(PLAN, without_hpke("hugo")) is CeremonyReason.UNFIT_PARTICIPANT
    check_people(PLAN, without_hpke("hana"))


# ---- what belongs to which kind ----


def test_which_shares_are_made() -> None:
    pins = {ShareUse.USER, ShareUse.SO}
    assert shares_made(ScriptKind.GENESIS, KekProfile.RECOVERABLE) == {*pins, ShareUse.BACKUP}
    assert shares_made(ScriptKind.GENESIS, KekProfile.NEVER_EXTRACTABLE) == pins
    assert shares_made(ScriptKind.RESTORE, KekProfile.RECOVERABLE) == pins
    assert shares_made(ScriptKind.KEK_ROTATION, KekProfile.RECOVERABLE) == set()


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (replace(PLAN, shares=PINS), CeremonyReason.UNFIT_PARTICIPANT),
        (
            replace(PLAN, kek_profile=KekProfile.NEVER_EXTRACTABLE),
            CeremonyReason.UNFIT_PARTICIPANT,
        ),
        (replace(PLAN, kek_profile=None, shares=PINS), CeremonyReason.NOT_AUTHORISED),
        (replace(PLAN, statement=STATEMENT), CeremonyReason.NOT_AUTHORISED),
        (
            replace(PLAN, founding=None, authority=STATEMENT),
            CeremonyReason.NOT_AUTHORISED,
        ),
        (of(ScriptKind.KEK_ROTATION, statement=None), CeremonyReason.NOT_AUTHORISED),
        (of(ScriptKind.UNSEAL), CeremonyReason.NOT_AUTHORISED),
        (of(ScriptKind.KEY_IMPORT), CeremonyReason.NOT_AUTHORISED),
        (of(ScriptKind.KEY_IMPORT, concerns=(KEK, "cd" * 32)), CeremonyReason.NOT_AUTHORISED),
        (
            of(ScriptKind.BACKUP, founding=PLAN.founding, authority=None),
            CeremonyReason.NOT_AUTHORISED,
        ),
        (
            of(ScriptKind.BACKUP, shares=dict(EVERY_SCHEME)),
            CeremonyReason.UNFIT_PARTICIPANT,
        ),
    ],
)
def test_a_plan_that_does_not_fit_its_kind(plan: Plan, expected: CeremonyReason) -> None:
    assert reason(plan) is expected


def test_an_import_names_the_kek_that_comes_in() -> None:
    plan = of(ScriptKind.KEY_IMPORT, concerns=(KEK, "emil"))
    check_people(plan, Cast().roster)
    assert keys_concerned(plan) == (KEK,)


def test_a_rehearsal_needs_no_statement_and_may_found_a_throw_away_authority() -> None:
    plan = of(
        ScriptKind.RESTORE_DRILL,
        rehearsal=True,
        ceremony="rehearsal-1",
        statement=None,
        founding=PLAN.founding,
        authority=None,
    )
    check_people(plan, Cast().roster)
    assert reason(replace(plan, statement=STATEMENT)) is CeremonyReason.NOT_AUTHORISED


# ---- the statement ----

CHANGE = of(ScriptKind.CUSTODIAN_CHANGE, concerns=("emil",))
BODY = Ceremony(
    CeremonyKind.CUSTODIAN_CHANGE,
    CHANGE.script,
    CHANGE.token,
    Participants(
        OfficerId("hana"),
        tuple(map(OfficerId, ["ada", "bela", "chen", "dora", "emil", "farid", "greta", "hugo"])),
        OfficerId("viktor"),
        OfficerId("sofia"),
    ),
    ("emil",),
    WINDOW,
)
RESTORING = of(ScriptKind.RESTORE, concerns=(KEK,))
RESTORE = Restore(
    KEK,
    digest_of(b"a backup"),
    RESTORING.token,
    "host-2",
    (OfficerId("ada"), OfficerId("chen")),
    WINDOW,
)


def authorised(
    plan: Plan,
    body: Ceremony | Restore,
    subject: str | None = None,
    digest: Digest = STATEMENT,
) -> None:
    check_statement(plan, digest, subject or plan.ceremony, body)


def test_a_statement_that_says_the_same() -> None:
    authorised(CHANGE, BODY)
    authorised(CHANGE, replace(BODY, token=None))
    authorised(RESTORING, RESTORE)


@pytest.mark.parametrize(
    ("plan", "body"),
    [
        (replace(CHANGE, administrator=OfficerId("ada")), BODY),
        (replace(CHANGE, witness=OfficerId("sofia"), scribe=None), BODY),
        (replace(CHANGE, scribe=None), BODY),
        (replace(CHANGE, token="another"), BODY),
        (replace(CHANGE, concerns=()), BODY),
        (replace(CHANGE, script=STATEMENT), BODY),
        (replace(CHANGE, kind=ScriptKind.OFFICER_KEY_LOSS), BODY),
        (CHANGE, replace(BODY, participants=replace(BODY.participants, custodians=()))),
        (replace(RESTORING, token="another"), RESTORE),
        (replace(RESTORING, concerns=("cd" * 32,)), RESTORE),
        (replace(RESTORING, kind=ScriptKind.RESTORE_DRILL), RESTORE),
    ],
)
def test_a_statement_that_says_something_else(plan: Plan, body: Ceremony | Restore) -> None:
    with pytest.raises(CeremonyRefused) as refused:
        authorised(plan, body)
    assert refused.value.reason is CeremonyReason.NOT_AUTHORISED


def test_a_statement_about_another_ceremony() -> None:
    with pytest.raises(CeremonyRefused):
        authorised(CHANGE, BODY, "another-1")
    with pytest.raises(CeremonyRefused):
        authorised(CHANGE, BODY, digest=digest_of(b"another"))
