"""Why a node is in its state: the evidence judged again, and a server that cannot bend it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keyturn.attest.checks import Outcome
from keyturn.base.encoding import Digest, digest_of
from keyturn.client.errors import NotFound, ServerLied
from keyturn.client.examination import Basis, Examination, Verdict, examine
from keyturn.client.nodeindex import NodeIndex
from keyturn.client.seen import Leaves, Seen
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.decision import Refused
from keyturn.keyrelease.entries import RefusalEntry, grant_entry, refusal_entry
from keyturn.keyrelease.request import ReleaseRequest, parse_request
from keyturn.policy.findings import Finding
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from keyturn.tlog.checkpoints import verify_checkpoint
from support.authority import Clock, policy_body
from support.hsmtoken import make_model
from unit.client.scripted_server import ScriptedServer
from unit.client.test_inventory import refusal
from unit.keyrelease.release_desk import FIRMWARE, Desk, Granted, digest_of_model, simulated
from unit.quorum.authority_log import measurements

WRONG = b"\xee" * 48
OTHER = Digest("sha256:" + "ff" * 32)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def seen(desk: Desk) -> Seen:
    """What a client proves of the desk's log."""
    authority, log = desk.authority, desk.log
    note = desk.receipt(len(log.leaves) - 1).checkpoint
    checkpoint = verify_checkpoint(note, authority.log_key(), authority.origin)
    leaves = Leaves(log.leaves, len(log.leaves))
    return Seen(authority, checkpoint, log.state, leaves, NodeIndex(leaves))


def examined(desk: Desk, node: str = "node-1") -> Examination:
    return examine(
        node, seen(desk), desk.log.objects.get, lambda start, end: desk.log.leaves[start:end]
    )


def released(desk: Desk, granted: Granted | None = None, **entry: Any) -> Granted:
    """In the log with its evidence; `entry` says otherwise than was decided."""
    granted = granted or desk.granted()
    desk.log.put(granted.request.raw)
    desk.append(grant_entry(desk.clock(), replace(granted.entry, **entry)))
    return granted


def refused(desk: Desk, request: ReleaseRequest, **entry: Any) -> RefusalEntry:
    """As a keyholder logs it."""
    decision = desk.decided(request)
    reasons = decision.reasons if isinstance(decision, Refused) else ()
    made = RefusalEntry(
        request.purpose,
        request.challenge,
        request.model,
        request.claims.node,
        decision.platform,
        request.digest,
        tuple(sorted({each.reason for each in reasons})),
    )
    desk.log.put(request.raw)
    desk.append(refusal_entry(desk.clock(), replace(made, **entry)))
    return made


def named(found: Examination) -> dict[str, Finding]:
    return {each.check: each for each in found.checks}


# The truth


def test_a_granted_node_has_every_check_met_or_says_why_it_is_not_measured(desk: Desk) -> None:
    granted = released(desk)
    found = examined(desk)
    policy = desk.log.state.newest[(Kind.POLICY, "serving")].statement.digest

    assert found.verdict is Verdict.GRANTED
    assert found.basis is Basis.VERIFIED_HERE
    assert found.failed == ()
    assert {each.outcome for each in found.checks} == {Outcome.MET, Outcome.NOT_MEASURED}
    assert (found.index, found.time) == (len(desk.log.leaves) - 1, granted.time)
    assert (found.purpose, found.model) == (Purpose.RELEASE, desk.digest)
    assert found.policy == ("serving", policy)
    assert found.evidence == granted.request.digest
    assert (found.lease, found.lease_until) == (granted.entry.lease, granted.entry.until)
    assert found.caveats == granted.entry.caveats
    assert found.platform == granted.entry.platform


def test_checks_say_found_expected_and_which_statement_in_the_order_they_were_done(
    desk: Desk,
) -> None:
    released(desk)
    found = examined(desk)
    checks = named(found)
    firmware = checks["cpu: firmware measurement"]
    baseline = desk.log.state.newest[(Kind.REFERENCE_VALUES, "firmware")].statement.digest

    assert (firmware.outcome, firmware.found) == (Outcome.MET, FIRMWARE.hex())
    assert firmware.expected.startswith(FIRMWARE.hex())
    assert firmware.statement == baseline
    assert checks["lease length"].found == "60 s"
    for keyholders in ("challenge", "wrapped DEK"):
        assert checks[keyholders].outcome is Outcome.NOT_MEASURED
        assert "only the" in checks[keyholders].found
    order = [each.check for each in found.checks]
    steps = ["challenge", "model in force", "cpu: signature", "cpu: firmware measurement"]
    steps += ["gpu: count", "node not revoked", "caveat simulated", "lease length", "wrapped DEK"]
    places = [order.index(each) for each in steps]
    assert places == sorted(places)


