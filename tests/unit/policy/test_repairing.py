"""Repairs as values."""

from keyturn.policy.repairing import (
    Draft,
    ProposeBaseline,
    Repair,
    RestartNode,
    Risk,
    UpdateFirmware,
    Why,
)
from keyturn.quorum.kinds import Kind


def test_only_a_repair_that_proposes_a_statement_has_a_draft() -> None:
    draft = Draft(Kind.REFERENCE_VALUES, "firmware", {})
    assert Repair(ProposeBaseline(draft), Risk.KNOWN_GOOD, Why.GENUINE).draft is draft
    assert Repair(RestartNode(), Risk.NOTHING, Why.NOTHING_CHANGES).draft is None
    assert Repair(UpdateFirmware(), Risk.MACHINE, Why.KNOWN_GAP).draft is None


def test_risks_stand_in_their_order() -> None:
    assert [each.name for each in Risk] == ["NOTHING", "MACHINE", "RENEWAL", "KNOWN_GOOD", "RULE"]
