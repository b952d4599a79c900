"""`make test` counts truthfully: what it prints is what pytest reported, and silence is failure."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

import run_suites
from conftest import allowed_skips
from run_suites import Counts, read_counts, table
from support.fuzzing import examples

ROOT = Path(__file__).resolve().parents[2]


def junit(path: Path, **counts: int) -> Path:
    attributes = " ".join(f'{name}="{value}"' for name, value in counts.items())
    path.write_text(f"<testsuites><testsuite {attributes}></testsuite></testsuites>")
    return path


def test_counts_are_read_from_the_report(tmp_path: Path) -> None:
    report = junit(tmp_path / "r.xml", tests=10, failures=2, errors=1, skipped=3)
    assert read_counts("unit", report, 1, 1.5) == Counts("unit", 4, 3, 3, 1.5)


@pytest.mark.parametrize("status", [2, 3, 4, 5, -9])
def test_a_run_that_ends_badly_is_never_green(tmp_path: Path, status: int) -> None:
    report = junit(tmp_path / "r.xml", tests=10, failures=0, errors=0, skipped=0)
    assert read_counts("unit", report, status, 0).failed == 1


@pytest.mark.parametrize("content", [None, "", "<testsuites", "<testsuites/>"])
def test_a_run_without_a_report_is_a_failure(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "r.xml"
    if content is not None:
        path.write_text(content)
    assert read_counts("unit", path, 0, 0) == Counts("unit", 0, 1, 0, 0)


def test_the_last_line_counts_the_whole_run() -> None:
    text = table([Counts("unit", 5, 1, 2, 1.0), Counts("flows", 3, 0, 0, 2.0)])
    assert text.splitlines()[-1] == "8 passed, 1 failed, 2 skipped"
    assert "flows" in text


def test_a_suite_without_tests_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_suites, "ROOT", tmp_path)
    monkeypatch.setattr(run_suites, "RESULTS", tmp_path)
    assert run_suites.run_suite("flows").failed == 1


def test_an_unknown_suite_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_suites.main(["units"]) == 2
    assert "no such suite: units" in capsys.readouterr().out


def test_what_runs_beside_is_shown_whole_and_counted_in_order(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    halfway, ended = Event(), Event()

    def run_checks(output: int | None = None) -> Counts:
        run_suites.show("checks begin", output)
        halfway.set()
        assert ended.wait(30)
        run_suites.show("checks end", output)
        return Counts("checks", 4, 0, 0, 1.0)

    def run_suite(name: str, output: int | None = None) -> Counts:
        if name == "unit":
            assert halfway.wait(30)
        run_suites.show(f"== {name}", output)
        if name == "unit":
            ended.set()
        return Counts(name, 1, int(name == "demo"), 0, 1.0)

    monkeypatch.setattr(run_suites, "run_checks", run_checks)
    monkeypatch.setattr(run_suites, "run_suite", run_suite)
    assert run_suites.main([]) == 1
    said = capfd.readouterr().out
    assert "checks begin\nchecks end\n" in said
    assert said.index("== unit") < said.index("checks begin")
    rows = [each.split()[0] for each in said[said.index("suite ") :].splitlines()[1:-2]]
    assert rows == ["checks", *run_suites.SUITES]
    assert said.splitlines()[-1] == "11 passed, 1 failed, 0 skipped"


def test_what_a_suite_beside_prints_goes_into_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_suites, "CHECKS", {"good": ("-c", "print('well')"), "bad": ("-c", "x")})
    path = tmp_path / "checks"
    counts = run_suites.captured(run_suites.run_checks, path)
    assert (counts.passed, counts.failed) == (1, 1)
    assert capfd.readouterr() == ("", "")
    found = path.read_text()
    assert found.startswith("== good\nwell\n== bad\n")
    assert "NameError" in found


def test_temporary_files_lie_in_memory_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_suites, "ROOM", 1)
    with run_suites.temporary_files(tmp_path) as (environment, options):
        (made,) = tmp_path.iterdir()
        assert environment["TMPDIR"] == str(made)
        assert options == [f"--basetemp={made}/t"]
        (made / "t").mkdir()
    assert list(tmp_path.iterdir()) == []
    with run_suites.temporary_files(tmp_path / "none") as (environment, options):
        assert (environment, options) == (dict(os.environ), [])
    monkeypatch.setattr(run_suites, "ROOM", 1 << 62)
    with run_suites.temporary_files(tmp_path) as (environment, options):
        assert (environment, options) == (dict(os.environ), [])


def test_the_slowest_files_are_there() -> None:
    lines = (ROOT / "tests" / "slowest.txt").read_text().splitlines()
    named = [each for each in lines if not each.startswith("#")]
    assert named
    assert [each for each in named if not (ROOT / each).is_file()] == []


# Skips


def test_a_listed_skip_needs_a_reason() -> None:
    (pattern,) = allowed_skips("# note\n\ntests/unit/x\\.py::.*  # no TPM there\n")
    assert pattern.fullmatch("tests/unit/x.py::test_a[1]")
    for text in ("tests/x.py::test_a", "tests/x.py  # "):
        with pytest.raises(ValueError, match="without a reason"):
            allowed_skips(text)


SAMPLE = """
import pytest

