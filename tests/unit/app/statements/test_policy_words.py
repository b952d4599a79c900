"""A policy read out: every rule has a sentence, and what is not asked is not said to be."""

from typing import Any

import pytest

from keyturn.base.collateral import CollateralKind
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from keyturn_app.statements.policy_words import document_word, policy_words
from support.authority import policy_body, tdx_rule
from unit.quorum.bodies_reader import read_body
from unit.quorum.every_kind import policy as everything


def words(**changed: Any) -> tuple[str, ...]:
    found = read_body(Kind.POLICY, policy_body(**changed))
    assert isinstance(found, Policy)
    return tuple(policy_words(found, "serving"))


def of_tds(**changed: Any) -> tuple[str, ...]:
    body = {**policy_body(tees=["tdx"], tdx=tdx_rule(**changed))}
    del body["snp"]
    found = read_body(Kind.POLICY, body)
    assert isinstance(found, Policy)
    return tuple(policy_words(found, "serving"))


def test_a_policy_for_snp_says_nothing_of_tds() -> None:
    found = words()
    assert "AMD SEV-SNP on Genoa." in found
    assert not any("TDX" in each or "Intel" in each for each in found)
    assert not any("cosignatures" in each or "NVSwitch" in each for each in found)


def test_a_policy_for_tds_says_nothing_of_snp() -> None:
    found = of_tds()
    assert found[1:5] == (
        "Intel TDX, a TCB that Intel calls: UpToDate.",
        "Intel's TCB evaluation data number at least 0.",
        "No advisory of Intel may stand against the TCB.",
        "No TD under debug.",
    )
    assert "Registers that must be as in one baseline: mrtd." in found
    assert not any("SNP" in each or "VMPL" in each for each in found)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"advisories": "any"}, "Any advisory of Intel may stand against the TCB."),
        ({"advisories": ["INTEL-SA-1"]}, "Advisories that may stand against the TCB: INTEL-SA-1."),
        ({"debug": True}, "A TD under debug is allowed."),
        ({"migratable": True}, "A TD that can be migrated is allowed."),
        ({"sept_ve_disable": False}, "SEPT_VE_DISABLE is not required."),
        ({"dynamic_platform": True}, "A platform with changing packages is allowed."),
        ({"cached_keys": True}, "A platform that caches its keys is allowed."),
        ({"smt": False}, "With TDX, SMT is not allowed."),
        ({"xfam": "00000000000602e7"}, "Processor features within the mask 00000000000602e7."),
        ({"xfam": "any"}, "Any processor features."),
    ],
)
def test_each_rule_of_a_td(changed: dict[str, object], says: str) -> None:
    assert says in of_tds(**changed)


def test_a_service_td_is_named_in_full() -> None:
    (said,) = (each for each in of_tds(service_tds=["5e" * 48]) if "Service" in each)
    assert said.replace(" ", "").count("5e") == 48


def test_everything_that_a_policy_can_say() -> None:
    found = read_body(Kind.POLICY, everything())
    assert isinstance(found, Policy)
    said = tuple(policy_words(found, "serving"))
    for text in (
        "4 NVSwitches are checked.",
        "GPU architecture one of: GH100.",
        "GPU mode one of: PPCIE.",
        "GPU driver one of: 570.1.",
        "GPU VBIOS one of: 96.00.",
        "Of GPUs and NVSwitches only values from signed RIMs count.",
        "A TPM with PCRs of sha256 as in one baseline: 4, 7.",
        "Secure Boot is required.",
        "Boot applications must be known.",
        "UEFI variables that must be known: db.",
        "At a site of: Berlin.",
        "AMD's revocation list at most 86,400 seconds old.",
        "Intel's TCB info at most 3,600 seconds old.",
        "Evidence at most 60 seconds after its challenge.",
        "A release needs cosignatures of 1 witness, or more if the roster says so.",
    ):
        assert text in said


@pytest.mark.parametrize("kind", list(CollateralKind))
def test_every_document_has_a_name_of_its_own(kind: CollateralKind) -> None:
    assert sum(document_word(each) == document_word(kind) for each in CollateralKind) == 1
