"""Ceremonies and restores: who may do what with keys, and when (our protocol §2.6)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyturn.base.errors import MalformedError
from keyturn.base.times import format_time
from keyturn.quorum.ceremony_body import (
    LONGEST_WINDOW,
    Ceremony,
    Concern,
    Restore,
    check_authorises,
    check_ceremony_id,
    concern_of,
)
from keyturn.quorum.errors import (
    LogInconsistent,
    MalformedStatement,
    SubmissionReason,
    SubmissionRefused,
)
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.state import replay
from keyturn.quorum.statements import parse_statement
from support.authority import OFFICERS, START
from unit.quorum.authority_log import CAST, AuthorityLog, ceremony, restore
from unit.quorum.bodies_reader import Document, changed, read_body

KEK = "7e" * 32
OPENS, CLOSES = START + timedelta(days=1), START + timedelta(days=2)


def cast(**roles: tuple[str, ...]) -> AuthorityLog:
    return AuthorityLog(cast={**CAST, **roles})


def with_people(**people: object) -> Document:
    return ceremony(participants={**ceremony()["participants"], **people})  # type: ignore[dict-item]


def test_a_ceremony_is_read() -> None:
    found = read_body(Kind.CEREMONY, ceremony())
    assert isinstance(found, Ceremony)

    assert found.ceremony.value == "backup"
    assert found.participants.custodians == ("bela", "chen")
    assert (found.participants.witness, found.participants.scribe) == ("emil", None)
    assert found.concerns == (KEK,)


def test_a_restore_is_read() -> None:
    found = read_body(Kind.RESTORE, restore())
    assert isinstance(found, Restore)
    assert (found.kek, found.host, found.custodians) == (KEK, "vault-2.example", ("bela", "chen"))


@pytest.mark.parametrize("body", [ceremony(), restore()], ids=["ceremony", "restore"])
def test_it_is_open_from_its_first_second_until_before_its_last(body: Document) -> None:
    kind = Kind.CEREMONY if "script" in body else Kind.RESTORE
    found = read_body(kind, body)
    assert isinstance(found, Ceremony | Restore)

    second = timedelta(seconds=1)
    assert [found.is_open(each) for each in (OPENS - second, OPENS, CLOSES - second, CLOSES)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("ceremony", "party", "'ceremony' is wrong"),
        ("ceremony", 1, "'ceremony' is wrong"),
        ("script", "a script", "script"),
        ("token", "", "'token' is wrong"),
        ("token", "x" * 65, "'token' is wrong"),
        ("participants", None, "'participants' is wrong"),
        ("participants.more", 1, "unknown field 'more'"),
        ("participants.scribe", ..., "'scribe' is missing"),
        ("participants.administrator", None, "'administrator' is wrong"),
        ("participants.custodians", [], "custodians"),
        ("participants.custodians", ["bela", "bela"], "'custodians' is wrong"),
        ("participants.custodians", ["x" * 65], "custodians"),
        ("participants.custodians", "bela", "'custodians' is wrong"),
        ("participants.witness", "bela", "the witness is also custodian"),
        ("participants.witness", "ada", "the witness is also administrator"),
        ("participants.scribe", "emil", "the witness is also scribe"),
        ("concerns", ["bela", "bela"], "'concerns' is wrong"),
        ("concerns", ["Bela!"], "not the name of anything"),
        ("concerns", [""], "concerns"),
        ("concerns", ["sha256:00"], "not the name of anything"),
        ("concerns", [f"o-{n}" for n in range(65)], "'concerns' is wrong"),
        ("not_before", "tomorrow", "not_before"),
        ("not_after", format_time(OPENS), "not_after"),
        ("not_after", format_time(OPENS + LONGEST_WINDOW + timedelta(seconds=1)), "not_after"),
    ],
)
def test_a_ceremony_that_is_malformed(path: str, value: object, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        read_body(Kind.CEREMONY, changed(ceremony(), path, value))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("kek", "7e", "kek"),
        ("kek", KEK.upper(), "kek"),
        ("backup", KEK, "backup"),
        ("token", None, "'token' is wrong"),
        ("host", "", "'host' is wrong"),
        ("host", "x" * 201, "'host' is wrong"),
        ("custodians", ["bela"], "custodians"),
        ("custodians", ["bela", "bela"], "'custodians' is wrong"),
        ("not_after", format_time(OPENS), "not_after"),
    ],
)
def test_a_restore_that_is_malformed(path: str, value: object, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        read_body(Kind.RESTORE, changed(restore(), path, value))


@pytest.mark.parametrize(
    ("what", "concerns"),
    [
        ("model-key-destruction", ["bela"]),
        ("model-key-destruction", []),
        ("officer-key-loss", [KEK]),
        ("custodian-change", [f"sha256:{KEK}"]),
    ],
)
def test_what_is_destroyed_or_changed_is_named(what: str, concerns: list[str]) -> None:
    with pytest.raises(MalformedStatement, match="names what it is about"):
        read_body(Kind.CEREMONY, ceremony(ceremony=what, concerns=concerns))
    named = [*concerns, "dora", f"sha256:{'11' * 32}"]
    assert read_body(Kind.CEREMONY, ceremony(ceremony=what, concerns=named))


def test_64_hex_digits_are_a_key_and_no_officer() -> None:
    assert concern_of(KEK) is Concern.KEY
    assert concern_of(f"sha256:{KEK}") is Concern.MODEL
    assert concern_of(KEK[1:]) is Concern.OFFICER


@pytest.mark.parametrize("subject", ["a", "backup-2026.1", "0" * 64])
def test_the_id_of_a_ceremony(subject: str) -> None:
    check_ceremony_id(subject)


@pytest.mark.parametrize("subject", ["", "-a", "a.", "A", "a b", "a/b", "0" * 65, "a\n"])
def test_what_is_no_id_of_a_ceremony(subject: str) -> None:
    with pytest.raises(MalformedStatement, match="not the id of a ceremony"):
        check_ceremony_id(subject)


# in a statement


def test_a_window_does_not_outlive_its_statement() -> None:
    log = cast()
    body = ceremony(not_after=format_time(START + timedelta(days=5)))
    short = log.authority.propose(Kind.CEREMONY, "c-1", body, life=timedelta(days=4))

    with pytest.raises(MalformedStatement, match="not_after"):
        parse_statement(short.raw)
    exact = log.authority.propose(Kind.CEREMONY, "c-1", body, life=timedelta(days=5))
    assert parse_statement(exact.raw)


def test_a_restore_is_about_its_key() -> None:
    made = cast().authority.propose(Kind.RESTORE, "7f" * 32, restore())
    with pytest.raises(MalformedStatement, match="subject"):
        parse_statement(made.raw)


def test_a_ceremony_has_an_id_for_its_subject() -> None:
    made = cast().authority.propose(Kind.CEREMONY, "The Backup", ceremony())
    with pytest.raises(MalformedStatement, match="not the id of a ceremony"):
        parse_statement(made.raw)


# coming into force


@pytest.mark.parametrize(
    ("kind", "subject", "body"),
    [(Kind.CEREMONY, "backup-2026", ceremony()), (Kind.RESTORE, KEK, restore())],
)
def test_it_comes_into_force_is_superseded_and_expires(
    kind: Kind, subject: str, body: Document
) -> None:
    log = cast()
    first = log.enact(kind, subject, body)
    assert log.state.in_force(kind, subject, log.clock()) == first

    second = log.enact(kind, subject, {**body, "token": "another"}, life=timedelta(days=3))
    assert second.statement.version == 2
    assert log.state.in_force(kind, subject, log.clock()) == second
    assert replay(log.fingerprint, log.leaves, log.read) == log.state

    assert log.state.in_force(kind, subject, START + timedelta(days=3)) is None


UNFIT: list[tuple[str, Document, str]] = [
    ("nobody of that name", with_people(administrator="zoe"), "administrator is not in the roster"),
    ("no operator", with_people(administrator="dora"), "dora cannot take part as administrator"),
    (
        "no custodian",
        with_people(custodians=["bela", "dora"]),
        "dora cannot take part as custodian",
    ),
    ("an approver looks on", with_people(witness="dora"), "dora cannot take part as witness"),
    ("a witness from elsewhere", with_people(witness="zoe"), "witness is not in the roster"),
    ("a scribe from elsewhere", with_people(scribe="zoe"), "scribe is not in the roster"),
    ("an officer from elsewhere", ceremony(concerns=["zoe"]), "officer concerned is not in"),
]


@pytest.mark.parametrize(("body", "says"), [each[1:] for each in UNFIT], ids=[e[0] for e in UNFIT])
def test_people_who_are_not_fit_for_it(body: Document, says: str) -> None:
    log = cast()
    made = log.authority.approved(Kind.CEREMONY, "c-1", body)
    with pytest.raises(SubmissionRefused, match=says) as refused:
        log.judged(made)
    assert refused.value.reason is SubmissionReason.UNFIT_PARTICIPANT
    assert refused.value.found
    assert refused.value.expected


def test_a_restore_needs_custodians() -> None:
    log = cast()
    made = log.authority.approved(Kind.RESTORE, KEK, restore(custodians=["bela", "dora"]))
    assert log.refusal(made) is SubmissionReason.UNFIT_PARTICIPANT


def test_an_auditor_may_look_on() -> None:
    log = cast(emil=("auditor",))
    assert log.judged(log.authority.approved(Kind.CEREMONY, "c-1", ceremony()))


def test_a_scribe_needs_no_role() -> None:
    log = cast()
    made = log.authority.approved(Kind.CEREMONY, "c-1", with_people(scribe="dora"))
    assert log.judged(made)


def test_what_is_over_does_not_begin() -> None:
    log = cast()
    made = log.authority.approved(Kind.CEREMONY, "c-1", ceremony())
    log.clock.now = CLOSES - timedelta(seconds=1)
    assert log.refusal(made) is None
    log.clock.now = CLOSES
    assert log.refusal(made) is SubmissionReason.WINDOW_OVER


def test_the_roster_of_the_moment_counts_and_not_that_of_the_proposal() -> None:
    """An officer loses the role between proposing and coming into force."""
    log = cast(dora=("proposer", "approver", "custodian"))
    made = log.authority.approved(Kind.CEREMONY, "c-1", ceremony())
    assert log.refusal(made) is None

    log.authority.people["bela"].roles = ("approver",)
    log.enact(Kind.ROSTER, "roster", log.authority.roster_body())

    assert log.refusal(made) is SubmissionReason.UNFIT_PARTICIPANT


def test_a_log_that_holds_an_unfit_ceremony_was_written_by_no_keyholder() -> None:
    """Whoever owns the log's disk cannot slip one in: replay judges again."""
    log = cast()
    leaf = log.leaf(log.authority.approved(Kind.CEREMONY, "c-1", with_people(witness="dora")))
    with pytest.raises(LogInconsistent, match="cannot take part as witness"):
        log.append(leaf)


