import pytest

from keyturn.cli.bench_rounds import Case, Goal, Series, interleaved, machine


def test_cases_take_turns_after_one_unmeasured_round():
    order = []
    cases = [
        Case("a", 10, lambda: order.append("a"), lambda: order.append("before a")),
        Case("b", 10, lambda: order.append("b")),
    ]
    found = interleaved(cases, 2)
    assert order == ["before a", "a", "b"] * 3
    assert {name: len(series.wall) for name, series in found.items()} == {"a": 2, "b": 2}


def test_a_series_gives_median_and_spread():
    series = Series((1.0, 9.0, 2.0), (3.0, 4.0, 8.0))
    assert series.document() == {
        "median_gb_s": 2.0,
        "min_gb_s": 1.0,
        "max_gb_s": 9.0,
        "median_gb_cpu_s": 4.0,
    }


@pytest.mark.parametrize(("ours", "met"), [(0.7, True), (0.69, False)])
def test_a_goal_compares_medians(ours, met):
    found = {"ours": Series((ours,), (2.0,)), "copy": Series((1.0,), (1.0,))}
    document = Goal("ours", "copy", 0.7).document(found)
    assert (document["ratio"], document["ratio_by_cpu_time"], document["met"]) == (ours, 2.0, met)


def test_the_machine_is_described_without_its_name():
    assert set(machine()) == {"cpu", "usable_cpus", "load_before", "kernel", "python"}
