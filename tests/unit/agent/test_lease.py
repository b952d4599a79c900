"""The lease as scripts: what happens → what is to be done. No socket, no clock, no sleep."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.agent.lease import LeaseMachine, Timing, UnexpectedEvent
from keyturn.agent.leaseparts import (
    Ask,
    AskChallenge,
    ChallengeReceived,
    CheckFailed,
    CollectEvidence,
    Command,
    ControlLost,
    EndReason,
    Event,
    EvidenceCollected,
    Extend,
    Granted,
    LeaseId,
    Open,
    Opened,
    OpenFailed,
    Refused,
    RenewalWanted,
    Report,
    RevocationReceived,
    Serve,
    Serving,
    Start,
    Stop,
    StopServing,
    Tick,
    Wipe,
    Wiped,
    WipeDone,
)
from keyturn.keyrelease.binding import Purpose

LEASE = LeaseId("ab" * 16)
CHALLENGE = b"c" * 56
RELEASE, RENEWAL = Purpose.RELEASE, Purpose.RENEWAL

Script = Iterable[tuple[float, Event, list[Command]]]


def play(machine: LeaseMachine, script: Script) -> None:
    for now, event, expected in script:
        assert list(machine.handle(event, now)) == expected, f"{event} at {now}"


def granted(seconds: int = 60) -> list[tuple[float, Event, list[Command]]]:
    """From the start to a lease; the challenge was sent at 100."""
    return [
        (100, Start(), [AskChallenge(RELEASE)]),
        (101, ChallengeReceived(CHALLENGE, 100), [CollectEvidence(RELEASE, CHALLENGE, None)]),
        (102, EvidenceCollected(), [Ask(RELEASE)]),
        (103, Granted(LEASE, seconds), [Open()]),
    ]


def serving(seconds: int = 60, timing: Timing | None = None) -> LeaseMachine:
    machine = LeaseMachine(timing or Timing())
    play(machine, [*granted(seconds), (104, Opened(), [Serve(100 + seconds)])])
    return machine


def renewing(machine: LeaseMachine, at: float) -> None:
    """A renewal whose challenge was sent at `at`, up to its answer."""
    play(
        machine,
        [
            (at, Tick(), [AskChallenge(RENEWAL)]),
            (at, ChallengeReceived(CHALLENGE, at), [CollectEvidence(RENEWAL, CHALLENGE, LEASE)]),
            (at, EvidenceCollected(), [Ask(RENEWAL)]),
        ],
    )


def ended(machine: LeaseMachine) -> EndReason:
    play_out = machine.handle(WipeDone(7), 10_000)
    assert isinstance(machine.state, Wiped)
    assert play_out == (Report(machine.state.reason, 7),)
    return machine.state.reason


def test_a_lease_counts_from_the_sending_of_the_challenge() -> None:
    machine = serving(seconds=60)

    assert machine.may_serve(159.9)
    assert not machine.may_serve(160)


def test_it_renews_at_half_of_the_lease() -> None:
    machine = serving(seconds=60)

    assert machine.wake_at() == 130
    play(machine, [(129.9, Tick(), []), (130, Tick(), [AskChallenge(RENEWAL)])])


def test_a_renewal_extends_from_its_own_challenge() -> None:
    machine = serving(seconds=60)
    renewing(machine, 130)

    play(machine, [(135, Granted(LEASE, 60), [Extend(190)])])

    assert machine.may_serve(189.9)
    assert not machine.may_serve(190)
    assert machine.wake_at() == 160


def test_a_shorter_renewal_shortens() -> None:
    """A policy that came into force meanwhile may want shorter leases."""
    machine = serving(seconds=60)
    renewing(machine, 130)

    play(machine, [(131, Granted(LEASE, 5), [Extend(135)])])

    assert not machine.may_serve(135)


def test_no_renewal_by_the_end_stops_and_wipes() -> None:
    machine = serving(seconds=60)
    renewing(machine, 130)
    end = EndReason.LEASE_ENDED

    play(machine, [(159.9, Tick(), []), (160, Tick(), [StopServing(end), Wipe(end)])])

    assert not machine.may_serve(160)
    assert ended(machine) is end


def test_a_renewal_that_comes_too_late_does_not_count() -> None:
    machine = serving(seconds=60)
    renewing(machine, 130)
    end = EndReason.LEASE_ENDED

    play(machine, [(160, Granted(LEASE, 60), [StopServing(end), Wipe(end)])])


def test_a_lost_control_plane_is_asked_again_with_longer_and_longer_waits() -> None:
    machine = serving(seconds=600, timing=Timing(retry_first=1, retry_longest=4))
    now = 400.0
    for wait in (1, 2, 4, 4):
        play(machine, [(now, Tick(), [AskChallenge(RENEWAL)]), (now, ControlLost(), [])])
        assert machine.wake_at() == now + wait
        now += wait

    renewing(machine, now)
    play(machine, [(now, Granted(LEASE, 600), [Extend(now + 600)])])
    assert machine.wake_at() == now + 300


def test_a_lost_control_plane_does_not_end_the_lease_early() -> None:
    machine = serving(seconds=60)
    play(machine, [(130, Tick(), [AskChallenge(RENEWAL)]), (131, ControlLost(), [])])

    assert machine.may_serve(159)
    assert isinstance(machine.state, Serving)


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (Refused(), EndReason.RENEWAL_REFUSED),
        (CheckFailed(), EndReason.CHECK_FAILED),
        (Granted(LeaseId("cd" * 16), 60), EndReason.CHECK_FAILED),
    ],
)
def test_a_renewal_refused_forged_or_of_another_lease_wipes_at_once(
    event: Event, end: EndReason
) -> None:
    machine = serving(seconds=60)
    renewing(machine, 130)

    play(machine, [(131, event, [StopServing(end), Wipe(end)])])

    assert ended(machine) is end


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (RevocationReceived(), EndReason.REVOKED),
        (Stop(), EndReason.STOPPED),
        (Stop(crashed=True), EndReason.CRASHED),
    ],
)
def test_revocation_and_stop_wipe_at_once_in_every_state(event: Event, end: EndReason) -> None:
    script = [*granted(), (104.0, Opened(), [Serve(160)])]
    for steps in range(len(script) + 1):
        machine = LeaseMachine(Timing())
        play(machine, script[:steps])
        expected: list[Command] = [Wipe(end)]
        if steps == len(script):
            expected.insert(0, StopServing(end))
        play(machine, [(110, event, expected)])
        assert ended(machine) is end


def test_the_first_release_refused_ends_the_node() -> None:
    machine = LeaseMachine(Timing())

    play(machine, [*granted()[:3], (103, Refused(), [Wipe(EndReason.REFUSED)])])


def test_the_first_release_refused_is_asked_again_when_so_configured() -> None:
    machine = LeaseMachine(Timing(retry_refused=30))

    play(
        machine,
        [
            *granted()[:3],
            (103, Refused(), []),
            (132.9, Tick(), []),
            (133, Tick(), [AskChallenge(RELEASE)]),
        ],
    )


def test_a_control_plane_that_is_not_there_yet_is_waited_for() -> None:
    machine = LeaseMachine(Timing())

    play(
        machine,
        [
            (100, Start(), [AskChallenge(RELEASE)]),
            (101, ControlLost(), []),
            (102, Tick(), [AskChallenge(RELEASE)]),
        ],
    )


def test_a_lease_that_ends_while_the_model_opens_wipes() -> None:
    machine = LeaseMachine(Timing())
    play(machine, granted(seconds=10))
    end = EndReason.LEASE_ENDED

    play(machine, [(110, Opened(), [Wipe(end)])])

    assert ended(machine) is end


def test_a_long_opening_renews_its_lease() -> None:
    machine = LeaseMachine(Timing())
    play(machine, granted(seconds=60))
    renewing(machine, 130)

    play(machine, [(131, Granted(LEASE, 60), [Extend(190)]), (170, Opened(), [Serve(190)])])


def test_a_model_that_does_not_open_wipes() -> None:
    machine = LeaseMachine(Timing())

    play(machine, [*granted(), (104, OpenFailed(), [Wipe(EndReason.OPEN_FAILED)])])


def test_a_grant_that_is_over_before_it_comes_is_not_used() -> None:
    machine = LeaseMachine(Timing())

    play(machine, [*granted()[:3], (105, Granted(LEASE, 5), [Wipe(EndReason.LEASE_ENDED)])])


def test_a_clock_that_runs_backwards_wipes() -> None:
    machine = serving()
    end = EndReason.CLOCK_JUMPED

    assert not machine.may_serve(103)
    play(machine, [(103, Tick(), [StopServing(end), Wipe(end)])])


def test_a_challenge_sent_in_the_future_wipes() -> None:
    machine = LeaseMachine(Timing())

    play(
        machine,
        [
            (100, Start(), [AskChallenge(RELEASE)]),
            (101, ChallengeReceived(CHALLENGE, 102), [Wipe(EndReason.CLOCK_JUMPED)]),
        ],
    )


def test_what_only_the_keyholder_can_judge_renews_now() -> None:
    machine = serving()

    play(machine, [(105, RenewalWanted(), [AskChallenge(RENEWAL)]), (105, RenewalWanted(), [])])


@pytest.mark.parametrize("after", [0, 1, 2])  # how many steps of the exchange are done by then
def test_a_renewal_wanted_while_one_is_under_way_is_not_forgotten(after: int) -> None:
    machine = serving()
    steps: list[tuple[float, Event, list[Command]]] = [
        (130, ChallengeReceived(CHALLENGE, 130), [CollectEvidence(RENEWAL, CHALLENGE, LEASE)]),
        (131, EvidenceCollected(), [Ask(RENEWAL)]),
        (133, Granted(LEASE, 60), [Extend(190)]),
    ]
    steps.insert(after, (130.0 + after / 2, RenewalWanted(), []))

    play(machine, [(130, Tick(), [AskChallenge(RENEWAL)]), *steps])
    assert machine.wake_at() == 133
    play(machine, [(133, Tick(), [AskChallenge(RENEWAL)])])
    play(
        machine,
        [(134, ChallengeReceived(CHALLENGE, 133), [CollectEvidence(RENEWAL, CHALLENGE, LEASE)])],
    )
    play(
        machine,
        [(134, EvidenceCollected(), [Ask(RENEWAL)]), (134, Granted(LEASE, 60), [Extend(193)])],
    )
    assert machine.wake_at() == 163  # asked once: back to half of the lease


def test_a_renewal_wanted_while_one_gets_lost_comes_after_the_back_off() -> None:
    machine = serving()
    play(machine, [(130, Tick(), [AskChallenge(RENEWAL)]), (130, RenewalWanted(), [])])
    play(machine, [(131, ControlLost(), []), (132, Tick(), [AskChallenge(RENEWAL)])])


def test_it_does_not_hurry_past_the_back_off() -> None:
    machine = serving()
    play(machine, [(130, Tick(), [AskChallenge(RENEWAL)]), (131, ControlLost(), [])])

    play(machine, [(131.5, RenewalWanted(), [])])


def test_after_the_wipe_began_nothing_matters_any_more() -> None:
    machine = serving()
    renewing(machine, 130)
    machine.handle(RevocationReceived(), 131)

    play(machine, [(132, Granted(LEASE, 60), []), (133, Opened(), []), (134, Tick(), [])])
    assert ended(machine) is EndReason.REVOKED
    play(machine, [(140, Stop(), [])])


def test_a_wipe_that_crashes_still_ends() -> None:
    machine = serving()
    machine.handle(Stop(), 110)

    play(machine, [(111, Stop(crashed=True), [Report(EndReason.CRASHED, None)])])


@pytest.mark.parametrize("event", [Granted(LEASE, 60), Refused(), Opened(), EvidenceCollected()])
def test_what_cannot_happen_is_a_bug(event: Event) -> None:
    machine = LeaseMachine(Timing())
    machine.handle(Start(), 100)

    with pytest.raises(UnexpectedEvent):
        machine.handle(event, 101)


_ANY = st.sampled_from(
    [
        ChallengeReceived(CHALLENGE, 0),
        EvidenceCollected(),
        Granted(LEASE, 20),
        Refused(),
        CheckFailed(),
        ControlLost(),
        Opened(),
        RenewalWanted(),
        Tick(),
    ]
)


@given(st.lists(st.tuples(_ANY, st.floats(0, 15)), max_size=40))
def test_nothing_serves_past_the_newest_grant(events: list[tuple[Event, float]]) -> None:
    """Whatever comes in whatever order: serving ends 20 s after the last challenge was sent."""
    machine = LeaseMachine(Timing())
    now, last_sent = 0.0, 0.0
    machine.handle(Start(), now)
    for event, step in events:
        now += step
        if isinstance(event, ChallengeReceived):
            event = ChallengeReceived(CHALLENGE, now)
            last_sent = now
        try:
            machine.handle(event, now)
        except UnexpectedEvent:
            continue
        assert not machine.may_serve(last_sent + 20)
