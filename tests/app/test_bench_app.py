"""`keyturn bench app`, short: every kind of case and a start, in processes of their own."""

from pathlib import Path

import pytest

from keyturn_app.bench.cases import Case, Kind
from keyturn_app.bench.command import run_case
from keyturn_app.bench.starts import document, measure_starts


@pytest.mark.parametrize("kind", [Kind.STREAM, Kind.REREAD])
def test_frames_are_measured_of_the_real_page(kind: Kind, tmp_path: Path) -> None:
    rate = 500 if kind is Kind.STREAM else 0
    found = run_case(Case(kind, 300, rate, 1, arranged=True), tmp_path)
    assert found["frames"] > 5
    assert 0 < found["rows_shown"] <= 300
    assert found["wall"]["max_ms"] >= found["wall"]["p50_ms"] > 0
    assert found["memory"]["rss_mib"] > 50
    assert found["yardsticks"]["bare_repaint_ms"] > 0
    if kind is Kind.STREAM:
        assert found["updates_per_second"] > 100
    else:
        assert found["fleets_read"] >= 1


def test_a_start_is_timed_beside_an_empty_window(tmp_path: Path) -> None:
    steps: list[None] = []
    found = measure_starts(1, tmp_path, lambda: steps.append(None))
    assert len(steps) == 4  # the first of each is not measured
    app, empty = document(found["app"]), document(found["empty window"])
    assert app["runs"] == empty["runs"] == 1
    assert found["app"][0].usable_ms >= found["app"][0].first_paint_ms > 0
