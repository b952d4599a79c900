"""Names on the wire: kinds, roles and targets (our protocol §2.1, §2.6; DESIGN §6)."""

import pytest

from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, Role, TargetKind, kind_of, payload_type

KINDS = [
    "roster",
    "keys",
    "policy",
    "reference-values",
    "platforms",
    "trust-anchors",
    "model",
    "ceremony",
    "revocation",
    "restore",
]


@pytest.mark.parametrize("name", KINDS)
def test_a_payload_type_names_its_kind(name: str) -> None:
    type_name = f"application/vnd.keyturn.{name}.v1+json"

    assert payload_type(name) == type_name
    assert kind_of(type_name).value == name


@pytest.mark.parametrize(
    "type_name",
    [
        "",
        "policy",
        "application/vnd.keyturn.approval.v1+json",
        "application/vnd.keyturn.policy.v2+json",
        "application/vnd.keyturn.policy.v1+json ",
        "application/vnd.keyturn..v1+json",
        "APPLICATION/vnd.keyturn.policy.v1+json",
        "application/vnd.keyturn.v1+json",
    ],
)
def test_no_other_payload_type_is_a_statement(type_name: str) -> None:
    with pytest.raises(MalformedStatement, match="not a kind"):
        kind_of(type_name)


def test_the_kinds_and_roles_are_the_designs() -> None:
    assert [kind.value for kind in Kind] == KINDS
    roles = {"proposer", "approver", "custodian", "operator", "auditor", "witness"}
    assert {role.value for role in Role} == roles
    targets = {"node", "platform", "model", "measurement", "policy"}
    assert {target.value for target in TargetKind} == targets


def test_no_default_lets_one_person_decide_but_to_revoke() -> None:
    """I3; DESIGN §6: 2 for four kinds, 3 for five, 1 for revocation."""
    by_count: dict[int, set[str]] = {1: set(), 2: set(), 3: set()}
    for kind, count in DEFAULT_THRESHOLDS.items():
        by_count[count].add(kind.value)
    assert by_count == {
        1: {"revocation"},
        2: {"policy", "reference-values", "platforms", "model"},
        3: {"roster", "keys", "trust-anchors", "ceremony", "restore"},
    }
