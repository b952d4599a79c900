"""Every kind can be read as sentences, is cautioned about, and can be drafted: none is left out.

Tables over `Kind`: a new kind without words fails here.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.base.times import format_time
from keyturn.quorum.bodies import parse_body
from keyturn.quorum.ceremony_body import CeremonyKind
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn_app.questions import Confirm
from keyturn_app.screens.approvals.authorising import authorising
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.drafts import Draft, parsed, started, subject_of
from keyturn_app.screens.approvals.foretelling import Meant, foretold
from keyturn_app.screens.approvals.naming import (
    PROPOSED_HERE,
    kind_icon,
    kind_word,
)
from keyturn_app.screens.approvals.outcome import Outcome
from keyturn_app.screens.approvals.sentences import READ_OUT, ceremony_word, sentences
from keyturn_app.statements.fieldnames import field_words
from support.authority import START, Authority, Clock
from support.whole import Whole
from unit.app.screens.approvals.conftest import seat
from unit.app.screens.approvals.test_drafting import Writing
from unit.app.screens.approvals.test_kinds import warnings
from unit.quorum.authority_log import CAST, AuthorityLog, ceremony, restore
from unit.quorum.every_kind import bodies

LOG = AuthorityLog(cast=CAST)
BODIES = bodies()
NOT_READ_OUT = {
    ("gpu", 0, "measurements"),
    ("switches", 0, "measurements"),
    *(("tpm", 0, name) for name in ("pcrs", "applications", "variables")),
}
"""How many there are is said; the values are in the fields and in the exact bytes."""


def read_out(kind: Kind, body: dict[str, object]) -> tuple[str, ...]:
    made = Authority(Clock()).propose(kind, BODIES[kind][0], body)
    found = parse_statement(made.raw)
    roster = LOG.state.roster
    assert roster is not None
    return sentences(found, roster)


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_every_kind_has_words(kind: Kind) -> None:
    assert kind_word(kind)
    assert kind_icon(kind)
    assert kind in READ_OUT
    assert kind in PROPOSED_HERE
    found = read_out(kind, BODIES[kind][1])
    assert found
    assert all(each[-1] in ".:" for each in found)


@pytest.mark.parametrize("kind", list(CeremonyKind), ids=lambda kind: kind.value)
def test_every_ceremony_has_a_name(kind: CeremonyKind) -> None:
    assert ceremony_word(kind)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from leaves(each, (*path, place))
    else:
        yield path


def others(value: object) -> list[object]:
    """What could stand there instead."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    text = str(value)
    words = ["proposer", "custodian", "roster", "software", "dora", "unseal", "sha384"]
    words += ["tdx", "OutOfDate", "rtmr0", "MPT", "rim", "by-hand", "2026-11-02T00:00:00Z"]
    return [f"{text}x", text.replace("a", "b"), text.replace("1", "2"), f"{text[:-2]}11", *words]


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_whatever_is_changed_is_heard(kind: Kind) -> None:
    """Two bodies that mean something else are never read out alike."""
    subject, body = BODIES[kind]
    whole, typed = read_out(kind, body), parse_body(kind, Fields(body, "body"))  # type: ignore[arg-type]
    tried = 0
    for path in leaves(body):
        if any(path[: len(each)] == each for each in NOT_READ_OUT):
            continue
        for other in others(_at(body, path)):
            changed = deepcopy(body)
            _at(changed, path[:-1])[path[-1]] = other
            try:
                now = parse_body(kind, Fields(changed, "body"))  # type: ignore[arg-type]
                words = read_out(kind, changed)
            except MalformedError:
                continue
            tried += 1
            assert words != whole or now == typed, (subject, path, other)
    assert tried > 0


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize("kind", [Kind.CEREMONY, Kind.RESTORE], ids=lambda kind: kind.value)
def test_each_field_of_what_authorises_has_a_name(kind: Kind) -> None:
    named = {field_words(kind, name) for name in BODIES[kind][1]}
    assert len(named) == len(BODIES[kind][1])
    assert "not before" not in named
    assert field_words(kind, "not_before") == "Not before"


# drafting


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_what_is_in_force_is_where_a_draft_begins(kind: Kind) -> None:
    log = AuthorityLog(cast=CAST)
    subject, body = BODIES[kind]
    if kind is Kind.ROSTER:
        body = log.authority.roster_body()
    elif kind is Kind.KEYS:
        body = log.keys.body()
    log.enact(kind, subject, body)
    draft = started(kind, subject, log.state, START)
    assert json.loads(draft.text) == body
    assert subject_of(draft, parsed(draft)) == subject


def draft_of(kind: Kind, body: dict[str, object], **more: object) -> Meant:
    read = parsed(Draft(kind, "", json.dumps(body)))
    assert read.typed is not None
    meant = {"subject": "c-1", "body": read.typed, "life": timedelta(days=90), **more}
    return Meant(**meant)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("meant", "says"),
    [
        (draft_of(Kind.CEREMONY, ceremony()), ""),
        (draft_of(Kind.RESTORE, restore()), ""),
        (draft_of(Kind.CEREMONY, ceremony(), subject="C 1"), "not the id of a ceremony"),
        (draft_of(Kind.CEREMONY, ceremony(), life=timedelta(days=1)), "beyond the days"),
        (draft_of(Kind.CEREMONY, ceremony(concerns=["zoe"])), "officer concerned is not in"),
        (draft_of(Kind.RESTORE, restore(custodians=["bela", "dora"])), "dora cannot take part"),
        (
            draft_of(
                Kind.RESTORE,
                restore(
                    not_before=format_time(START - timedelta(days=2)), not_after=format_time(START)
                ),
            ),
            "its time is over",
        ),
        (
            draft_of(Kind.ROSTER, LOG.authority.roster_body(simulation=False)),
            "simulation is fixed",
        ),
    ],
)
def test_what_the_keyholder_would_refuse_is_foretold(meant: Meant, says: str) -> None:
    roster = LOG.state.roster
    assert roster is not None
    found = foretold(meant, roster, START)
    assert says in (found.message if found else "")
    assert bool(found) == bool(says)


