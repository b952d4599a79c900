"""What a policy demands less of is pointed at, each thing by itself; what is stricter is not."""

from typing import Any

import pytest

from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from keyturn_app.screens.approvals.outcome import Outcome
from keyturn_app.screens.approvals.policy_cautions import policy_cautions
from support.authority import policy_body, tdx_rule
from unit.quorum.bodies_reader import read_body

GPU: dict[str, object] = {"count": 2, "switches": 2}


def policy(tdx: dict[str, Any] | None = None, **changed: Any) -> Policy:
    both = {"tees": ["snp", "tdx"], "tdx": tdx_rule(**(tdx or {}))}
    body = policy_body(workloads=["cd" * 32], platforms=["hall"], accepted_caveats=[])
    found = read_body(Kind.POLICY, {**body, **both, **changed})
    assert isinstance(found, Policy)
    return found


def said(now: Policy, before: Policy | None = None) -> list[str]:
    found = policy_cautions(now, before)
    return [each.text for each in found if each.outcome is Outcome.WARNING]


def test_a_strict_policy_is_pointed_at_by_nothing() -> None:
    assert said(policy()) == []
    assert said(policy(), policy()) == []


@pytest.mark.parametrize(
    ("tdx", "says"),
    [
        ({"debug": True}, "TDs under debug are allowed: the host can read their memory"),
        ({"migratable": True}, "TDs that can be migrated are allowed"),
        ({"service_tds": ["5e" * 48]}, "Service TDs may be bound"),
        (
            {"sept_ve_disable": False},
            "The host may raise exceptions in TDs on memory of its choice",
        ),
        ({"advisories": "any"}, "Any advisory of Intel is accepted"),
        (
            {"tcb_statuses": ["UpToDate", "OutOfDate"]},
            "Firmware that Intel calls out of date is accepted",
        ),
    ],
)
def test_what_is_wide_by_itself(tdx: dict[str, Any], says: str) -> None:
    assert said(policy(tdx)) == [says]


WEAKER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"tdx": {"tcb_statuses": ["UpToDate"]}},
        {"tdx": {"tcb_statuses": ["UpToDate", "SWHardeningNeeded"]}},
        "A weaker TCB of Intel's would pass",
    ),
    (
        {"tdx": {"min_evaluation_number": 19}},
        {"tdx": {"min_evaluation_number": 18}},
        "Older collateral of Intel would pass",
    ),
    (
        {"tdx": {"advisories": ["INTEL-SA-1"]}},
        {"tdx": {"advisories": ["INTEL-SA-1", "INTEL-SA-2"]}},
        "More advisories of Intel would be accepted",
    ),
    (
        {"tdx": {"advisories": ["INTEL-SA-1"]}},
        {"tdx": {"advisories": "any"}},
        "More advisories of Intel would be accepted",
    ),
    (
        {"tdx": {"service_tds": ["5e" * 48]}},
        {"tdx": {"service_tds": ["5e" * 48, "5f" * 48]}},
        "More service TDs could be bound",
    ),
    (
        {"tdx": {"registers": ["mrtd", "rtmr1"]}},
        {"tdx": {"registers": ["mrtd"]}},
        "Registers of a TD would be compared no more",
    ),
    ({"tdx": {"smt": False}}, {"tdx": {"smt": True}}, "With TDX, SMT would be allowed"),
    (
        {"tdx": {}},
        {"tdx": {"dynamic_platform": True}},
        "Platforms with changing packages would pass",
    ),
    ({"tdx": {}}, {"tdx": {"cached_keys": True}}, "Platforms that cache their keys would pass"),
    (
        {"tdx": {"xfam": "00000000000602e7"}},
        {"tdx": {"xfam": "00000000000602ef"}},
        "More processor features would pass",
    ),
    (
        {"tdx": {"xfam": "00000000000602e7"}},
        {"tdx": {"xfam": "any"}},
        "More processor features would pass",
    ),
    ({"gpu": GPU}, {"gpu": {**GPU, "switches": 1}}, "Fewer NVSwitches are checked"),
    ({"gpu": GPU}, {"gpu": {**GPU, "count": 1}}, "Fewer GPUs are checked"),
    (
        {"gpu": {**GPU, "rim": True}},
        {"gpu": GPU},
        "Values need not come from signed RIMs any more",
    ),
    *(
        (
            {"gpu": {**GPU, name: [one]}},
            {"gpu": wider},
            text,
        )
        for name, one, other, text in (
            ("architectures", "GH100", "GB100", "More GPU architectures would pass"),
            ("modes", "PPCIE", "MPT", "More GPU modes would pass"),
            ("drivers", "570.1", "570.2", "More GPU drivers would pass"),
            ("vbioses", "96.00", "96.01", "More GPU VBIOSes would pass"),
        )
        for wider in ({**GPU, name: [one, other]}, GPU)
    ),
    ({"sites": ["Berlin"]}, {"sites": ["Berlin", "Paris"]}, "Machines at more sites would pass"),
    ({"sites": ["Berlin"]}, {}, "Machines at more sites would pass"),
    (
        {"collateral": {"amd-crl": 60}},
        {"collateral": {"amd-crl": 61}},
        "An older document would pass: AMD's revocation list",
    ),
    (
        {"collateral": {"amd-crl": 60, "nvidia-ocsp": 60}},
        {"collateral": {"nvidia-ocsp": 60}},
        "Vendors' documents would be asked for no more",
    ),
    ({"collateral": {"amd-crl": 60}}, {}, "Vendors' documents would be asked for no more"),
    ({"evidence_seconds": 30}, {"evidence_seconds": 31}, "Older evidence would pass"),
    ({"evidence_seconds": 30}, {}, "Older evidence would pass"),
    ({"witnesses": 2}, {"witnesses": 1}, "A release would need fewer witnesses"),
    ({"witnesses": 2}, {}, "A release would need fewer witnesses"),
]


@pytest.mark.parametrize(("before", "now", "says"), WEAKER)
def test_each_demand_that_grows_weaker(
    before: dict[str, Any], now: dict[str, Any], says: str
) -> None:
    alone, compared = said(policy(**now)), said(policy(**now), policy(**before))
    assert [text for text in compared if text not in alone] == [says]


@pytest.mark.parametrize(("now", "before", "says"), WEAKER)
def test_what_grows_stricter_is_not_pointed_at(
    before: dict[str, Any], now: dict[str, Any], says: str
) -> None:
    assert says not in said(policy(**now), policy(**before))


def test_another_kind_of_tee_is_pointed_at() -> None:
    alone = read_body(Kind.POLICY, policy_body(platforms=["hall"], workloads=["cd" * 32]))
    assert isinstance(alone, Policy)
    assert "More kinds of TEE would pass" in said(policy(), alone)
    assert "More kinds of TEE would pass" not in said(alone, policy())
