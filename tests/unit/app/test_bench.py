"""The parts of `keyturn bench app` that can be wrong: figures, fleets, the plan, and the goals."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import typer

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import parse_object
from keyturn.client.inventory import NodeState
from keyturn_app import bench
from keyturn_app.bench.cases import Case, Kind, read_case
from keyturn_app.bench.command import goals, plan
from keyturn_app.bench.figures import Frame, frames_document, memory, quantile, spread
from keyturn_app.bench.invented import SITES, answer, invent, names, spoken

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
MODELS = [digest_of(b"one"), digest_of(b"two")]


def test_quantiles() -> None:
    assert quantile([], 0.5) == 0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 1.0) == 3.0
    assert spread([1.0, 3.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0}


def test_a_frame_of_exactly_33_ms_is_not_over_it() -> None:
    found = frames_document([Frame(33.0, 1.0), Frame(33.01, 1.0), Frame(1.0, 40.0)])
    assert found["frames"] == 3
    assert isinstance(found["wall"], dict)
    assert found["wall"]["over_33_ms"] == 1
    assert found["wall"]["max_ms"] == 33.01
    assert isinstance(found["cpu"], dict)
    assert found["cpu"]["over_33_ms"] == 1


def test_memory_of_a_process() -> None:
    status = "Name:\tx\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\nRssAnon:\t 51200 kB\n"
    assert memory(status) == {
        "rss_mib": 100.0,
        "peak_mib": 200.0,
        "anonymous_mib": 50.0,
        "files_mib": 0.0,
    }


def test_cases_go_to_a_child_and_back() -> None:
    case = Case(Kind.STREAM, 10_000, 1000, 5, arranged=True)
    assert read_case(case.text()) == case
    with pytest.raises(MalformedError):
        read_case('{"kind":"stream"}')


def test_a_fleet_is_the_same_in_every_run() -> None:
    one, two = invent(500, MODELS, 7, NOW), invent(500, MODELS, 7, NOW)
    assert one.nodes == two.nodes
    assert one.leaves == two.leaves
    assert len({each.name for each in one.nodes}) == 500
    assert {each.name[:5] for each in one.nodes} == set(SITES)
    assert all(each.simulated for each in one.nodes)
    places = sorted(each.granted[0] for each in one.nodes if each.granted)
    assert places == list(range(7, 507))


@pytest.mark.parametrize("count", [100, 101, 9999])
def test_names_are_as_many_as_asked_for(count: int) -> None:
    assert len(set(names(count))) == count


def test_a_node_speaks_for_itself_alone() -> None:
    (node, *_rest) = invent(100, MODELS, 0, NOW).nodes
    random = Random(1)
    later = [spoken(node, random, NOW + timedelta(seconds=9)) for _each in range(50)]
    assert {each.name for each in later} == {node.name}
    assert all(each.heard and each.heard > NOW for each in later)
    assert {each.state for each in later} > {NodeState.ATTESTED}


def test_an_answer_is_what_a_server_would_say() -> None:
    fleet = invent(100, MODELS, 0, NOW)
    first = parse_object(answer(fleet.nodes, NOW), limit=1 << 20, what="nodes")
    listed = first.objects("nodes", limit=100)
    assert [each.text("name", limit=64) for each in listed] == [each.name for each in fleet.nodes]


def test_the_plan_has_every_size_at_every_rate() -> None:
    cases = plan([10_000, 100_000], [1000, 5000], 3)
    streams = [each for each in cases if each.kind is Kind.STREAM]
    assert len(streams) == 8
    assert sum(each.arranged for each in streams) == 4
    assert [each.rows for each in cases if each.kind is Kind.REREAD] == [10_000]
    assert len({each.name for each in cases}) == len(cases)


def test_only_what_is_promised_is_a_goal() -> None:
    def frames(rows: int, rate: int, over: int) -> dict[str, object]:
        wall = {"over_33_ms": over}
        return {"rows": rows, "rate": rate, "case": f"{rows} {rate}", "wall": wall, "cpu": wall}

    usable, cpu = {"median": 1999.0}, {"median": 1500.0}
    start = {"usable_ms": usable, "cpu_ms": cpu, "rss_mib": {"median": 201.0}}
    report = {
        "starts": {"app": start},
        "frames": [frames(10_000, 1000, 1), frames(100_000, 1000, 9), frames(10_000, 0, 0)],
    }
    assert [each["met"] for each in goals(report)] == [True, False, False, True]


def test_the_command_is_there_where_qt_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with_qt, without = typer.Typer(), typer.Typer()
    bench.register_bench(with_qt)
    monkeypatch.setattr(bench, "find_spec", lambda _name: None)
    bench.register_bench(without)
    assert [each.name for each in with_qt.registered_commands] == ["app"]
    assert without.registered_commands == []
