"""The drawer: why a node is in its state, its checks, identity and lease."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.attest.checks import Outcome
from keyturn.client.errors import ServerLied
from keyturn.client.examination import Basis, Examination, Gpu, Identity, Verdict
from keyturn.client.inventory import Node, NodeState, judged_at
from keyturn.keyrelease.binding import Purpose
from keyturn.policy.findings import Finding, met, not_met
from keyturn_app.screens.fleet.details import (
    Case,
    drawer,
    instruction,
    sentence,
    statement_name,
    why,
)
from keyturn_app.screens.fleet.rows import EntryTimes, lookup_of, row_of
from support import fleets
from support.fleets import NOW
from unit.app.screens.fleet.world import World

LONG = "9c41" * 24


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def case(world: World, state: NodeState, node: Node | None = None, **values: object) -> Case:
    facts = world.desk.facts
    assert facts.seen is not None
    node = node or world.node()
    row = row_of(node, lookup_of(facts, NOW), EntryTimes(facts.seen.leaves))
    made = Case(node, row, state, "", facts.seen.state)
    return replace(made, **values)  # type: ignore[arg-type]


def examination(world: World, *checks: Finding, basis: Basis = Basis.VERIFIED_HERE) -> Examination:
    node = world.node()
    assert node.granted is not None
    index, grant = node.granted
    gpu = Gpu("GPU-5f2c0011-a91e-4f00-8a11", "H100", "580.95.05", "96.00")
    identity = Identity(grant.platform, "Genoa", LONG, "ab" * 32, 8, (gpu,) * 8, "agent 1", True)
    return Examination(
        node.name,
        index,
        NOW,
        Purpose.RENEWAL,
        Verdict.GRANTED,
        basis,
        checks,
        grant.model,
        grant.platform,
        grant.evidence,
        None,
        fleets.CAVEATS,
        grant.lease,
        grant.until,
        identity,
        None,
    )


WRONG = not_met("launch measurement", "wrong", LONG, "one of genoa-1", hint="Roll it back.")


# ---- why ----


def test_why_attested_and_stale(world: World) -> None:
    assert "met every check of prod-inference v1" in why(case(world, NodeState.ATTESTED), NOW)
    text = why(case(world, NodeState.STALE), NOW + timedelta(seconds=30))
    assert "silent for 3" in text
    assert "longer than 10 s" in text


def test_why_refused_names_the_first_failed_check(world: World) -> None:
    found = examination(world, met("debug", "off", "off"), WRONG, replace(WRONG, check="smt"))
    text = why(case(world, NodeState.REFUSED, examination=found), NOW)
    assert text.startswith("Launch measurement: found 9c419c419c419c41…9c419c41, expected one of")
    assert "1 more check failed." in text
    assert text.endswith("It gets no key until it passes.")


def test_why_refused_before_the_checks_are_known_is_what_the_log_says(world: World) -> None:
    refused = (9, fleets.refusal("n", "p", fleets.MODELS["orion-8b"], "tcb-too-old"))
    node = replace(world.node(), refused=refused)
    assert "refused its key for: tcb-too-old" in why(case(world, NodeState.REFUSED, node), NOW)
    bare = replace(node, refused=None)
    assert "Its key was refused." in why(case(world, NodeState.REFUSED, bare), NOW)


def test_why_unknown(world: World) -> None:
    node = world.node()
    silent = judged_at(node, NOW + timedelta(seconds=90))
    later = NOW + timedelta(seconds=90)
    assert "silent for 9" in why(case(world, NodeState.UNKNOWN, silent), later)
    over = NOW + timedelta(hours=1)
    assert "Its lease ended" in why(case(world, NodeState.UNKNOWN, node), over)
    never = replace(node, granted=None)
    assert "does not bear out" in why(case(world, NodeState.UNKNOWN, never), NOW)
    unreached = case(world, NodeState.UNKNOWN, unknown_for="server out of reach")
    assert why(unreached, NOW) == (
        "Nothing is known now: server out of reach. Before that it was Attested."
    )


def test_why_pending_wiped_and_quarantined(world: World) -> None:
    assert "It holds no key." in why(case(world, NodeState.PENDING), NOW)
    wiped = replace(world.node(), time_to_wipe_ms=412)
    assert why(case(world, NodeState.WIPED, wiped), NOW).endswith("It took 412 ms.")
    unproved = why(case(world, NodeState.QUARANTINED), NOW)
    assert "the log here does not say so yet" in unproved


# ---- checks ----


def test_failed_checks_come_first_with_found_expected_and_statement(world: World) -> None:
    facts = world.desk.facts
    assert facts.seen is not None
    digest = next(iter(facts.seen.state.by_digest))
    unmeasured = Finding("challenge", Outcome.NOT_MEASURED, "only the keyholder", "unused", None)
    found = examination(
        world, met("debug", "off", "off"), unmeasured, replace(WRONG, statement=digest)
    )
    shown = drawer(case(world, NodeState.REFUSED, examination=found), NOW).checks
    assert [(c.title, c.outcome, c.icon) for c in shown] == [
        ("Launch measurement", "not met", "octagon-x"),
        ("Debug", "met", "circle-check"),
        ("Challenge", "not measured", "circle-slash"),
    ]
    assert shown[0].lines[0] == "found 9c419c419c419c41…9c419c41"
    assert shown[0].lines[1] == "expected one of genoa-1"
    assert shown[0].lines[2] == "by Roster roster v1"
    assert shown[0].hint == "Roll it back."
    assert shown[1].lines == ("found off", "expected the same")


def test_checks_and_instructions_are_words_of_people() -> None:
    assert sentence("cpu: signing-key") == "CPU: signing key"
    assert sentence("report-data") == "Report data"
    assert sentence("cpu: chip-id") == "CPU: chip ID"
    assert sentence("minimum tcb") == "Minimum TCB"
    assert instruction("set the clock right") == "Set the clock right"
    assert instruction("keyturn collateral fetch --due") == "keyturn collateral fetch --due"
    assert instruction("") == ""


def test_a_statement_that_is_not_known_is_its_digest(world: World) -> None:
    assert statement_name(fleets.MODELS["orion-8b"], None).startswith("sha256 ")


def test_what_the_checks_rest_on_is_said(world: World) -> None:
    loading = drawer(case(world, NodeState.ATTESTED, loading=True), NOW)
    assert loading.checks_note == "Verifying its evidence here…"
    assert loading.loading
    nothing = drawer(case(world, NodeState.PENDING), NOW)
    assert nothing.checks_note == "There is no evidence to check."
    kept = examination(world, basis=Basis.NOT_KEPT)
    note = drawer(case(world, NodeState.ATTESTED, examination=kept), NOW).checks_note
    assert note.endswith("The server has not kept the evidence.")
    here = drawer(case(world, NodeState.ATTESTED, examination=examination(world)), NOW)
    assert here.checks_note.endswith("Verified here.")
    error = ServerLied("the entry and its evidence differ", found="a", expected="b", hint="Stop.")
    lied = drawer(case(world, NodeState.ATTESTED, error=error), NOW)
    assert lied.trouble == "the entry and its evidence differ; found a; expected b. Stop."


# ---- identity, lease ----


def test_identity_is_copied_whole(world: World) -> None:
    view = drawer(case(world, NodeState.ATTESTED, examination=examination(world)), NOW)
    facts = {fact.label: fact for fact in view.identity}
    assert facts["GPU"].value == "H100, 8 of 8"
    assert facts["Measurement"].copied == LONG
    assert len(facts["Measurement"].value) < 25
    assert facts["Platform"].copied == world.node().platform
    assert facts["Evidence"].copied.startswith("sha256:")
    assert "log entry" in facts["Last granted"].value
    assert [name for name, _meaning in view.caveats] == list(fleets.CAVEATS)
    assert all(meaning for _name, meaning in view.caveats)


def test_the_lease_counts_down_and_ends(world: World) -> None:
    node = world.node()
    assert node.granted is not None
    until = node.granted[1].until
    shown = drawer(case(world, NodeState.ATTESTED), until - timedelta(seconds=65)).lease
    assert shown is not None
    assert shown.text.startswith("ends in 1:05, at ")
    assert 0 < shown.fraction < 0.2
    ended = drawer(case(world, NodeState.UNKNOWN), until + timedelta(seconds=5)).lease
    assert ended is not None
    assert (ended.text, ended.fraction) == ("ended 5 s ago", 0.0)
    assert drawer(case(world, NodeState.QUARANTINED), NOW).lease is None
    never = replace(node, granted=None)
    assert drawer(case(world, NodeState.PENDING, never), NOW).lease is None


def test_every_state_has_its_age(world: World) -> None:
    assert drawer(case(world, NodeState.ATTESTED), NOW).age.startswith("heard ")
    unheard = replace(world.node(), heard=None, age_seconds=None)
    assert drawer(case(world, NodeState.PENDING, unheard), NOW).age == "never heard"
