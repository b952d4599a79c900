"""Policies: every rule is written, and `any` is a word (our protocol §2.6; I6)."""

import pytest

from keyturn.base.errors import MalformedError
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.tee_rules import MinTcb
from support.authority import policy_body
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
        ("tees", ["tdx"]),
        ("tees", ["snp", "tdx"]),
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
