"""Policies: every rule is written, and `any` is a word (our protocol §2.6; I6)."""

import pytest

from keyturn.base.collateral import APPRAISED, CollateralKind
from keyturn.base.errors import MalformedError
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import MAX_AGE, Caveat, Policy
from keyturn.quorum.tee_rules import GpuRule, MinTcb, Tee
from support.authority import policy_body, tdx_rule
from unit.quorum.bodies_reader import Document, changed, read_body

BODY = policy_body()


def policy(body: Document) -> Policy:
    found = read_body(Kind.POLICY, body)
    assert isinstance(found, Policy)
    return found


def test_everything_is_read() -> None:
    body = policy_body(
        workloads=["ab" * 32], platforms=["eu", "us"], accepted_caveats=["simulated"]
    )
    tcb = {"fmc": 1, "bootloader": 2, "tee": 3, "snp": 4, "microcode": 255}
    found = policy(changed(body, "snp.min_tcb.Genoa", tcb))

    assert found.snp is not None
    assert found.snp.products == {"Genoa"}
    assert found.snp.min_tcb == {"Genoa": MinTcb(1, 2, 3, 4, 255)}
    assert (found.snp.debug, found.snp.migrate_ma, found.snp.smt) == (False, False, True)
    assert (found.snp.alias_check, found.snp.vlek, found.snp.max_vmpl) == (False, False, 0)
    assert (found.gpu_count, found.baselines, found.lease_seconds) == (1, ("firmware",), 60)
    assert found.workloads == frozenset({"ab" * 32})
    assert found.platforms == ("eu", "us")
    assert found.accepted_caveats == {Caveat.SIMULATED}


@pytest.mark.parametrize("flag", ["debug", "migrate_ma", "smt", "alias_check", "vlek"])
@pytest.mark.parametrize("value", [True, False])
def test_each_flag_is_its_own(flag: str, value: bool) -> None:
    assert getattr(policy(changed(BODY, f"snp.{flag}", value)).snp, flag) is value


def test_any_is_a_word() -> None:
    assert policy(BODY).workloads is None
    assert policy(BODY).platforms is None


@pytest.mark.parametrize("name", ["workloads", "platforms"])
@pytest.mark.parametrize("value", [[], "Any", "", None, ["any", "any"], {}])
def test_nothing_else_means_any(name: str, value: object) -> None:
    with pytest.raises(MalformedError):
        policy(changed(BODY, name, value))


FIELDS = [
    *BODY,
    *(f"snp.{name}" for name in BODY["snp"]),  # type: ignore[attr-defined]
    *(f"snp.min_tcb.Genoa.{name}" for name in ("fmc", "bootloader", "tee", "snp", "microcode")),
    "gpu.count",
]


@pytest.mark.parametrize("path", FIELDS)
def test_every_rule_is_needed(path: str) -> None:
    with pytest.raises(MalformedError, match="is missing"):
        policy(changed(BODY, path, ...))


@pytest.mark.parametrize("path", ["more", "snp.more", "gpu.more", "snp.min_tcb.Genoa.more"])
def test_no_other_rule_is_there(path: str) -> None:
    with pytest.raises(MalformedError, match="unknown field"):
        policy(changed(BODY, path, 0))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tees", []),
        ("tees", ["tdx"]),  # and a rule for SNP, none for TDX
        ("tees", ["snp", "tdx"]),
        ("tees", ["sgx"]),
        ("tees", "snp"),
        ("snp.products", []),
        ("snp.products", ["Genoa", "Milan"]),
        ("snp.products", ["Genoa", "Genoa"]),
        ("snp.min_tcb", {}),
        ("snp.min_tcb.Genoa.snp", 256),
        ("snp.min_tcb.Genoa.snp", -1),
        ("snp.min_tcb.Genoa.snp", True),
        ("snp.debug", 0),
        ("snp.debug", "false"),
        ("snp.max_vmpl", 4),
        ("snp.max_vmpl", None),
        ("gpu.count", -1),
        ("gpu.count", 65),
        ("baselines", []),
        ("baselines", [f"b{n}" for n in range(33)]),
        ("platforms", [f"p{n}" for n in range(17)]),
        ("baselines", ["a", "a"]),
        ("baselines", [""]),
        ("workloads", ["ab" * 31]),
        ("workloads", ["AB" * 32]),
        ("lease_seconds", 4),
        ("lease_seconds", 86_401),
        ("accepted_caveats", ["everything"]),
        ("accepted_caveats", ["simulated", "simulated"]),
        ("accepted_caveats", "any"),
    ],
)
def test_another_form_is_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        policy(changed(BODY, path, value))


