"""Bodies that a repair proposes: only what failed, and nothing of what is known is lost."""

from dataclasses import replace

import pytest

from keyturn.base.strictjson import Fields
from keyturn.policy.choosing import choose
from keyturn.policy.repairdrafts import UNKNOWN_SITE, baseline_draft, caveat_draft, platform_draft
from keyturn.policy.rules import Rules
from keyturn.policy.shown import HIDDEN_PLATFORM
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat, parse_policy
from keyturn.quorum.reference_bodies import TdxReference, parse_reference_values
from keyturn.quorum.tee_rules import TdRegister
from unit.keyrelease.release_desk import FIRMWARE, Desk
from unit.policy.refusals import asked

WRONG = b"\xee" * 48


@pytest.fixture
def desk() -> Desk:
    return Desk()


def rules(desk: Desk) -> Rules:
    found = choose(desk.digest, desk.log.state, desk.clock()).rules
    assert found is not None
    return found


def test_a_baseline_gains_the_failing_part_alone(desk: Desk) -> None:
    case = asked(desk, sim=desk.node.sim.with_firmware(WRONG))
    draft = baseline_draft(
        case.observed, case.findings, rules(desk), desk.clock(), desk.log.state.revoked
    )
    assert draft is not None
    values = parse_reference_values(Fields(draft.body, "draft"))
    assert set(values.snp) == {FIRMWARE.hex(), WRONG.hex()}
    assert "captured from node node-1" in values.snp[WRONG.hex()].source
    assert len(values.gpu) == 1
    assert values.gpu[0].origin.source == "a test"


def test_nothing_is_captured_where_nothing_fails_or_nothing_is_proved(desk: Desk) -> None:
    case = asked(desk)
    assert (
        baseline_draft(
            case.observed, case.findings, rules(desk), desk.clock(), desk.log.state.revoked
        )
        is None
    )
    wrong = asked(desk, sim=desk.node.sim.with_firmware(WRONG))
    unproved = replace(wrong.observed, shown=None)
    assert (
        baseline_draft(unproved, wrong.findings, rules(desk), desk.clock(), desk.log.state.revoked)
        is None
    )


def test_a_platform_is_added_once_and_only_one_that_says_which_it_is(desk: Desk) -> None:
    listed = [
        {"id": f"amd-genoa-{place:02x}", "site": f"hall {place}", "note": ""} for place in (1, 2)
    ]
    observed = asked(desk).observed
    assert (
        platform_draft(observed, rules(desk), desk.log.state.revoked) is None
    )  # no list is asked for
    desk.log.enact(Kind.PLATFORMS, "mine", {"platforms": listed})
    desk.set_policy(platforms=["mine"])
    found = platform_draft(observed, rules(desk), desk.log.state.revoked)
    assert found is not None
    draft, site_known = found
    assert not site_known
    assert draft.body["platforms"][:2] == listed  # type: ignore[index]
    assert draft.body["platforms"][2]["site"] == UNKNOWN_SITE  # type: ignore[index, call-overload]
    hidden = replace(observed, platform=HIDDEN_PLATFORM)
    assert platform_draft(hidden, rules(desk), desk.log.state.revoked) is None


def revoke(desk: Desk, kind: str, target: str) -> None:
    body: dict[str, object] = {"target_kind": kind, "target": target}
    desk.log.enact(Kind.REVOCATION, f"{kind}:{target}", body)


def test_a_repair_of_one_node_ends_no_revocation_of_another_measurement(desk: Desk) -> None:
    """The attack: firmware that was revoked stands in the baseline still; whoever approves the
    mending of a harmless node names it anew, which reinstates it."""
    revoke(desk, "measurement", FIRMWARE.hex())
    case = asked(desk, sim=desk.node.sim.with_firmware(WRONG))
    found = rules(desk)
    draft = baseline_draft(
        case.observed, case.findings, found, desk.clock(), desk.log.state.revoked
    )
    assert draft is not None
    assert set(parse_reference_values(Fields(draft.body, "draft")).snp) == {WRONG.hex()}

    td = {TdRegister.MRTD: frozenset({FIRMWARE.hex(), "ab" * 48})}
    gone = {TdRegister.MRTD: frozenset({FIRMWARE.hex()})}
    digest, baseline = found.baselines["firmware"]
    origin = baseline.gpu[0].origin
    tds = (TdxReference(td, origin), TdxReference(gone, origin))
    with_tds = replace(found, baselines={"firmware": (digest, replace(baseline, tdx=tds))})
    draft = baseline_draft(
        case.observed, case.findings, with_tds, desk.clock(), desk.log.state.revoked
    )
    assert draft is not None
    (left,) = parse_reference_values(Fields(draft.body, "draft")).tdx
    assert left.registers == {TdRegister.MRTD: frozenset({"ab" * 48})}


def test_what_is_revoked_is_not_proposed_as_known_good(desk: Desk) -> None:
    revoke(desk, "measurement", WRONG.hex())
    case = asked(desk, sim=desk.node.sim.with_firmware(WRONG))
    revoked = desk.log.state.revoked
    assert baseline_draft(case.observed, case.findings, rules(desk), desk.clock(), revoked) is None


def test_a_machine_is_listed_without_those_that_were_revoked(desk: Desk) -> None:
    listed = [{"id": f"amd-genoa-{x:02x}", "site": "hall", "note": ""} for x in (1, 2)]
    observed = asked(desk).observed
    desk.log.enact(Kind.PLATFORMS, "mine", {"platforms": listed})
    desk.set_policy(platforms=["mine"])
    revoke(desk, "platform", "amd-genoa-01")
    found = platform_draft(observed, rules(desk), desk.log.state.revoked)
    assert found is not None
    ids = [each["id"] for each in found[0].body["platforms"]]  # type: ignore[union-attr, index, call-overload]
    assert ids == ["amd-genoa-02", observed.platform]
    revoke(desk, "platform", observed.platform)
    assert platform_draft(observed, rules(desk), desk.log.state.revoked) is None


def test_a_policy_stays_as_it_is_but_for_one_caveat(desk: Desk) -> None:
    desk.set_policy(accepted_caveats=["simulated"], lease_seconds=77)
    now = rules(desk)
    draft = caveat_draft(Caveat.PARAVISOR, now, desk.log.state)
    assert draft is not None
    assert (draft.kind, draft.subject) == (Kind.POLICY, "serving")
    changed = parse_policy(Fields(draft.body, "draft"))
    assert changed == replace(
        now.policy, accepted_caveats=frozenset({Caveat.SIMULATED, Caveat.PARAVISOR})
    )
    assert (
        caveat_draft(Caveat.PARAVISOR, replace(now, policy_digest=desk.digest), desk.log.state)
        is None
    )
