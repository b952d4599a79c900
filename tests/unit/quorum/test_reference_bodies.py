"""Baselines: values of TDs, switches and GPUs with where they come from, none of them empty."""

from typing import Any

import pytest

from keyturn.base.errors import MalformedError
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind
from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.reference_bodies import (
    GpuReference,
    ReferenceValues,
    SwitchReference,
    TdxReference,
)
from keyturn.quorum.tee_rules import TdRegister
from unit.quorum.bodies_reader import changed, read_body

MRTD, RTMR0 = "0a" * 48, "0b" * 48
BY_HAND: dict[str, object] = {
    "method": "by-hand",
    "document": None,
    "signer": None,
    "obtained": "2026-11-01T00:00:00Z",
    "until": None,
}
TD: dict[str, object] = {
    "registers": {"mrtd": [MRTD, "0c" * 48], "rtmr0": [RTMR0]},
    "source": "a capture",
}
SWITCH: dict[str, object] = {
    "architecture": "LS10",
    "bios": "96.10",
    "measurements": {"0": ["ab" * 48]},
    "source": "the RIM",
}
GPU: dict[str, object] = {
    "architecture": "GH100",
    "driver": "570.1",
    "vbios": "96.00",
    "measurements": {"0": ["ab" * 48]},
    "source": "the RIM",
}
NOTHING: dict[str, object] = {"snp": {"measurements": []}, "gpu": []}
WHOLE: dict[str, object] = {
    "snp": {"measurements": [{"value": "0f" * 48, "source": "a test", "provenance": BY_HAND}]},
    "gpu": [GPU],
    "tdx": [TD],
    "switches": [SWITCH],
}


def values(body: dict[str, object]) -> ReferenceValues:
    found = read_body(Kind.REFERENCE_VALUES, body)
    assert isinstance(found, ReferenceValues)
    return found


def test_every_value_is_read_with_its_origin() -> None:
    found = values(WHOLE)
    provenance = found.snp["0f" * 48].provenance
    assert provenance is not None
    assert provenance.method is Method.BY_HAND
    assert found.tdx == (
        TdxReference(
            {
                TdRegister.MRTD: frozenset({MRTD, "0c" * 48}),
                TdRegister.RTMR0: frozenset({RTMR0}),
            },
            Origin("a capture"),
        ),
    )
    assert found.switches == (
        SwitchReference("LS10", "96.10", {0: frozenset({"ab" * 48})}, Origin("the RIM")),
    )
    assert found.gpu == (
        GpuReference("GH100", "570.1", "96.00", {0: frozenset({"ab" * 48})}, Origin("the RIM")),
    )


def test_what_a_revocation_may_name_is_of_both_kinds_of_tee() -> None:
    assert values(WHOLE).measurements == {"0f" * 48, MRTD, "0c" * 48}
    assert values({**NOTHING, "gpu": [GPU]}).measurements == frozenset()


@pytest.mark.parametrize(
    "only", [{"tdx": [TD]}, {"switches": [SWITCH]}, {"gpu": [GPU]}, {"snp": WHOLE["snp"]}]
)
def test_values_of_one_kind_are_enough(only: dict[str, object]) -> None:
    assert values({**NOTHING, **only})


def test_no_value_at_all_is_no_baseline() -> None:
    with pytest.raises(MalformedStatement, match="no value at all"):
        values(NOTHING)


@pytest.mark.parametrize("name", ["snp", "gpu"])
def test_the_first_kinds_are_always_written(name: str) -> None:
    with pytest.raises(MalformedError, match="is missing"):
        values(changed(WHOLE, name, ...))


@pytest.mark.parametrize("name", ["tdx", "switches"])
@pytest.mark.parametrize("value", [[], None, {}, "any", [1]])
def test_the_later_ones_are_absent_or_hold_something(name: str, value: object) -> None:
    assert values(changed(WHOLE, name, ...))
    with pytest.raises(MalformedError):
        values(changed(WHOLE, name, value))


REQUIRED = [
    *(f"tdx.0.{name}" for name in TD),
    "tdx.0.registers.mrtd",
    *(f"switches.0.{name}" for name in SWITCH),
    *(f"gpu.0.{name}" for name in GPU),
    "snp.measurements",
    "snp.measurements.0.value",
    "snp.measurements.0.source",
]


@pytest.mark.parametrize("path", REQUIRED)
def test_every_field_is_needed(path: str) -> None:
    with pytest.raises(MalformedError):
        values(changed(WHOLE, path, ...))


@pytest.mark.parametrize(
    "path", ["more", "snp.more", "snp.measurements.0.more", "tdx.0.more", "switches.0.more"]
)
def test_no_other_field_is_there(path: str) -> None:
    with pytest.raises(MalformedError, match="unknown field 'more'"):
        values(changed(WHOLE, path, 1))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("snp.measurements.0.provenance", None),
        ("snp.measurements.0.provenance.method", "rim"),
        ("tdx.0.registers", {}),
        ("tdx.0.registers", []),
        ("tdx.0.registers", {"rtmr0": [RTMR0]}),
        ("tdx.0.registers.mrtd", []),
        ("tdx.0.registers.mrtd", ["0a" * 47]),
        ("tdx.0.registers.mrtd", ["0A" * 48]),
        ("tdx.0.registers.mrtd", [MRTD, MRTD]),
        ("tdx.0.registers.mrtd", MRTD),
        ("tdx.0.registers.rtmr0", []),
        ("tdx.0.registers.rtmr4", [RTMR0]),
        ("tdx.0.registers.mrconfigid", [RTMR0]),
        ("tdx.0.registers.MRTD", [RTMR0]),
        ("tdx.0.source", ""),
        ("switches.0.architecture", ""),
        ("switches.0.bios", None),
        ("switches.0.measurements", {}),
        ("switches.0.measurements", {"255": ["ab"]}),
        ("switches.0.measurements", {"00": ["ab"]}),
        ("switches.0.measurements.0", []),
        ("switches.0.measurements.0", ["AB"]),
        ("switches.0.source", 1),
        ("switches.0.provenance", {}),
    ],
)
def test_another_form_is_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        values(changed(WHOLE, path, value))


@pytest.mark.parametrize(
    ("name", "one", "most"), [("tdx", TD, 256), ("switches", SWITCH, 256), ("gpu", GPU, 256)]
)
def test_there_are_not_too_many(name: str, one: dict[str, object], most: int) -> None:
    many: list[Any] = [one] * most
    assert values({**WHOLE, name: many})
    with pytest.raises(MalformedError, match="is wrong"):
        values({**WHOLE, name: [*many, one]})
