"""Evidence verified again by whoever was not asked: what it shows, and what nobody here can say."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome
from keyturn.base.encoding import Digest, digest_of
from keyturn.keyrelease.challenge import issued_at
from keyturn.keyrelease.decision import Approved
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry
from keyturn.keyrelease.errors import OtherEvidence
from keyturn.keyrelease.evidence import VerifiedEvidence
from keyturn.keyrelease.observing import (
    MISMATCH,
    MISSING,
    Logged,
    check_platform,
    observe,
    request_of,
    unseen,
    verify_again,
)
from keyturn.policy.findings import Finding
from keyturn.policy.observed import Observed
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.policy_body import Caveat
from unit.keyrelease.release_desk import FIRMWARE, Desk, Granted

OTHER = Digest("sha256:" + "ff" * 32)


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def logged(granted: Granted, **changed: object) -> Logged:
    return Logged(7, granted.time, replace(granted.entry, **changed))  # type: ignore[arg-type]


def observed(desk: Desk, raw: bytes, about: Logged) -> Observed:
    anchors, _ = anchors_in_force(desk.log.state, about.time)
    return observe(raw, about, anchors=anchors, state=desk.log.state, cache=desk.cache)


def named(found: Observed) -> dict[str, Finding]:
    return {each.check: each for each in found.findings}


def test_a_grants_evidence_shows_what_the_keyholder_saw(desk: Desk) -> None:
    granted = desk.granted()
    found = observed(desk, granted.request.raw, logged(granted))
    decided = desk.decided(granted.request)
    assert isinstance(decided, Approved)
    assert found.measurable
    assert found.shown is not None
    assert found.shown.cpu.measurement == FIRMWARE
    assert found.shown.gpu_count == len(found.shown.gpus) == 1
    assert found.shown.challenged == issued_at(granted.request.challenge)
    assert (found.node, found.model, found.platform) == (
        granted.entry.node,
        granted.entry.model,
        granted.entry.platform,
    )
    assert (found.evidence, found.time) == (granted.request.digest, granted.time)
    assert {each.value for each in found.caveats} == set(decided.caveats)


def test_who_issued_the_challenge_is_the_entrys_word(desk: Desk) -> None:
    granted = desk.granted()
    challenge = named(observed(desk, granted.request.raw, logged(granted)))["challenge"]
    assert challenge.outcome is Outcome.NOT_MEASURED
    assert not challenge.failed
    assert "vouched for by the log entry" in challenge.found


def test_a_caveat_of_the_keyholders_own_process_is_known_from_its_grant(desk: Desk) -> None:
    granted = desk.granted()
    about = logged(granted, caveats=(*granted.entry.caveats, Caveat.UNLOCKED_MEMORY.value, "new"))
    assert Caveat.UNLOCKED_MEMORY in observed(desk, granted.request.raw, about).caveats


def test_a_refusals_evidence_is_shown_as_well(desk: Desk) -> None:
    granted = desk.granted()
    entry = granted.entry
    refusal = RefusalEntry(
        entry.purpose, entry.challenge, entry.model, entry.node, entry.platform, entry.evidence, ()
    )
    found = observed(desk, granted.request.raw, Logged(3, granted.time, refusal))
    assert found.measurable


@pytest.mark.parametrize(
    "changed",
    [
        {"node": "another"},
        {"model": OTHER},
        {"challenge": bytes(56)},
        {"core": bytes(32)},
        {"tls": OTHER},
        {"platform": "amd-genoa-00"},
        {"evidence": OTHER},
    ],
    ids=str,
)
def test_what_is_of_another_entry_shows_nothing(desk: Desk, changed: dict[str, object]) -> None:
    """A server that gives one node's evidence for another's, or an older one."""
    granted = desk.granted()
    found = observed(desk, granted.request.raw, logged(granted, **changed))
    (failed,) = found.findings
    assert found.shown is None
    assert not found.measurable
    assert (failed.check, failed.reason, failed.outcome) == (
        "evidence",
        MISMATCH,
        Outcome.NOT_MET,
    )
    assert found.caveats >= {Caveat.SIMULATED}


def _flipped(raw: bytes) -> bytes:
    return raw[:-10] + bytes([raw[-10] ^ 1]) + raw[-9:]


@pytest.mark.parametrize(
    "spoil", [_flipped, lambda raw: b"", lambda raw: b"{}", lambda raw: raw + b" "]
)
def test_changed_bytes_show_nothing(desk: Desk, spoil: Callable[[bytes], bytes]) -> None:
    granted = desk.granted()
    found = observed(desk, spoil(granted.request.raw), logged(granted))
    assert found.shown is None
    assert found.findings[0].reason == MISMATCH


def test_an_entry_over_bytes_that_are_no_request_shows_nothing(desk: Desk) -> None:
    """The digest is right: then the keyholder itself would have lied."""
    granted = desk.granted()

    found = observed(desk, b"{}", logged(granted, evidence=digest_of(b"{}")))
    assert found.findings[0].reason == MISMATCH


def test_evidence_that_no_vendor_signed_is_told_and_not_measurable(desk: Desk) -> None:
    """By other anchors than the keyholder had: nothing of it is believed."""
    granted = desk.granted()

    found = observe(
        granted.request.raw,
        logged(granted),
        anchors=HARDWARE_ANCHORS,
        state=desk.log.state,
    )
    assert found.shown is None
    assert "untrusted-root" in {each.reason for each in found.findings}


def test_what_nobody_has_is_not_measured_and_no_failure_of_the_node(desk: Desk) -> None:
    granted = desk.granted()
    found = unseen(logged(granted), desk.log.state)
    (missing,) = found.findings
    assert (found.shown, found.evidence, found.measurable) == (None, None, False)
    assert (missing.outcome, missing.reason) == (Outcome.NOT_MEASURED, MISSING)


def test_the_request_of_an_entry_or_a_typed_error(desk: Desk) -> None:
    granted = desk.granted()
    assert request_of(granted.request.raw, granted.entry) == granted.request
    with pytest.raises(OtherEvidence) as error:
        request_of(granted.request.raw, replace(granted.entry, node="n2"))
    assert (error.value.found, error.value.expected) == ("node-1", "n2")


def test_the_platform_is_that_of_the_evidence(desk: Desk) -> None:
    granted = desk.granted()
    evidence = desk.verified(granted.request)
    check_platform(evidence, granted.entry)
    check_platform(VerifiedEvidence(None, (), ()), granted.entry)
    with pytest.raises(OtherEvidence):
        check_platform(evidence, replace(granted.entry, platform="x"))


def test_verifying_again_finds_what_verifying_found(desk: Desk) -> None:
    granted: Granted = desk.granted()
    entry: GrantEntry = granted.entry
    anchors, _ = anchors_in_force(desk.log.state, granted.time)
    again = verify_again(granted.request, anchors, granted.time, ChainCache())
    assert again == desk.verified(granted.request)
    assert entry.evidence == granted.request.digest