def test_the_machine_is_described_from_its_verified_evidence(desk: Desk) -> None:
    granted = released(desk)
    found = examined(desk)
    gpu = desk.node.sim.gpus[0]

    assert found.identity is not None
    assert found.identity.platform == granted.entry.platform
    assert found.identity.product == "Genoa"
    assert found.identity.measurement == FIRMWARE.hex()
    assert found.identity.simulated
    assert found.identity.gpus_shown == 1
    (shown,) = found.identity.gpus
    assert (shown.architecture, shown.driver, shown.vbios) == ("GH100", gpu.driver, gpu.vbios)
    assert found.claims is not None
    assert found.claims.genuine


def test_wrong_firmware_is_exactly_that_check(desk: Desk) -> None:
    refused(desk, desk.request(sim=desk.node.sim.with_firmware(WRONG)))
    found = examined(desk)
    (failed,) = found.failed

    assert found.verdict is Verdict.REFUSED
    assert (failed.check, failed.outcome) == ("cpu: firmware measurement", Outcome.NOT_MET)
    assert failed.found == WRONG.hex()
    assert FIRMWARE.hex() in failed.expected
    newest = desk.log.state.newest[(Kind.REFERENCE_VALUES, "firmware")]
    assert failed.statement == newest.statement.digest
    assert "baseline" in failed.hint
    assert (found.lease_until, found.caveats) == (None, ())
    assert found.identity is not None
    assert found.identity.measurement == WRONG.hex()
    assert named(found)["cpu: product"].outcome is Outcome.MET


def test_the_newest_of_grant_and_refusal_is_examined(desk: Desk) -> None:
    released(desk)
    refused(desk, desk.request(sim=desk.node.sim.with_firmware(WRONG)))
    assert examined(desk).verdict is Verdict.REFUSED
    released(desk)
    assert examined(desk).verdict is Verdict.GRANTED


def test_only_what_was_in_force_at_the_entry_counts(desk: Desk) -> None:
    desk.log.enact(Kind.POLICY, "serving", policy_body(), life=timedelta(days=1))
    released(desk)
    desk.clock.advance(days=2)
    desk.log.enact(Kind.REFERENCE_VALUES, "firmware", measurements(bytes(48)))
    desk.set_policy(gpu={"count": 4})
    desk.log.revoke("node", "node-1")
    found = examined(desk)

    assert found.failed == ()
    assert named(found)["policy in force"].found.startswith("version 2")


def test_a_renewal_is_of_the_lease_that_the_log_left(desk: Desk) -> None:
    granted = released(desk)
    desk.clock.advance(seconds=30)
    lease = desk.lease(granted)
    released(desk, desk.granted(desk.request(lease=lease.id), lease))
    found = examined(desk)

    assert found.purpose is Purpose.RENEWAL
    assert found.failed == ()
    assert named(found)["lease: TLS key"].outcome is Outcome.MET
    assert "wrapped DEK" not in named(found)


def test_a_renewal_of_a_lease_that_was_over_is_found(desk: Desk) -> None:
    lease = desk.lease(released(desk))
    desk.clock.advance(seconds=61)
    refused(desk, desk.request(lease=lease.id))
    assert [each.reason for each in examined(desk).failed] == ["lease-not-live"]


def test_a_lease_whose_key_never_left_is_over(desk: Desk) -> None:
    granted = released(desk)
    refused(desk, granted.request, reasons=("wrapped-dek-of-another-model",))
    refused(desk, desk.request(lease=granted.entry.lease))
    assert [each.reason for each in examined(desk).failed] == ["lease-not-live"]


@pytest.mark.parametrize("reason", ["wrapped-dek-of-another-model", "no-wrapped-dek"])
def test_a_keyholders_own_reason_is_its_word_and_says_so(desk: Desk, reason: str) -> None:
    refused(desk, desk.request(), reasons=(reason,))
    (failed,) = examined(desk).failed
    assert (failed.check, failed.reason) == (f"keyholder: {reason}", reason)
    assert failed.outcome is Outcome.NOT_MEASURED


def test_a_caveat_of_the_keyholders_process_is_taken_from_its_grant(desk: Desk) -> None:
    granted = desk.granted()
    named_too = tuple(sorted({*granted.entry.caveats, Caveat.UNLOCKED_MEMORY.value}))
    released(desk, granted, caveats=named_too)
    found = examined(desk)
    assert found.caveats == named_too
    assert named(found)["caveat unlocked-memory"].outcome is Outcome.MET


# What is not there


def test_a_node_that_the_log_does_not_know_is_not_found(desk: Desk) -> None:
    released(desk)
    with pytest.raises(NotFound, match="neither a grant nor a refusal"):
        examined(desk, "node-2")


def test_evidence_that_is_not_kept_proves_nothing_and_is_said(desk: Desk) -> None:
    granted = released(desk)
    del desk.log.objects[granted.request.digest]
    found = examined(desk)

    assert (found.basis, found.verdict) == (Basis.NOT_KEPT, Verdict.GRANTED)
    (check,) = found.checks
    assert (check.check, check.outcome) == ("evidence", Outcome.NOT_MEASURED)
    assert check.failed
    assert (found.identity, found.claims) == (None, None)
    assert found.lease_until == granted.entry.until


