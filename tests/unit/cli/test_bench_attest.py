"""`keyturn bench attest`: figures are ratios of one run's medians."""

from pathlib import Path

import typer
from typer.testing import CliRunner

from keyturn.cli.bench_attest import (
    _bare,
    _both,
    _figures,
    _first,
    _new,
    _show,
    _turns,
    register_bench,
)
from keyturn.cli.bench_attest_cases import Kept, Verification
from keyturn.cli.bench_release_yardsticks import Times
from keyturn.cli.output import stdout

ONE = Verification("SNP", "report", lambda: 1, lambda: 2, lambda: 3)
FIRST = {_new("SNP"): Times([9.0], [8.0])}


def test_a_ratio_is_of_medians_of_cpu_time() -> None:
    times = {"SNP": Times([9.0], [1.0, 3.0, 9.0]), _bare("SNP"): Times([9.0], [2.0, 2.0, 2.0])}
    times |= FIRST
    found = _figures(ONE, times)
    assert (found["ratio"], found["met"], found["per_second"]) == (1.5, True, 333)
    assert (found["bare"], found["new_cpu_p50_ms"]) == ("report", 8.0)
    assert [each.act() for each in (*_both(ONE), _first(ONE))] == [1, 2, 3]


def test_kinds_are_measured_apart_or_in_turn() -> None:
    assert [len(each) for each in _turns([ONE, ONE], mixed=False)] == [2, 2]
    assert [len(each) for each in _turns([ONE, ONE], mixed=True)] == [4]


def test_what_is_kept_is_kept_across_verifications_of_one_kind() -> None:
    seen: list[Kept] = []
    made = Verification.of("SNP", "report", seen.append, lambda: None)
    for act in (made.whole, made.whole, made.new, made.new):
        act()
    assert seen[0] is seen[1]
    assert len({id(each.cache) for each in seen}) == 3


def test_what_is_not_met_is_said() -> None:
    times = {"SNP": Times([9.0], [4.0]), _bare("SNP"): Times([9.0], [2.0])}
    times |= FIRST
    impact = {"met": False, "seconds": 9, "cpu_seconds": 8}
    with stdout.capture() as text:
        _show({"SNP": _figures(ONE, times)}, impact, 10)
    assert "NO" in text.get()
    assert "NOT met" in text.get()


def test_vectors_that_are_not_there(tmp_path: Path) -> None:
    app = typer.Typer()
    register_bench(app)
    app.command("other")(lambda: None)
    done = CliRunner().invoke(app, ["attest", str(tmp_path / "manifest.json")])
    assert done.exit_code == 1
