"""Values that a person writes: their form is checked, and a reason is asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.base.strictjson import Fields
from keyturn.policy.baseline_document import document_of, merged
from keyturn.policy.by_hand import (
    MalformedValue,
    gpu_by_hand,
    origin_by_hand,
    snp_by_hand,
    switch_by_hand,
    tdx_by_hand,
)
from keyturn.quorum.origin import Method
from keyturn.quorum.reference_bodies import parse_reference_values
from keyturn.quorum.tee_rules import TdRegister

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ORIGIN = origin_by_hand("from the vendor's letter of 3 November", NOW, None)
VALUE = "0a1b" * 24


def test_values_by_hand_make_a_body_that_is_read() -> None:
    values = merged(
        merged(snp_by_hand([VALUE.upper()], ORIGIN), tdx_by_hand({TdRegister.MRTD: VALUE}, ORIGIN)),
        merged(
            gpu_by_hand("GH100", "550.1", "96.00", {1: VALUE}, ORIGIN),
            switch_by_hand("LS10", "96.10", {0: VALUE}, ORIGIN),
        ),
    )
    assert parse_reference_values(Fields(document_of(values), "body")) == values
    assert values.snp == {VALUE: ORIGIN}
    assert ORIGIN.source == "by hand: from the vendor's letter of 3 November"
    assert ORIGIN.provenance is not None
    assert (ORIGIN.provenance.method, ORIGIN.provenance.document) == (Method.BY_HAND, None)


@pytest.mark.parametrize("reason", ["", "   ", "because", "         x"])
def test_a_reason_that_says_nothing_is_none(reason: str) -> None:
    with pytest.raises(MalformedValue):
        origin_by_hand(reason, NOW, None)


def test_an_end_before_the_beginning() -> None:
    with pytest.raises(MalformedValue):
        origin_by_hand("a good long reason", NOW, NOW - timedelta(seconds=1))


@pytest.mark.parametrize(
    "value", ["", "0a" * 47, "0a" * 49, "0a" * 32, "zz" * 48, "00" * 48, "0" * 95]
)
def test_what_is_no_launch_measurement(value: str) -> None:
    with pytest.raises(MalformedValue):
        snp_by_hand([value], ORIGIN)


def test_what_is_no_set_of_values() -> None:
    with pytest.raises(MalformedValue):
        tdx_by_hand({TdRegister.RTMR0: VALUE}, ORIGIN)
    with pytest.raises(MalformedValue):
        tdx_by_hand({TdRegister.MRTD: VALUE[:-2]}, ORIGIN)
    with pytest.raises(MalformedValue):
        gpu_by_hand("GH100", "1", "2", {1: "0a" * 20}, ORIGIN)
