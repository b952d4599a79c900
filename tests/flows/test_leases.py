"""Leases: renewed by the same machine with fresh evidence, by nobody else, and never by a clock."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.strictjson import dump
from keyturn.keyholder.errors import ClockRefused
from keyturn.keyrelease.entries import read_grant
from keyturn.keyrelease.grant import parse_answer
from keyturn.quorum.entries import parse_entry
from support.hsmtoken import make_model
from support.hsmviews import HsmView
from support.nodes import Node, NodeSecrets
from support.ready import Ready
from support.system import model_digest, reasons

LEASE_SECONDS = 60


@pytest.fixture
def lease(ready: Ready) -> str:
    """One lease that lives, from the log."""
    return ready.opened()[0].grant.lease


def issued(ready: Ready) -> int:
    """How many keys left the HSM."""
    assert isinstance(ready.system.hsm, HsmView)
    return len(ready.system.hsm.issued)


# ---- renewal ----


def test_a_renewal_carries_no_key_and_moves_the_end(ready: Ready, lease: str) -> None:
    keys = issued(ready)
    ready.system.clock.advance(seconds=LEASE_SECONDS - 1)
    raw = ready.request(lease=lease)

    outcome = ready.release(raw)

    assert ready.checked(raw, outcome).grant.lease == lease
    assert parse_answer(dump(outcome.answer)).sealed_dek is None
    assert issued(ready) == keys
    entry = read_grant(parse_entry(ready.entries("grant")[-1]))
    assert (entry.until - ready.system.clock()).total_seconds() == LEASE_SECONDS


def test_renewals_go_on_for_as_long_as_they_are_made(ready: Ready, lease: str) -> None:
    for _ in range(4):
        ready.system.clock.advance(seconds=LEASE_SECONDS - 1)
        assert ready.ask(lease=lease).granted


def test_a_renewal_needs_no_wrapped_dek_and_uses_none(ready: Ready, lease: str) -> None:
    keys = issued(ready)

    assert ready.ask(lease=lease, wrapped=None).granted
    assert ready.ask(lease=lease, wrapped=b"\xff" * 40).granted
    assert issued(ready) == keys


def test_a_renewal_proves_the_node_again(ready: Ready, lease: str) -> None:
    wrong = ready.node.sim.with_firmware(b"\xee" * 48)

    assert reasons(ready.ask(lease=lease, sim=wrong)) == {"measurement-mismatch"}
    assert ready.ask(lease=lease).granted


def test_a_renewal_is_judged_by_the_policy_of_now(ready: Ready, lease: str) -> None:
    ready.system.set_policy(gpu={"count": 2})
    assert reasons(ready.ask(lease=lease)) == {"gpu-count"}

    ready.system.set_policy(lease_seconds=7)
    raw = ready.request(lease=lease)
    assert ready.checked(raw, ready.release(raw)).grant.lease_seconds == 7


def test_a_renewal_cannot_be_replayed(ready: Ready, lease: str) -> None:
    raw = ready.request(lease=lease)
    assert ready.release(raw).granted

    assert reasons(ready.release(raw)) == {"challenge-spent"}


# ---- forged ----


def forged(ready: Ready, node: Node, lease: str, **options: object) -> set[str]:
    raw = node.request(
        ready.system.challenge(),
        model_digest(ready.model),
        lease=lease,
        **options,  # type: ignore[arg-type]
    )
    return reasons(ready.release(raw))


def test_a_renewal_by_another_tls_key_is_refused(ready: Ready, lease: str) -> None:
    """Another process on the same machine, or a machine in the middle."""
    thief = replace(ready.node.secrets, tls=ec.generate_private_key(ec.SECP256R1()))

    assert forged(ready, Node(ready.node.sim, thief), lease) == {"lease-mismatch"}
    assert ready.ask(lease=lease).granted


def test_a_renewal_under_another_name_is_refused(ready: Ready, lease: str) -> None:
    other = Node(ready.node.sim, ready.node.secrets, "node-2")

    assert forged(ready, other, lease) == {"lease-mismatch"}
    assert ready.ask(lease=lease).granted


def test_a_renewal_from_another_platform_is_refused(ready: Ready, lease: str) -> None:
    """The memory of a good node was moved to another good machine."""
    elsewhere = ready.system.sim_node()

    assert forged(ready, ready.node, lease, sim=elsewhere) == {"lease-mismatch"}
    assert ready.ask(lease=lease).granted


def test_a_renewal_of_an_unknown_lease_is_refused(ready: Ready, lease: str) -> None:
    unknown = "00" * 16 if lease != "00" * 16 else "11" * 16

    assert forged(ready, ready.node, unknown) == {"lease-not-live"}


def test_a_renewal_after_the_end_is_refused(ready: Ready, lease: str) -> None:
    ready.system.clock.advance(seconds=LEASE_SECONDS)

    assert forged(ready, ready.node, lease) == {"lease-not-live"}
    assert ready.ask().granted  # a new release, with all that it needs


def test_a_renewal_by_the_lease_of_another_model_is_refused(ready: Ready, lease: str) -> None:
    other = make_model()
    wrapped = ready.system.admit(other).wrapped
    raw = ready.node.request(ready.system.challenge(), model_digest(other), lease=lease)

    assert reasons(ready.release(raw, wrapped)) == {"lease-mismatch"}
    assert ready.ask(lease=lease).granted


def test_a_refusal_names_found_and_expected(ready: Ready, lease: str) -> None:
    other = Node(ready.node.sim, ready.node.secrets, "node-2")
    raw = other.request(ready.system.challenge(), model_digest(ready.model), lease=lease)

    (reason,) = ready.shown(ready.release(raw))

    assert (reason["check"], reason["found"], reason["expected"]) == (
        "lease: node",
        "node-2",
        "node-1",
    )


def test_a_lease_of_a_release_whose_dek_did_not_open_is_not_renewed(ready: Ready) -> None:
    """The grant is in the log, no key came of it: nobody holds that lease."""
    assert reasons(ready.ask(wrapped=bytes(40))) == {"wrapped-dek-does-not-open"}
    entry = read_grant(parse_entry(ready.entries("grant")[-1]))

    assert forged(ready, ready.node, entry.lease) == {"lease-not-live"}


# ---- restarts and clocks ----


def test_leases_survive_a_restart(ready: Ready, lease: str) -> None:
    ready.system.clock.advance(seconds=LEASE_SECONDS - 1)
    ready.system.restart()
    assert ready.ask(lease=lease).granted

    ready.system.restart()
    ready.system.clock.advance(seconds=LEASE_SECONDS)
    assert reasons(ready.ask(lease=lease)) == {"lease-not-live"}


def test_a_restart_invents_no_lease(ready: Ready, lease: str) -> None:
    thief = Node(ready.node.sim, NodeSecrets(rsa_key=ready.node.secrets.rsa_key))
    ready.system.restart()

    assert forged(ready, thief, lease) == {"lease-mismatch"}


def test_a_clock_set_back_releases_and_renews_nothing(ready: Ready, lease: str) -> None:
    asked = [ready.request(), ready.request(lease=lease)]
    grants = len(ready.entries("grant"))
    ready.system.clock.advance(seconds=-1)

    for raw in asked:
        with pytest.raises(ClockRefused):
            ready.release(raw)
    with pytest.raises(ClockRefused):
        ready.system.challenge()
    with pytest.raises(ClockRefused):
        ready.system.set_policy()
    assert len(ready.entries("grant")) == grants

    ready.system.clock.advance(seconds=1)
    assert all(ready.release(raw).granted for raw in asked)


def test_a_keyholder_does_not_start_before_its_log_ends(ready: Ready, lease: str) -> None:
    ready.system.keyholder.close()
    ready.system.clock.advance(seconds=-1)
    with pytest.raises(ClockRefused):
        ready.system.start()

    ready.system.clock.advance(seconds=1)
    ready.system.start()
    assert ready.ask(lease=lease).granted


def test_a_clock_that_jumps_forward_ends_leases_and_challenges(ready: Ready, lease: str) -> None:
    raw = ready.request()
    renewal = ready.request(lease=lease)
    ready.system.clock.advance(days=1)

    assert reasons(ready.release(raw)) == {"challenge-stale"}
    assert reasons(ready.release(renewal)) == {"challenge-stale"}
    assert reasons(ready.ask(lease=lease)) == {"lease-not-live"}
    assert ready.ask().granted


def test_a_clock_that_jumped_forward_and_back_gives_no_second_life(
    ready: Ready, lease: str
) -> None:
    """What was spent or over at a later time is not alive at an earlier one."""
    raw = ready.request(lease=lease)
    ready.system.clock.advance(days=1)
    ready.system.challenge()
    ready.system.clock.advance(days=-1)

    with pytest.raises(ClockRefused, match="went back"):
        ready.release(raw)