def test_runs(): assert True

def test_skips(): pytest.skip("no TPM")

@pytest.mark.skipif(True, reason="no GPU")
def test_marked(): pass

@pytest.mark.xfail(strict=True, reason="known")
def test_expected(): assert False

def test_needs_vectors(vectors_dir): pass
"""


def counts_of_sample(tmp_path: Path, allowed: str, **environment: str) -> str:
    """The last line of a pytest run over SAMPLE with this project's own conftest."""
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tests / "allowed_skips.txt").write_text(allowed)
    (tests / "slowest.txt").write_text("# none\n")
    (tests / "test_sample.py").write_text(SAMPLE)
    (tests / "test_whole.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CI", "PYTEST", "KEYTURN"))}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--continue-on-collection-errors",
            "--rootdir",
            str(tmp_path),
            str(tests),
        ],
        cwd=tmp_path,
        env=keep | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_outside_ci_a_skip_is_a_skip(tmp_path: Path) -> None:
    text = counts_of_sample(tmp_path, "")
    assert "1 passed, 4 skipped, 1 xfailed" in text


def test_under_ci_an_unlisted_skip_fails_and_says_why(tmp_path: Path) -> None:
    text = counts_of_sample(tmp_path, "", CI="true")
    assert "skipped under CI, and not listed in allowed_skips.txt" in text
    assert "no TPM" in text
    assert " skipped" not in text.splitlines()[-1]


def test_under_ci_a_listed_skip_stays_a_skip(tmp_path: Path) -> None:
    allowed = "tests/test_sample\\.py::test_(skips|marked)  # no such hardware there\n"
    allowed += "tests/test_whole\\.py  # optional module\n"
    text = counts_of_sample(tmp_path, allowed, CI="true")
    last = text.splitlines()[-1]
    assert "1 passed" in last
    assert "3 skipped" in last
    assert "1 error" in last, "the absent vectors"
    assert "recorded vectors are absent" in text


def test_goldens_are_written_anew_without_a_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_given: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(run_suites.subprocess, "run", run)
    assert run_suites.main(["--update-goldens"]) == 0
    assert all((ROOT / each).is_file() for each in asked[0][-2:])
    assert "--update-goldens" in asked[0]


def test_long_fuzzing_draws_more_and_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEYTURN_FUZZ_TIMES", raising=False)
    monkeypatch.setitem(run_suites.SUITES, "fuzz", run_suites.SUITES["fuzz"])
    ran: list[tuple[str, str | None, tuple[str, ...]]] = []

    def run_suite(name: str, output: int | None) -> Counts:
        times = os.environ.get("KEYTURN_FUZZ_TIMES")
        ran.append((name, times, tuple(run_suites.SUITES[name])))
        return Counts(name, 1, 0, 0, 0.0)

    monkeypatch.setattr(run_suites, "run_suite", run_suite)
    assert run_suites.main(["fuzz", "--long"]) == 0
    ((name, times, options),) = ran
    assert (name, times) == ("fuzz", "50")
    assert "--timeout=7200" in options
    assert examples(100) == 5000
    monkeypatch.setenv("KEYTURN_FUZZ_TIMES", "3")
    assert examples(100) == 300
