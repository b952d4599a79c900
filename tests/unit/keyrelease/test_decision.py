"""Grant or refuse: every reason by itself, and the one change undone grants (I2, §5.3)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome
from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.collateral import NOTHING_KEPT
from keyturn.keyrelease.decision import Approved, ChallengeStanding, Refused, decide
from keyturn.keyrelease.evidence import VerifiedEvidence, verify_evidence
from keyturn.keyrelease.leases import Lease
from keyturn.keyrelease.request import NodeClaims, ReleaseRequest, parse_request
from keyturn.policy.shown import HIDDEN_PLATFORM
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from support.authority import policy_body
from support.collateral import IntelDesk
from support.hsmtoken import make_model
from support.nodes import NodeSecrets
from support.shownparts import Paravisor, Parts, anchors_of, protected_set, snp_cpu, td_cpu
from unit.keyrelease.release_desk import GOOD, Desk, digest_of_model, simulated, vendors
from unit.quorum.authority_log import admission, der, measurements, platforms


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(desk: Desk, request: ReleaseRequest | None = None, **options: object) -> Refused:
    decision = desk.decided(request or desk.request(), **options)  # type: ignore[arg-type]
    assert isinstance(decision, Refused)
    return decision


def platform(desk: Desk) -> str:
    return f"amd-genoa-{desk.node.sim.launch.chip_id.hex()}"


def test_a_good_node_is_approved_with_all_that_it_rests_on(desk: Desk) -> None:
    decision = desk.decided(desk.request())
    assert isinstance(decision, Approved)

    state = desk.log.state
    chains = [
        (Kind.ROSTER, "roster"),
        (Kind.KEYS, "keys"),
        (Kind.TRUST_ANCHORS, "trust-anchors"),
        (Kind.MODEL, desk.digest),
        (Kind.POLICY, "serving"),
        (Kind.REFERENCE_VALUES, "firmware"),
    ]
    assert set(decision.statements) == {state.newest[chain].statement.digest for chain in chains}
    assert len(decision.statements) == len(chains)
    assert decision.platform == platform(desk)
    assert decision.admission.tag == desk.model.tag
    assert decision.policy_digest == state.newest[(Kind.POLICY, "serving")].statement.digest
    assert decision.lease is None
    assert not any(each.failed for each in decision.findings)


def test_every_check_that_was_met_is_a_finding_with_what_set_it(desk: Desk) -> None:
    decision = desk.decided(desk.request())
    found = {each.check: each for each in decision.findings}
    state = desk.log.state

    for kind, subject in [
        (Kind.ROSTER, "roster"),
        (Kind.KEYS, "keys"),
        (Kind.TRUST_ANCHORS, "trust-anchors"),
        (Kind.MODEL, desk.digest),
        (Kind.POLICY, "serving"),
        (Kind.REFERENCE_VALUES, "firmware"),
    ]:
        now = state.newest[(kind, subject)]
        check = found[f"{kind.value} in force"]
        assert (check.outcome, check.reason) == (Outcome.MET, None)
        assert check.found == f"version 1, since log index {now.index}"
        assert check.expected == f"{kind.value} '{subject}' in force"
        assert check.statement == now.statement.digest
    for target in ("node", "platform", "measurement"):
        assert found[f"{target} not revoked"].outcome is Outcome.MET
    assert (found["witnesses"].found, found["witnesses"].expected) == ("0 cosignatures", "0")
    assert {each.outcome for each in decision.findings} <= {Outcome.MET, Outcome.NOT_MEASURED}


def test_a_grant_names_the_platform_lists_that_it_used(desk: Desk) -> None:
    listed = desk.log.enact(Kind.PLATFORMS, "eu", platforms(platform(desk)))
    desk.set_policy(platforms=["eu"])
    decision = desk.decided(desk.request())

    assert isinstance(decision, Approved)
    assert listed.statement.digest in decision.statements


@pytest.mark.parametrize(
    "standing", [ChallengeStanding.FORGED, ChallengeStanding.STALE, ChallengeStanding.SPENT]
)
def test_a_challenge_that_is_no_good(desk: Desk, standing: ChallengeStanding) -> None:
    request = desk.request()
    (reason,) = refused(desk, request, standing=standing).reasons

    assert reason.reason == f"challenge-{standing.name.lower()}"
    assert reason.statement is None
    assert desk.reasons(request) == []


# What is in force


def test_a_model_that_was_never_admitted(desk: Desk) -> None:
    stranger = make_model()
    asked = desk.node.request(desk.challenge(), digest_of_model(stranger))

    assert desk.reasons(parse_request(asked)) == ["model-not-in-force"]
    desk.admit(stranger)
    assert desk.reasons(parse_request(asked)) == []


@pytest.mark.parametrize(
    ("target_kind", "target", "kind", "check"),
    [
        ("model", lambda desk: desk.digest, Kind.MODEL, "model in force"),
        ("policy", lambda _: "serving", Kind.POLICY, "policy in force"),
    ],
)
def test_a_revoked_model_or_policy(
    desk: Desk, target_kind: str, target: Callable[[Desk], str], kind: Kind, check: str
) -> None:
    revocation = desk.log.revoke(target_kind, target(desk))
    (reason,) = refused(desk).reasons

    assert (reason.check, reason.reason) == (check, "revoked")
    assert reason.statement == revocation.statement.digest
    desk.admit(desk.model) if kind is Kind.MODEL else desk.set_policy()
    assert desk.reasons() == []


@pytest.mark.parametrize(
    ("target_kind", "target"),
    [
        ("node", lambda _: "node-1"),
        ("platform", platform),
        ("platform", lambda desk: gpu_id(desk)),
        ("measurement", lambda desk: desk.node.sim.launch.measurement.hex()),
    ],
    ids=["node", "chip", "gpu", "measurement"],
)
def test_a_revoked_node_platform_or_measurement(
    desk: Desk, target_kind: str, target: Callable[[Desk], str]
) -> None:
    assert desk.reasons() == []
    revocation = desk.log.revoke(target_kind, target(desk))
    (reason,) = refused(desk).reasons

    assert reason.reason == "revoked"
    assert reason.statement == revocation.statement.digest
    assert reason.hint == "for a test"
    assert reason.found.endswith(f"revoked at log index {revocation.index}")


def gpu_id(desk: Desk) -> str:
    return desk.verified(desk.request()).gpus[0].device_id


def test_a_revoked_node_may_not_come_back_but_another_may(desk: Desk) -> None:
    desk.log.revoke("node", "node-1")
    desk.admit(desk.model)
    assert desk.reasons() == ["revoked"]

    desk.node = replace(desk.node, name="node-2")
    assert desk.reasons() == []


def test_a_revoked_platform_comes_back_by_a_platforms_statement(desk: Desk) -> None:
    desk.log.revoke("platform", platform(desk))
    desk.log.enact(Kind.PLATFORMS, "eu", platforms(platform(desk)))
    assert desk.reasons() == []


def test_a_revoked_measurement_comes_back_by_reference_values(desk: Desk) -> None:
    desk.log.revoke("measurement", desk.node.sim.launch.measurement.hex())
    desk.log.enact(Kind.REFERENCE_VALUES, "other", measurements(desk.node.sim.launch.measurement))
    assert desk.reasons() == []


def test_everything_in_force_expires(desk: Desk) -> None:
    desk.clock.advance(days=90)
    decision = refused(desk)

    assert [each.reason for each in decision.reasons][:3] == [
        "roster-not-in-force",
        "keys-not-in-force",
        "model-not-in-force",
    ]
    # The anchors have expired too: what was simulated is genuine no more.
    assert "untrusted-root" in [each.reason for each in decision.reasons]
    assert decision.platform == HIDDEN_PLATFORM
    assert decision.findings


def test_a_baseline_that_the_policy_names_is_not_there(desk: Desk) -> None:
    desk.set_policy(baselines=["firmware", "missing"])
    (reason,) = refused(desk).reasons
    assert reason.reason == "reference-values-not-in-force"
    assert reason.found == "no such statement was ever in force"
    assert reason.expected == "reference-values 'missing' in force"

    desk.log.enact(Kind.REFERENCE_VALUES, "missing", measurements(bytes(48)))
    assert desk.reasons() == []


def test_a_platform_list_that_the_policy_names_is_not_there(desk: Desk) -> None:
    desk.set_policy(platforms=["eu"])
    assert desk.reasons() == ["platforms-not-in-force", "platform-not-allowed"]

    desk.log.enact(Kind.PLATFORMS, "eu", platforms(platform(desk)))
    assert desk.reasons() == []


def test_a_policy_that_the_admission_names_is_not_there(desk: Desk) -> None:
    """Only the policy that the admission names counts, whatever others are in force (I2)."""
    other = make_model()

    digest = digest_of_model(other)
    body = admission(digest, "strict", tag=other.tag.hex())
    desk.log.enact(Kind.MODEL, digest, body)
    desk.digest = digest
    assert desk.reasons() == ["policy-not-in-force"]

    desk.log.enact(Kind.POLICY, "strict", policy_body())
    assert desk.reasons() == []


def test_witnesses_that_the_policy_demands_beyond_the_rosters_are_missed(desk: Desk) -> None:
    desk.set_policy(witnesses=1)
    (reason,) = refused(desk).reasons
    assert (reason.reason, reason.expected) == ("witness-cosignatures-missing", "1")


def test_evidence_is_not_older_than_the_policy_allows(desk: Desk) -> None:
    desk.set_policy(evidence_seconds=30)
    request = desk.request()
    desk.clock.advance(seconds=30)
    assert desk.reasons(request) == []
    desk.clock.advance(seconds=1)
    assert desk.reasons(request) == ["evidence-too-old"]


def test_a_challenge_of_no_time_at_all_is_refused_and_stops_nobody(desk: Desk) -> None:
    """Whoever judges again has no boot key: a log may hold any 56 bytes."""
    request = replace(desk.request(), challenge=bytes(16) + b"\xff" * 40)
    evidence = desk.verified(desk.request())
    decision = decide(request, evidence, desk.log.state, ChallengeStanding.GOOD, None, desk.clock())
    assert isinstance(decision, Refused)
    assert "evidence-too-old" in [each.reason for each in decision.reasons]


def test_witnesses_that_the_roster_demands_are_missed() -> None:

    desk = Desk()
    key = {"algorithm": "ed25519", "spki": b64(der(ed25519.Ed25519PrivateKey.generate()))}
    witnesses = {"keys": [key], "k": 1, "t_seconds": 300}
    body = desk.log.authority.roster_body(witnesses=witnesses)
    roster = desk.log.enact(Kind.ROSTER, "roster", body)
    (reason,) = refused(desk).reasons
    assert (reason.reason, reason.expected) == ("witness-cosignatures-missing", "1")
    assert reason.statement == roster.statement.digest

    desk.log.enact(Kind.ROSTER, "roster", desk.log.authority.roster_body())
    assert desk.reasons() == []


# Evidence and policy


def test_evidence_that_is_not_genuine_is_refused_with_its_reason(desk: Desk) -> None:
    request = desk.request()
    snp = replace(request.evidence.cpu, report=b"junk")
    spoilt = replace(request, evidence=replace(request.evidence, cpu=snp))

    assert desk.reasons(spoilt) == ["malformed"]
    assert refused(desk, spoilt).platform == HIDDEN_PLATFORM
    assert desk.reasons(request) == []


def test_nothing_is_approved_without_claims_even_if_nothing_was_found_wrong(desk: Desk) -> None:
    nothing = VerifiedEvidence(None, (), ())
    decision = decide(
        desk.request(), nothing, desk.log.state, ChallengeStanding.GOOD, None, desk.clock()
    )
    assert isinstance(decision, Refused)


def test_all_reasons_are_listed(desk: Desk) -> None:
    desk.set_policy(workloads=["ff" * 32], gpu={"count": 2}, accepted_caveats=[])
    request = desk.request(sim=desk.node.sim.with_firmware(b"\xee" * 48).with_debug())
    found = refused(desk, request, standing=ChallengeStanding.SPENT)

    assert {each.reason for each in found.reasons} == {
        "challenge-spent",
        "debug-allowed-by-guest-policy",
        "measurement-mismatch",
        "workload-not-allowed",
        "gpu-count",
        "caveat-not-accepted",
    }
    assert found.reasons[0].reason == "challenge-spent"
    assert found.platform == platform(desk)


# Caveats


def caveats(desk: Desk, **options: object) -> set[str]:
    decision = desk.decided(desk.request(**options))
    assert isinstance(decision, Approved)
    return set(decision.caveats)


ALWAYS = {"keyholder-host-trusted", "host-controlled-clock", "boot-time-only", "physical-access"}


def test_the_caveats_of_a_simulated_node_with_a_gpu(desk: Desk) -> None:
    expected = {"simulated", "no-witness", "no-device-binding-hardware"}
    assert caveats(desk) == ALWAYS | expected


def test_a_software_token_is_named(desk: Desk) -> None:
    assert "software-assurance" not in caveats(desk)
    desk.log.enact(Kind.KEYS, "keys", desk.log.keys.body(assurance="software"))
    assert "software-assurance" in caveats(desk)


def test_no_gpu_no_caveat_about_gpus(desk: Desk) -> None:
    desk.set_policy(gpu={"count": 0})
    desk.node = replace(desk.node, sim=simulated(0))
    assert caveats(desk) == ALWAYS | {"simulated", "no-witness"}


def test_a_guest_that_is_not_the_highest_has_a_paravisor(desk: Desk) -> None:
    sim = desk.node.sim
    below = replace(sim, launch=replace(sim.launch, vmpl=1))
    assert desk.reasons(sim=below) == ["vmpl-too-high"]

    body = policy_body()
    body["snp"] = {**body["snp"], "max_vmpl": 1}  # type: ignore[dict-item]
    desk.log.enact(Kind.POLICY, "serving", body)
    assert "paravisor" in caveats(desk, sim=below)
    assert "paravisor" not in caveats(desk)


def test_a_node_names_its_own(desk: Desk) -> None:
    claims = NodeClaims.make("node-1", "test", None, [Caveat.UNLOCKED_MEMORY])
    assert "unlocked-memory" in caveats(desk, claims=claims)


@pytest.mark.parametrize(
    "caveat", sorted(ALWAYS | {"simulated", "no-witness", "no-device-binding-hardware"})
)
def test_each_must_be_accepted_by_name(desk: Desk, caveat: str) -> None:
    accepted = [each.value for each in Caveat if each.value != caveat]
    desk.set_policy(accepted_caveats=accepted)
    (reason,) = refused(desk).reasons

    assert (reason.reason, reason.found) == ("caveat-not-accepted", caveat)
    assert reason.check == f"caveat {caveat}"
    desk.set_policy()
    assert desk.reasons() == []


# Renewals


def renewal(desk: Desk, lease: Lease) -> ReleaseRequest:
    return desk.request(lease=lease.id)


def live(desk: Desk) -> Lease:
    return desk.lease(desk.granted())


def test_a_live_lease_is_renewed_by_its_holder(desk: Desk) -> None:
    lease = live(desk)
    request = renewal(desk, lease)
    decision = desk.decided(request, lease=lease)

    assert request.purpose is Purpose.RENEWAL
    assert isinstance(decision, Approved)
    assert decision.lease == lease


def test_a_lease_that_is_not_live_is_not_renewed(desk: Desk) -> None:
    lease = live(desk)
    (reason,) = refused(desk, renewal(desk, lease)).reasons

    assert (reason.reason, reason.found) == ("lease-not-live", lease.id)
    assert reason.hint == "ask for a new release"


OTHER = Digest("sha256:" + "ff" * 32)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"model": OTHER}, "lease: model"),
        ({"node": "node-2"}, "lease: node"),
        ({"platform": "amd-genoa-00"}, "lease: platform"),
        ({"tls": OTHER}, "lease: TLS key"),
    ],
)
def test_a_lease_of_another_holder_is_not_renewed(
    desk: Desk, change: dict[str, str], check: str
) -> None:
    lease = live(desk)
    theirs = replace(lease, **change)  # type: ignore[arg-type]
    request = renewal(desk, lease)
    (reason,) = refused(desk, request, lease=theirs).reasons

    assert (reason.check, reason.reason) == (check, "lease-mismatch")
    assert isinstance(desk.decided(request, lease=lease), Approved)


def test_another_tls_key_does_not_renew(desk: Desk) -> None:
    lease = live(desk)
    desk.node = replace(desk.node, secrets=NodeSecrets(desk.node.secrets.rsa_key))
    request = renewal(desk, lease)
    (reason,) = refused(desk, request, lease=lease).reasons

    assert (reason.check, reason.expected) == ("lease: TLS key", lease.tls)
    assert reason.found == digest_of(request.keys.tls)


def test_a_renewal_is_judged_like_a_release(desk: Desk) -> None:
    lease = live(desk)
    desk.log.revoke("node", "node-1")
    assert [r.reason for r in refused(desk, renewal(desk, lease), lease=lease).reasons] == [
        "revoked"
    ]


def test_a_release_takes_over_no_lease(desk: Desk) -> None:
    decision = desk.decided(desk.request(), lease=live(desk))
    assert isinstance(decision, Approved)
    assert decision.lease is None


def test_the_time_is_an_argument(desk: Desk) -> None:
    request, evidence = desk.request(), desk.verified(desk.request())
    later = desk.clock() + timedelta(days=91)
    decision = decide(request, evidence, desk.log.state, ChallengeStanding.GOOD, None, later)
    assert isinstance(decision, Refused)


def test_what_a_stolen_key_kept_alive_releases_nothing(desk: Desk) -> None:
    assert desk.reasons() == []
    removal = desk.log.remove("bela", compromised=["bela"], approvers=("chen", "dora", "emil"))
    refused = desk.decided(desk.request())

    assert isinstance(refused, Refused)
    found = {each.check: each.found for each in refused.reasons}
    suspended = f"suspended at log index {removal.index}: too few approvals without the keys "
    assert found["model in force"].startswith(suspended)
    assert found["keys in force"].startswith(suspended)


# TDs, switches, a paravisor: what a verdict names and what stops it


class Machine:
    """A TD with GPUs and switches in PPCIE, and what a verifier keeps for it."""

    def __init__(self) -> None:
        vendor, gpus, switches = protected_set()
        self.intel = IntelDesk()
        self.parts = Parts(td_cpu(self.intel), gpus, switches)
        self.anchors = anchors_of(intel=self.intel.intel.root_spki, nvidia=vendor.spki)

    def decided(self, desk: Desk) -> tuple[Approved | Refused, VerifiedEvidence]:
        now = desk.clock()
        request = replace(self.parts.ask(desk.challenge()), model=desk.digest)
        kept = NOTHING_KEPT.with_documents(self.intel.everything(now - timedelta(hours=1)))
        asked = self.parts.ask(request.challenge)
        evidence = verify_evidence(asked, self.anchors, now, ChainCache(), collateral=kept)
        assert evidence.genuine, evidence.findings
        return decide(request, evidence, desk.log.state, GOOD, None, now), evidence


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


def failed(decision: Approved | Refused) -> set[tuple[str, str | None]]:
    return {(each.check, each.reason) for each in decision.findings if each.failed}


def test_a_td_with_switches_is_judged_whole(desk: Desk, machine: Machine) -> None:
    decision, evidence = machine.decided(desk)

    assert decision.platform == evidence.cpu.platform_id  # type: ignore[union-attr]
    assert decision.platform.startswith("intel-")
    assert ("cpu: kind of TEE", "tee-not-allowed") in failed(decision)
    assert ("switch: count", "switch-count") in failed(decision)
    caveats = {each.check for each in decision.findings if each.check.startswith("caveat ")}
    assert "caveat ppcie-plaintext-nvlink" in caveats
    assert "caveat no-device-binding-hardware" in caveats


@pytest.mark.parametrize("which", ["platform", "measurement", "switch", "gpu"])
def test_a_revoked_td_platform_measurement_or_device(
    desk: Desk, machine: Machine, which: str
) -> None:
    before, evidence = machine.decided(desk)
    assert not {reason for _, reason in failed(before)} & {"revoked"}
    cpu = evidence.cpu
    assert cpu is not None
    kind, target = {
        "platform": ("platform", str(cpu.platform_id)),
        "measurement": ("measurement", cpu.measurement.hex()),
        "switch": ("platform", evidence.switches[1].device_id),
        "gpu": ("platform", evidence.gpus[0].device_id),
    }[which]
    desk.log.revoke(kind, target)
    decision, _ = machine.decided(desk)
    assert (f"{kind} not revoked", "revoked") in failed(decision)


def test_a_paravisor_is_a_caveat_that_a_policy_accepts_by_name(desk: Desk) -> None:
    paravisor = Paravisor()
    parts = Parts(snp_cpu(simulated(0), paravisor.runtime), paravisor=paravisor)
    request = replace(parts.ask(desk.challenge()), model=desk.digest)
    asked = parts.ask(request.challenge)
    anchors = anchors_of(amd=vendors().roots["amd-sev"])
    evidence = verify_evidence(asked, anchors, desk.clock(), ChainCache())
    accepted = [each.value for each in Caveat if each is not Caveat.PARAVISOR]

    desk.set_policy(gpu={"count": 0})
    decision = decide(request, evidence, desk.log.state, GOOD, None, desk.clock())
    assert isinstance(decision, Approved), failed(decision)
    assert "paravisor" in decision.caveats
    desk.set_policy(gpu={"count": 0}, accepted_caveats=accepted)
    decision = decide(request, evidence, desk.log.state, GOOD, None, desk.clock())
    assert failed(decision) == {("caveat paravisor", "caveat-not-accepted")}
