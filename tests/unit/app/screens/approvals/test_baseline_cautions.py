"""Of a baseline: values that say too little, that end, and that the version before did not have."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.quorum.kinds import Kind
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn_app.screens.approvals.baseline_cautions import ENDS_SOON, baseline_cautions
from unit.quorum.bodies_reader import changed, read_body
from unit.quorum.every_kind import CAPTURED, baseline

NOW = datetime(2026, 11, 29, tzinfo=UTC)
UNTIL = datetime(2027, 11, 1, tzinfo=UTC)  # of CAPTURED
BY_HAND: dict[str, object] = {**CAPTURED, "method": "by-hand", "document": None}


def values(body: dict[str, object]) -> ReferenceValues:
    found = read_body(Kind.REFERENCE_VALUES, body)
    assert isinstance(found, ReferenceValues)
    return found


def one(provenance: object = CAPTURED) -> dict[str, object]:
    value: dict[str, object] = {"value": "0f" * 48, "source": "a test", "provenance": provenance}
    if provenance is None:
        del value["provenance"]
    return {"snp": {"measurements": [value]}, "gpu": []}


def said(
    now: dict[str, object], before: dict[str, object] | None = None, at: datetime = NOW
) -> list[str]:
    known = None if before is None else values(before)
    return [each.text for each in baseline_cautions(values(now), known, at)]


def test_a_value_with_its_provenance_is_pointed_at_by_nothing() -> None:
    assert said(one()) == []
    assert said(one(), one()) == []


def test_a_value_without_provenance_or_by_hand_is_pointed_at_once() -> None:
    assert said(one(None)) == ["1 value without provenance: only its source is said"]
    assert said(one(BY_HAND)) == ["1 value by hand"]
    assert said(one(None), one(None)) == []
    assert said(one(BY_HAND), one(BY_HAND)) == []
    assert said(one(BY_HAND), one()) == ["1 value by hand"]


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (ENDS_SOON + timedelta(seconds=1), []),
        (ENDS_SOON, ["1 value ends soon"]),
        (timedelta(seconds=1), ["1 value ends soon"]),
        (timedelta(0), ["1 value counts no more"]),
    ],
)
def test_a_value_that_ends(left: timedelta, says: list[str]) -> None:
    assert said(one(), one(), UNTIL - left) == says


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("snp.measurements.0.value", "1f" * 48, "Measurements that come"),
        ("tdx.0.registers.mrtd", ["1a" * 48], "Measurements that come"),
        ("tdx.0.registers.rtmr1", ["1b" * 48], "1 other TD"),
        ("gpu.0.driver", "570.2", "1 other GPU firmware"),
        ("switches.0.bios", "96.11", "1 other NVSwitch firmware"),
        ("tpm.0.applications", ["ac" * 32], "1 other boot of a TPM"),
    ],
)
def test_each_kind_of_value_that_comes(path: str, value: object, says: str) -> None:
    whole = baseline()
    assert said(whole, whole) == []
    assert says in said(changed(whole, path, value), whole)
