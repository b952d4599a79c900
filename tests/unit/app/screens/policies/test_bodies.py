"""A policy's body, field by field: it stays one that can be read, and nothing unwritten is set."""

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.quorum.policy_body import Policy, parse_policy
from keyturn_app.screens.policies import bodies
from keyturn_app.screens.policies.bodies import ANY, changed, fresh, get
from support.authority import policy_body


def body() -> JsonObject:
    return bodies.copied(policy_body())  # type: ignore[arg-type]


def parsed(of: JsonObject) -> Policy:
    return parse_policy(Fields(of, "policy body"))


def test_a_new_policy_lets_nobody_in_before_it_is_filled() -> None:
    new = fresh()
    with pytest.raises(MalformedError):
        parsed(new)
    for place, value in (
        ("baselines", ("firmware",)),
        ("workloads", ANY),
        ("platforms", ("eu",)),
    ):
        new = changed(new, place, value)
    policy = parsed(new)
    assert not policy.accepted_caveats
    assert policy.snp is not None
    assert not (policy.snp.debug)
    assert not (policy.snp.migrate_ma)
    assert not (policy.snp.vlek)
    assert not policy.snp.smt
    assert policy.snp.alias_check


def test_the_body_that_was_given_stays_as_it_was() -> None:
    old = body()
    changed(old, "snp.debug", True)
    assert old == policy_body()


def test_a_tee_brings_its_rules_and_takes_them_away() -> None:
    both = changed(body(), "tees", ("snp", "tdx"))
    policy = parsed(both)
    assert policy.tdx is not None
    assert not (policy.tdx.debug)
    assert not (policy.tdx.migratable)
    assert not policy.tdx.advisories
    one = changed(both, "tees", ("tdx",))
    assert "snp" not in one
    assert parsed(one).snp is None


def test_each_product_has_a_floor_and_no_other() -> None:
    two = changed(body(), "snp.products", ("Genoa", "Turin"))
    two = changed(two, "snp.min_tcb.Turin", (1, 2, 3, 4, 5))
    assert bodies.floor(two, "Turin") == (1, 2, 3, 4, 5)
    one = changed(two, "snp.products", ("Turin",))
    rule = parsed(one).snp
    assert rule is not None
    assert set(rule.min_tcb) == {"Turin"}
    assert rule.min_tcb["Turin"].microcode == 5


def test_without_gpus_nothing_is_asked_of_them() -> None:
    asked = changed(changed(body(), "gpu.drivers", ("580.82",)), "gpu.rim", True)
    assert parsed(asked).gpu.drivers == {"580.82"}
    none = changed(asked, "gpu.count", 0)
    assert none["gpu"] == {"count": 0}
    parsed(none)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("gpu.modes", ()),
        ("gpu.vbioses", ()),
        ("gpu.switches", 0),
        ("gpu.rim", False),
        ("sites", ()),
        ("witnesses", 0),
        ("evidence_seconds", 120),
        ("collateral.amd-crl", 0),
        ("tpm", False),
    ],
)
def test_what_says_nothing_is_left_out(place: str, value: bodies.Value) -> None:
    assert changed(body(), place, value) == policy_body()


def test_ages_sites_and_the_tpm() -> None:
    new = changed(body(), "collateral.amd-crl", 86_400)
    new = changed(new, "platforms", ("eu",))
    new = changed(new, "sites", ("Berlin",))
    new = changed(new, "tpm", True)
    policy = parsed(new)
    assert [each.value for each in policy.collateral] == ["amd-crl"]
    assert policy.sites == {"Berlin"}
    assert policy.tpm is not None
    anywhere = changed(new, "platforms", ANY)
    assert get(anywhere, "sites") is None
    parsed(anywhere)


def test_a_level_comes_as_a_text_and_is_a_number() -> None:
    assert get(changed(body(), "snp.max_vmpl", "2"), "snp.max_vmpl") == 2


def test_reading_what_is_absent() -> None:
    assert bodies.texts(body(), "workloads") == ()
    assert bodies.is_any(body(), "workloads")
    assert bodies.number(body(), "snp.debug") == 0
    assert bodies.get(body(), "tees.0") is None
    assert not bodies.flag(body(), "tpm.secure_boot")
