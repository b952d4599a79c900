"""Roles, thresholds, separation from the command line, and what is refused before a signature."""

from pathlib import Path

import pytest
import typer

from keyturn.cli.rosteredits import edit_of
from keyturn.client.rosteredit import RosterEdit
from keyturn.quorum.kinds import Kind, Role
from unit.cli.officer_desk import Desks, make_desks
from unit.cli.test_rostering import ROSTER, approved


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


def test_all_of_it_at_once_comes_into_force(desks: Desks) -> None:
    made = desks.json(
        *("ada", *ROSTER),
        *("--role", "emil:+custodian", "--role", "dora:+custodian"),
        *("--role", "emil:-proposer/+operator"),
        *("--threshold", "policy:3", "--threshold", "model:3"),
        *("--proposer-may-approve", "model", "--proposer-may-not-approve", "revocation"),
        *("--apart", "proposer:auditor", "--require", "custodian:2"),
    )
    body = made["body"]
    assert body["thresholds"]["policy"] == body["thresholds"]["model"] == 3
    assert body["proposer_may_approve"] == ["model"]
    assert body["separation"] == {
        "apart": [["approver", "auditor"], ["auditor", "proposer"]],
        "required": {"custodian": 2},
    }
    roles = {each["id"]: each["roles"] for each in body["officers"]}
    assert roles["emil"] == ["approver", "custodian", "operator"]
    assert roles["ada"] == ["proposer", "approver"]
    assert approved(desks, made["digest"], "bela", "chen", "dora")["in_force"]


def test_a_removal_and_the_threshold_that_it_needs(desks: Desks) -> None:
    refused = desks.as_("ada", *ROSTER, "--remove", "emil", "--remove", "dora")
    assert refused.exit_code == 1
    assert "can never be reached" in refused.stderr
    lower = [f"{kind}:2" for kind in ("roster", "keys", "trust-anchors", "ceremony", "restore")]
    options = [word for each in lower for word in ("--threshold", each)]
    made = desks.json("ada", *ROSTER, "--remove", "emil", "--remove", "dora", *options)
    assert len(made["body"]["officers"]) == 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--threshold", "policy:5"), "can never be reached"),
        (("--role", "emil:+custodian"), "the only custodian"),
        (("--role", "emil:+auditor"), "two roles that must differ"),
        (("--require", "witness:1"), "too few officers with the role witness"),
        (("--role", "zoe:+auditor"), "no such officer"),
        (("--remove-key", "00" * 32), "no such key"),
    ],
)
def test_what_the_rules_forbid_reaches_no_server(
    desks: Desks, options: tuple[str, ...], says: str
) -> None:
    before = len(desks.json("ada", "proposal", "list")["proposals"])
    refused = desks.as_("ada", *ROSTER, *options)
    assert refused.exit_code == 1
    assert says in refused.stderr
    assert len(desks.json("ada", "proposal", "list")["proposals"]) == before


def test_only_a_roster_has_rules(desks: Desks) -> None:
    options = ("--reason", "x", "--threshold", "policy:3")
    refused = desks.as_("ada", "proposal", "new", "policy", *options)
    assert refused.exit_code == 2


@pytest.mark.parametrize(
    "given",
    [
        {"roles": ["emil"]},
        {"roles": ["emil:+auditor/"]},
        {"roles": ["emil:+auditor/approver"]},
        {"roles": ["emil:auditor"]},
        {"roles": [":+auditor"]},
        {"roles": ["emil:+king"]},
        {"roles": ["emil:+auditor", "emil:-auditor"]},
        {"thresholds": ["policy"]},
        {"thresholds": ["policy:-1"]},
        {"thresholds": ["policy:x"]},
        {"thresholds": ["party:2"]},
        {"thresholds": ["policy:2", "policy:3"]},
        {"thresholds": ["policy:1000"]},
        {"may": [Kind.POLICY], "may_not": [Kind.POLICY]},
        {"apart": ["auditor"]},
        {"apart": ["auditor:auditor"]},
        {"apart": ["auditor:approver"], "together": ["approver:auditor"]},
        {"require": ["custodian"]},
        {"keys": ["00"]},
        {"keys": ["G0" * 32]},
    ],
)
def test_what_is_not_said_well(given: dict[str, list[str]]) -> None:
    nothing: dict[str, object] = dict.fromkeys(
        ("roles", "thresholds", "may", "may_not", "apart", "together", "require", "keys")
    )
    with pytest.raises(typer.BadParameter):
        edit_of(**{**nothing, **given})  # type: ignore[arg-type]
    assert edit_of(**nothing) == RosterEdit()  # type: ignore[arg-type]


def test_what_is_said_is_what_is_meant() -> None:
    found = edit_of(
        ["ada:-proposer"], ["policy:3"], [Kind.MODEL], None, ["proposer:auditor"], None, None, None
    )
    assert found.roles == {("ada", Role.PROPOSER): False}
    assert found.thresholds == {Kind.POLICY: 3}
    assert found.apart == {frozenset({Role.PROPOSER, Role.AUDITOR}): True}