def test_a_refusals_reasons_without_evidence_are_the_keyholders_word(desk: Desk) -> None:
    entry = refused(desk, desk.request(sim=desk.node.sim.with_firmware(WRONG)))
    del desk.log.objects[entry.evidence]
    outcomes = {each.check: each.outcome for each in examined(desk).checks}
    assert outcomes == {
        "evidence": Outcome.NOT_MEASURED,
        "keyholder: measurement-mismatch": Outcome.NOT_MEASURED,
    }


# Lies


def test_another_object_is_a_lie(desk: Desk) -> None:
    granted = released(desk)
    desk.log.objects[granted.request.digest] = desk.request().raw
    with pytest.raises(ServerLied, match="another one"):
        examined(desk)


def test_evidence_that_is_no_request_is_a_lie(desk: Desk) -> None:
    released(desk, evidence=desk.log.put(b"{}"))
    with pytest.raises(ServerLied, match="no request"):
        examined(desk)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"challenge": bytes(56)}, "another challenge"),
        ({"core": bytes(32)}, "another core"),
        ({"tls": OTHER}, "another TLS key"),
        ({"model": OTHER}, "another model"),
        ({"platform": "amd-genoa-00"}, "another platform"),
        ({"purpose": Purpose.RENEWAL}, "another purpose"),
        ({"statements": (OTHER,)}, "other statements"),
        ({"caveats": ("simulated",)}, "other caveats"),
        ({"caveats": ("splendid",)}, "nobody knows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_entry_that_says_otherwise_than_its_evidence_is_a_lie(
    desk: Desk, said: dict[str, Any], match: str
) -> None:
    released(desk, **said)
    with pytest.raises(ServerLied, match=match) as caught:
        examined(desk)
    assert f"log entry {len(desk.log.leaves) - 1} " in caught.value.message


def test_an_entry_of_another_node_is_a_lie(desk: Desk) -> None:
    released(desk, node="node-2")
    with pytest.raises(ServerLied, match="another node"):
        examined(desk, "node-2")


def test_a_lease_longer_than_the_policy_allows_is_a_lie(desk: Desk) -> None:
    granted = desk.granted()
    released(desk, granted, until=granted.entry.until.replace(year=granted.entry.until.year + 1))
    with pytest.raises(ServerLied, match="too long") as caught:
        examined(desk)
    assert caught.value.expected == "at most 60 s"


def wrong_firmware(desk: Desk) -> ReleaseRequest:
    return desk.request(sim=desk.node.sim.with_firmware(WRONG))


def bound_to_another_challenge(desk: Desk) -> ReleaseRequest:
    request, challenge = desk.request(), desk.challenge()
    raw = request.raw.replace(request.challenge.hex().encode(), challenge.hex().encode())
    return parse_request(raw)


def unknown_model(desk: Desk) -> ReleaseRequest:
    return parse_request(desk.node.request(desk.challenge(), digest_of_model(make_model())))


@pytest.mark.parametrize(
    ("made", "check"),
    [
        (wrong_firmware, "cpu: firmware measurement"),
        (bound_to_another_challenge, "cpu: evidence"),
        (unknown_model, "model in force"),
    ],
)
def test_a_grant_that_its_evidence_does_not_allow_is_a_lie(
    desk: Desk, made: Callable[[Desk], ReleaseRequest], check: str
) -> None:
    granted, request = desk.granted(), made(desk)
    desk.log.put(request.raw)
    entry = replace(
        granted.entry,
        challenge=request.challenge,
        core=request.core,
        model=request.model,
        evidence=request.digest,
    )
    desk.append(grant_entry(desk.clock(), entry))
    with pytest.raises(ServerLied, match="does not allow") as caught:
        examined(desk)
    assert check in caught.value.found


def test_a_refusal_without_any_reason_is_a_lie(desk: Desk) -> None:
    refused(desk, desk.request())
    with pytest.raises(ServerLied, match="without a reason"):
        examined(desk)


def test_one_gpu_more_than_the_policy_wants_is_counted(desk: Desk) -> None:
    refused(desk, desk.request(sim=simulated(2)))
    found = examined(desk)
    assert [each.check for each in found.failed] == ["gpu: count"]
    assert found.identity is not None
    assert (found.identity.gpus_shown, len(found.identity.gpus)) == (2, 2)


# Asked of a server


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def test_an_examination_by_an_older_look_takes_a_newer_one(server: ScriptedServer) -> None:
    client = server.client()
    old = client.seen()
    server.append(refusal("n1"))
    with pytest.raises(NotFound):
        client.examine("n1", seen=old)  # by that look there is nothing
    client.nodes()
    found = client.examine("n1", seen=old)
    assert (found.index, found.basis) == (3, Basis.NOT_KEPT)
    assert found.verdict is Verdict.REFUSED


def test_evidence_that_is_another_is_a_lie(server: ScriptedServer) -> None:
    server.append(refusal("n1"))
    digest = digest_of(b"x")
    server.evidence[digest] = b"y"
    with pytest.raises(ServerLied, match="another one"):
        server.client().examine("n1")
