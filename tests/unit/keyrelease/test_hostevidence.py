"""A keyholder's own machine, judged as a custodian's program judges it."""

import hashlib

import pytest

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.keyrelease.hostevidence import (
    POLICY,
    HostVerdict,
    host_evidence_bytes,
    judge_host,
    unseal_report_data,
)
from keyturn.keyrelease.request import SnpEvidence
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Caveat
from keyturn_sim.node import SimNode
from support.authority import policy_body
from support.fixtures import hsm_worker, system, token_template, vendors
from support.system import GOOD_FIRMWARE, System

__all__ = ["hsm_worker", "system", "token_template", "vendors"]

HOST = b'{"type":"ceremony-host"}'


def shown(sim: SimNode, host: bytes = HOST) -> bytes:
    report = sim.snp_report(unseal_report_data(host))
    return host_evidence_bytes(SnpEvidence(report, **sim.collateral()))


def judge(system: System, raw: bytes | None, host: bytes = HOST) -> HostVerdict:
    return judge_host(raw, host, system.keyholder.journal.state, system.clock())


def failed(verdict: HostVerdict) -> set[str | None]:
    assert not verdict.judged
    return {each.reason for each in verdict.failed}


@pytest.fixture
def asked(system: System) -> System:
    """A policy says what the keyholder's machine must be."""
    system.trust_simulated_roots()
    system.set_baseline(system.sim_node())
    body = policy_body(gpu={"count": 0}, baselines=["firmware"])
    system.enact(Kind.POLICY, POLICY, body)
    return system


def test_a_machine_that_the_policy_wants_is_no_longer_only_trusted(asked: System) -> None:
    verdict = judge(asked, shown(asked.sim_node(gpus=0)))
    assert verdict.judged
    assert not verdict.failed
    assert Caveat.KEYHOLDER_HOST_TRUSTED not in verdict.caveats
    assert Caveat.SIMULATED in verdict.caveats


def test_another_firmware_is_refused(asked: System) -> None:
    other = bytes(each ^ 1 for each in GOOD_FIRMWARE)
    assert failed(judge(asked, shown(asked.sim_node(other, gpus=0)))) == {"measurement-mismatch"}


def test_evidence_over_another_host_key_is_refused(asked: System) -> None:
    raw = shown(asked.sim_node(gpus=0), b'{"type":"ceremony-host","key":"another"}')
    assert failed(judge(asked, raw)) == {"report-data-mismatch"}


def test_no_evidence_or_junk_is_refused_where_a_policy_asks(asked: System) -> None:
    assert failed(judge(asked, None)) == {"evidence-missing"}
    good = shown(asked.sim_node(gpus=0))
    for raw in (b"", b"{}", good[:-1], good.replace(b'"gpus":[]', b'"gpus":[],"x":1')):
        assert failed(judge(asked, raw)) == {"evidence-unreadable"}
    device = dump({"report": b64(b"r"), "chain": [b64(b"c")]})
    more = good.replace(b'"gpus":[]', b'"gpus":[' + device + b"]")
    assert failed(judge(asked, more)) == {"evidence-unreadable"}


def test_a_revoked_measurement_is_refused(asked: System) -> None:
    target = GOOD_FIRMWARE.hex()
    body = {"target_kind": TargetKind.MEASUREMENT.value, "target": target}
    asked.enact(Kind.REVOCATION, f"measurement:{target}", body)
    assert "revoked" in failed(judge(asked, shown(asked.sim_node(gpus=0))))


def test_a_caveat_that_the_policy_does_not_accept_is_refused(asked: System) -> None:
    body = policy_body(gpu={"count": 0}, accepted_caveats=["simulated"])
    asked.enact(Kind.POLICY, POLICY, body)
    assert failed(judge(asked, shown(asked.sim_node(gpus=0)))) == {"caveat-not-accepted"}


def test_a_policy_without_its_baseline_is_met_by_nothing(system: System) -> None:
    system.trust_simulated_roots()
    system.enact(Kind.POLICY, POLICY, policy_body(gpu={"count": 0}, baselines=["missing"]))
    found = failed(judge(system, shown(system.sim_node(gpus=0))))
    assert "reference-values-not-in-force" in found


def test_without_a_policy_it_is_trusted_and_said_so(system: System) -> None:
    system.trust_simulated_roots()
    verdict = judge(system, None)
    assert verdict == HostVerdict(False, (), frozenset({Caveat.KEYHOLDER_HOST_TRUSTED}))
    simulated = judge(system, shown(system.sim_node(gpus=0)))
    assert not simulated.failed
    assert simulated.caveats == {Caveat.KEYHOLDER_HOST_TRUSTED, Caveat.SIMULATED}
    assert failed(judge(system, b"{}")) == {"evidence-unreadable"}


def test_the_report_data_is_as_the_protocol_says() -> None:
    wanted = hashlib.sha512(b"keyturn-unseal-v1" + bytes([0, 0, 0, 4]) + b"host").digest()
    assert unseal_report_data(b"host") == wanted