def test_the_refusal_says_what_fits() -> None:
    with pytest.raises(MalformedStatement, match="products and min_tcb") as refused:
        policy(changed(BODY, "snp.products", ["Milan"]))
    assert (refused.value.found, refused.value.expected) == ("['Genoa']", "['Milan']")


def test_the_caveats_are_those_of_the_design() -> None:
    """DESIGN I11."""
    assert {caveat.value for caveat in Caveat} == {
        "keyholder-host-trusted",
        "software-assurance",
        "simulated",
        "host-controlled-clock",
        "paravisor",
        "boot-time-only",
        "ppcie-plaintext-nvlink",
        "no-device-binding-hardware",
        "classical-only",
        "no-witness",
        "unlocked-memory",
        "physical-access",
    }


# What may be absent

BOTH = policy_body(
    tees=["snp", "tdx"],
    tdx=tdx_rule(),
    platforms=["eu"],
    sites=["Berlin", "Paris"],
    collateral={"amd-crl": 60, "intel-tcb-info": MAX_AGE},
    evidence_seconds=30,
    witnesses=2,
)
LATER = ("tdx", "sites", "collateral", "evidence_seconds", "witnesses")


def test_a_policy_without_them_asks_as_it_did_before() -> None:
    found = policy(BODY)
    assert (found.tdx, found.sites, found.tpm) == (None, None, None)
    assert (dict(found.collateral), found.evidence_seconds, found.witnesses) == ({}, 120, 0)
    assert found.gpu == GpuRule(1)
    assert found.tees == (Tee.SNP,)


def test_all_of_them_are_read() -> None:
    found = policy(BOTH)
    assert found.tees == (Tee.SNP, Tee.TDX)
    assert found.tdx is not None
    assert found.sites == {"Berlin", "Paris"}
    assert found.collateral == {
        CollateralKind.AMD_CRL: 60,
        CollateralKind.INTEL_TCB_INFO: MAX_AGE,
    }
    assert (found.evidence_seconds, found.witnesses) == (30, 2)


def test_a_policy_for_tds_alone_has_no_rule_for_others() -> None:
    alone = changed(changed(BOTH, "snp", ...), "tees", ["tdx"])
    found = policy(alone)
    assert (found.snp, found.tees) == (None, (Tee.TDX,))
    with pytest.raises(MalformedError, match="unknown field 'snp'"):
        policy(changed(BOTH, "tees", ["tdx"]))
    with pytest.raises(MalformedError, match="unknown field 'tdx'"):
        policy(changed(BOTH, "tees", ["snp"]))
    with pytest.raises(MalformedError, match="'tdx' is missing"):
        policy(changed(BOTH, "tdx", ...))


@pytest.mark.parametrize("name", LATER)
@pytest.mark.parametrize("value", [None, "any", [], {}, -1, True])
def test_each_is_absent_or_as_it_should_be(name: str, value: object) -> None:
    with pytest.raises(MalformedError):
        policy(changed(BOTH, name, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("platforms", "any"),  # and sites of no list
        ("sites", ["Berlin", "Berlin"]),
        ("sites", [""]),
        ("sites", [1]),
        ("collateral", {"amd-chain": 3600}),
        ("collateral", {"nvidia-rim": 3600}),
        ("collateral", {"arm-crl": 3600}),
        ("collateral.amd-crl", 59),
        ("collateral.amd-crl", MAX_AGE + 1),
        ("collateral.amd-crl", None),
        ("evidence_seconds", 4),
        ("evidence_seconds", 121),
        ("witnesses", 101),
    ],
)
def test_another_form_of_them_is_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        policy(changed(BOTH, path, value))


@pytest.mark.parametrize("kind", sorted(APPRAISED, key=lambda each: each.value))
def test_an_age_of_each_kind_that_verifiers_use(kind: CollateralKind) -> None:
    found = policy(changed(BOTH, "collateral", {kind.value: 3600}))
    assert found.collateral == {kind: 3600}