PEOPLE = st.sampled_from([*OFFICERS, "zoe"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    roles=st.fixed_dictionaries(
        {name: st.frozensets(st.sampled_from(list(Role)), min_size=1) for name in OFFICERS}
    ),
    administrator=PEOPLE,
    custodians=st.lists(PEOPLE, min_size=1, max_size=3, unique=True),
    witness=PEOPLE,
    scribe=st.none() | PEOPLE,
)
def test_nobody_takes_part_whom_the_roster_does_not_know_as_fit(
    roles: dict[str, frozenset[Role]],
    administrator: str,
    custodians: list[str],
    witness: str,
    scribe: str | None,
) -> None:
    """The rules again, in other words: each part by itself, over any roles."""
    roster = cast().state.roster
    assert roster is not None
    officers = {i: replace(o, roles=roles[i]) for i, o in roster.officers.items()}
    body = with_people(
        administrator=administrator, custodians=custodians, witness=witness, scribe=scribe
    )
    alone = witness not in {administrator, *custodians, scribe}
    held: dict[str, frozenset[Role]] = {**roles, "zoe": frozenset()}
    fit = (
        Role.OPERATOR in held[administrator]
        and all(Role.CUSTODIAN in held[each] for each in custodians)
        and bool(held[witness] & {Role.WITNESS, Role.AUDITOR})
        and scribe != "zoe"
    )
    try:
        found = read_body(Kind.CEREMONY, body)
        assert isinstance(found, Ceremony)
        check_authorises(found, replace(roster, officers=officers), START)
    except MalformedStatement:
        assert not alone
    except SubmissionRefused:
        assert alone
        assert not fit
    else:
        assert alone
        assert fit
