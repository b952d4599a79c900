"""Baselines side by side, and one beside a node."""

from dataclasses import replace

from keyturn.policy.boot_values import TpmChoice
from keyturn.policy.capturing import Choices, captured
from keyturn.policy.comparing import compare, compare_node
from keyturn.policy.shown import Shown
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.tee_rules import TdRegister
from support.golden import NOW, observed, shown, snp_and_gpus, switch, td
from unit.policy.test_baseline_document import whole

OTHER = "0b" * 48
WHOLE_BOOT = TpmChoice(applications=True, authorities=True, variables=frozenset({"PK"}))


def values_of(found: Shown, **choices: object) -> ReferenceValues:
    chosen = Choices(**choices)  # type: ignore[arg-type]
    return captured(observed(found), obtained=NOW, until=None, choices=chosen)


def test_a_baseline_is_the_same_as_itself() -> None:
    rows = compare(whole(), whole())
    assert all(row.same and row.left == row.right for row in rows)
    assert {row.kind for row in rows} == {"snp", "tdx", "gpu", "switch", "tpm"}


def test_what_only_one_side_has_stands_alone() -> None:
    left = ReferenceValues({OTHER: Origin("a")}, ())
    right = ReferenceValues({}, whole().gpu)
    rows = compare(left, right)
    assert (rows[0].kind, rows[0].left, rows[0].right) == ("snp", OTHER, "")
    assert all(not row.same and not row.left for row in rows[1:])
    assert {row.what for row in rows[1:]} >= {"driver", "vbios", "architecture", "measurement 1"}


def test_sets_are_paired_by_what_they_have_in_common() -> None:
    (gpu,) = whole().gpu
    strange = replace(
        gpu, architecture="GB100", driver="1", vbios="2", measurements={7: frozenset({OTHER})}
    )
    newer = replace(gpu, driver="600.1")
    rows = compare(ReferenceValues({}, (strange, gpu)), ReferenceValues({}, (newer, strange)))
    different = [(row.kind, row.what, row.left, row.right) for row in rows if not row.same]
    assert [each[1:] for each in different] == [("driver", gpu.driver, "600.1")]


def test_a_node_beside_the_baseline_that_was_captured_from_it() -> None:
    found = replace(shown(gpus=2, with_tpm=True), switches=(switch(),))
    rows = compare_node(values_of(found, tpm=WHOLE_BOOT), found)
    assert all(row.same for row in rows)
    assert {row.kind for row in rows} == {"snp", "gpu 0", "gpu 1", "switch", "tpm"}


def test_a_node_with_other_firmware_shows_both_values() -> None:
    found = shown()
    cpu, (gpu,) = snp_and_gpus()
    other = replace(
        found,
        cpu=replace(cpu, report=replace(cpu.report, measurement=bytes.fromhex(OTHER))),
        gpus=(replace(gpu, driver="600.1"),),
    )
    wrong = [row for row in compare_node(values_of(found), other) if not row.same]
    assert [(row.kind, row.what) for row in wrong] == [
        ("snp", "launch measurement"),
        ("gpu", "driver"),
    ]
    assert (wrong[0].left, wrong[0].right) == (cpu.measurement.hex(), OTHER)


def test_a_node_of_another_kind_finds_no_values() -> None:
    (row,) = compare_node(values_of(shown()), Shown(td()))
    assert (row.kind, row.what, row.same) == ("tdx", "reference values", False)
    (row,) = compare_node(values_of(Shown(td())), Shown(td()))
    assert (row.what, row.same) == (TdRegister.MRTD.value, True)