def test_simulated_roots_are_foretold_where_nothing_is_simulated() -> None:
    roster = AuthorityLog(simulation=False).state.roster
    assert roster is not None
    found = foretold(draft_of(Kind.TRUST_ANCHORS, BODIES[Kind.TRUST_ANCHORS][1]), roster, START)
    assert found is not None
    assert "not a simulation" in found.message


# end to end


def cast(whole: Whole) -> None:
    for name, roles in CAST.items():
        whole.system.authority.people[name].roles = roles
    whole.enact(Kind.ROSTER, "roster", whole.system.authority.roster_body())


def current(whole: Whole, kind: Kind) -> tuple[str, dict[str, object]]:
    """What can come into force here: of the roster and the keys, what is in force; now."""
    subject, body = BODIES[kind]
    now = whole.system.clock()
    if kind in {Kind.CEREMONY, Kind.RESTORE}:
        window = [format_time(now + timedelta(days=each)) for each in (1, 2)]
        return subject, {**body, "not_before": window[0], "not_after": window[1]}
    return subject, body


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_drafted_proposed_read_and_in_force(whole: Whole, kind: Kind) -> None:
    cast(whole)
    writing = Writing(whole)
    subject, body = current(whole, kind)
    writing.presenter.start(kind, "" if kind is not Kind.MODEL else subject)
    if kind not in {Kind.ROSTER, Kind.KEYS}:  # of those what is in force, renewed
        writing.presenter.edit(json.dumps(body))
    if not writing.view.subject_fixed:
        writing.presenter.choose_subject(subject)
    writing.presenter.say(reason="by hand")
    assert writing.view.problem == ""
    assert writing.view.propose.why_not == ""
    writing.presenter.propose()
    (made,) = writing.sent
    assert made.statement.subject == subject

    bela = seat(whole, "bela")
    found = bela.open(made.digest)
    assert found.words
    assert found.consequences
    assert found.checks
    bela.page.approve()
    assert isinstance(bela.officer.asked[-1], Confirm)
    if kind is Kind.MODEL:  # without a sealed key no keyholder takes an admission
        return
    for name in ("chen", "dora"):
        if seat(whole, name).open(made.digest).in_force:
            break
        whole.approve(made.digest, name)
    assert bela.open(made.digest).in_force, bela.detail.refusal


def test_a_ceremony_is_cautioned_about(whole: Whole) -> None:
    cast(whole)
    _subject, body = current(whole, Kind.CEREMONY)
    participants = {
        "administrator": "ada",
        "custodians": ["bela"],
        "witness": "emil",
        "scribe": "ada",
    }
    body = {
        **body,
        "ceremony": "hsm-replacement",
        "token": None,
        "participants": participants,
        "not_before": format_time(whole.system.clock()),
        "not_after": format_time(whole.system.clock() + timedelta(days=9)),
    }
    bela = seat(whole, "bela")
    bela.open(whole.propose(Kind.CEREMONY, "c-1", body))
    found = warnings(bela)
    for text in (
        "A long time for it",
        "One custodian alone takes part",
        "Who takes notes has another part too",
        "No token is named: it may be done on any",
        "What it does cannot be taken back",
        "Who proposes it also does it",
    ):
        assert text in found
    assert any(each.startswith("Its time has begun") for each in found)
    assert bela.detail.consequences[0].weight == "danger"
    assert "It cannot be revoked" in bela.detail.consequences[1].text


def test_an_unfit_ceremony_is_refused_before_anybody_approves(whole: Whole) -> None:
    cast(whole)
    _subject, body = current(whole, Kind.CEREMONY)
    writing = Writing(whole)
    writing.presenter.start(Kind.CEREMONY)
    participants = {**BODIES[Kind.CEREMONY][1]["participants"], "witness": "dora"}  # type: ignore[dict-item]
    writing.presenter.edit(json.dumps({**body, "participants": participants}, indent=2))
    writing.presenter.choose_subject("c-1")
    writing.presenter.say(reason="x")
    assert "dora cannot take part as witness" in writing.view.problem
    assert "The keyholder would refuse it" in writing.view.propose.why_not
    writing.presenter.propose()
    assert writing.sent == []


def test_an_unfit_ceremony_in_a_file_is_pointed_at_offline() -> None:
    log = AuthorityLog(cast=CAST)
    roster = log.state.roster
    assert roster is not None
    participants = {**BODIES[Kind.CEREMONY][1]["participants"], "witness": "dora"}  # type: ignore[dict-item]
    made = log.authority.propose(Kind.CEREMONY, "c-1", ceremony(participants=participants))
    case = Case(parse_statement(made.raw), (), (), (), 3, roster, None, None)
    found = [each.text for each in authorising(case, START) if each.outcome is Outcome.NOT_MET]
    assert found == ["The keyholder would refuse it: dora cannot take part as witness"]
