import pytest

from keyturn.base.strictjson import Fields
from keyturn.cli import bench_release_yardsticks as yardsticks
from keyturn.cli.bench_release_report import (
    CASES,
    CONNECTIONS,
    OFFERED,
    WAITING,
    Case,
    Found,
    Measured,
    goals,
    report_of,
    show,
)
from keyturn.cli.bench_release_yardsticks import Times

NAMES = (
    yardsticks.SNP_BARE,
    yardsticks.SNP_KNOWN,
    yardsticks.SNP_BARE_NEW,
    yardsticks.SNP_NEW,
    yardsticks.GPU_BARE,
    yardsticks.GPU_KNOWN,
    yardsticks.HSM_RELEASE,
    yardsticks.HSM_RESULT,
    yardsticks.HSM_LOG,
    yardsticks.FSYNC,
)


def result(milliseconds, total_ms, load_cpu_ms=1):
    return Fields(
        {
            "latency_us": [1000 * each for each in milliseconds],
            "total_us": 1000 * total_ms,
            "cpu_us": 1000 * load_cpu_ms,
        },
        "result",
    )


@pytest.fixture
def measured():
    """Every case: ten releases in 20 ms, 10 ms each, 5 ms of CPU time; every yardstick: 1 ms."""
    made = Measured(challenges=[0.5])
    for case in CASES:
        made.cases[case.name].add(result([10] * 10, 20), 0.05)
    for name in NAMES:
        made.alone[name] = Times([1.0], [1.0])
    return made


def judged(measured):
    return {goal.what: goal.met for goal in goals(measured)}


def test_a_round_gives_rate_latency_and_cpu_time():
    found = Found()
    found.add(result([1, 2, 3, 94], 200, load_cpu_ms=2), 0.016)
    document = found.document()
    assert document["per_second"] == 20
    assert (document["p50_ms"], document["p99_ms"]) == (3, 94)
    assert (document["keyholder_cpu_ms"], document["load_cpu_ms"]) == (4, 0.5)
    assert document["per_second_by_cpu_time"] == 500


def test_cpu_time_too_short_to_be_counted_is_one_step_of_the_count():
    found = Found()
    found.add(result([1, 1], 10), 0.0)
    assert found.document()["keyholder_cpu_ms"] == 5


def test_rates_are_medians_of_rounds_with_their_spread():
    found = Found()
    for total in (100, 200, 1000):
        found.add(result([1] * 10, total), 0.05)
    document = found.document()
    assert (document["per_second"], document["per_second_min"]) == (50, 10)
    assert document["per_second_max"] == 100


def test_all_goals_are_met_when_everything_is_fast(measured):
    assert all(judged(measured).values())
    assert len(judged(measured)) == 5


def test_too_few_releases_a_second_miss_the_goal_of_their_kind_only(measured):
    for connections in CONNECTIONS:
        found = measured.cases[Case("cpu", connections).name]
        found.rates[:] = [249.0]
    missed = {what for what, met in judged(measured).items() if not met}
    assert missed == {"cpu: releases a second"}


def test_the_best_number_of_connections_counts(measured):
    for connections in CONNECTIONS[:-1]:
        measured.cases[Case("cpu", connections).name].rates[:] = [1.0]
    assert judged(measured)["cpu: releases a second"]


def test_one_slow_release_in_ten_misses_the_p99(measured):
    offered = Case("cpu+gpu", WAITING, rate=OFFERED)
    measured.cases[offered.name].latencies[0] = 50.1
    assert not judged(measured)["cpu+gpu: p99 ms, 250/s offered"]


def test_slow_verification_misses_its_goal(measured):
    measured.alone[yardsticks.SNP_KNOWN].cpu[:] = [1.51]
    assert not judged(measured)["SNP: verification / bare, CPU time"]


def test_the_report_shows_every_figure_that_people_see(measured, capsys):
    report = report_of({"requests": 10, "nodes": 1, "hsm_workers": 1, "machine": {}}, measured)
    assert report["rounds"] == 1
    assert report["shares"]["CPU time / bare signature check"] == 5
    show(report, measured)
    shown = capsys.readouterr().out
    assert "releases a second" in shown
    assert "≥ 250" in shown
