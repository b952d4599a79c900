"""What makes two nodes the same to rules: every field that is not a machine's own counts."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from keyturn.attest.snp_report import SnpReport
from keyturn.attest.tdx_quote import TdReport
from keyturn.policy.alike import alike
from keyturn.policy.shown import Shown
from unit.policy.claimed import another_td, td
from unit.policy.test_preview import fleet

OWN = {"report_data", "chip_id", "report_id", "report_id_ma", "r", "s", "signed"}


def other(value: object) -> object:
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return None if value is not None else 1


@pytest.mark.parametrize("name", [each.name for each in fields(SnpReport)])
def test_a_field_of_a_report(name: str) -> None:
    cpu = fleet().cpu
    changed = replace(cpu.report, **{name: other(getattr(cpu.report, name))})
    same = alike(Shown(cpu)) == alike(Shown(replace(cpu, report=changed)))
    assert same == (name in OWN)


@pytest.mark.parametrize("name", [each.name for each in fields(TdReport)])
def test_a_field_of_a_td_report(name: str) -> None:
    changed = another_td(td(), td().pck.ppid, **{name: other(getattr(td().report, name))})
    assert (alike(Shown(td())) == alike(Shown(changed))) == (name == "report_data")


def test_devices_by_what_they_run_and_not_by_which_they_are() -> None:
    gpu = fleet().gpu
    base = alike(Shown(fleet().cpu, (gpu,)))
    report = replace(gpu.report, nonce=bytes(32), signed=b"")
    assert alike(Shown(fleet().cpu, (replace(gpu, report=report, device_id="x"),))) == base
    measured = replace(gpu.report, measurements={0: b"x"})
    for changed in (
        {"driver": "x"},
        {"vbios": "x"},
        {"arch": "x"},
        {"feature": "MPT"},
        {"report": measured},
    ):
        assert alike(Shown(fleet().cpu, (replace(gpu, **changed),))) != base  # type: ignore[arg-type]


def test_numbers_and_ages_of_collateral() -> None:
    cpu = fleet().cpu
    assert alike(Shown(cpu)) != alike(Shown(cpu, gpus_shown=1))
    assert alike(Shown(cpu)) != alike(Shown(cpu, tpm_shown=True))
    later = replace(td().info, issued=td().info.issued + timedelta(days=1))
    assert alike(Shown(td())) != alike(Shown(replace(td(), info=later)))
    assert alike(Shown(cpu)) != alike(Shown(td()))
