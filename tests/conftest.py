"""What all tests share: where the recorded vectors lie, and that CI skips nothing unseen."""

import os
import re
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest
import typer.testing
from hypothesis import HealthCheck, settings

# No verdict by the clock: a loaded machine is no bug. CI draws the same examples every time.
settings.register_profile(
    "keyturn",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("keyturn")

# A runner makes an application's commands anew at each call, which takes longer than most calls.
typer.testing._get_command = cache(typer.testing._get_command)

ROOT = Path(__file__).resolve().parents[1]
ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")
SLOWEST = Path(__file__).with_name("slowest.txt")


def allowed_skips(text: str) -> list[re.Pattern[str]]:
    """Read the list of skips that CI accepts: `<regular expression of node ids>  # <reason>`.

    Raises ValueError for a line without a reason.
    """
    patterns = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        pattern, mark, reason = line.partition("  # ")
        if not mark or not reason.strip():
            raise ValueError(f"a skip is listed without a reason: {line!r}")
        patterns.append(re.compile(pattern.strip()))
    return patterns


def _refuse_unlisted_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """With CI set, make a failure of a skip that is not listed; expected failures stay."""
    if not report.skipped or hasattr(report, "wasxfail") or not os.environ.get("CI"):
        return
    patterns = allowed_skips(ALLOWED_SKIPS.read_text(encoding="utf-8"))
    if any(each.fullmatch(report.nodeid) for each in patterns):
        return
    found = report.longrepr
    reason = found[2] if isinstance(found, tuple) else str(found)
    report.outcome = "failed"
    report.longrepr = f"skipped under CI, and not listed in {ALLOWED_SKIPS.name}: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_unlisted_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_unlisted_skip(report)
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest come first; within a file, and between others, nothing moves."""
    lines = SLOWEST.read_text(encoding="utf-8").splitlines()
    order = {ROOT / each: place for place, each in enumerate(lines)}
    items.sort(key=lambda each: order.get(each.path, len(lines)))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long values after their argument: keys made at import give each process its own."""
    long_number = isinstance(val, int) and abs(val) >= 2**64
    long_text = isinstance(val, bytes | str) and len(val) > (60 if isinstance(val, str) else 8)
    return argname if long_number or long_text else None


@pytest.fixture(scope="session")
def vectors_dir() -> Path:
    """Recorded evidence: KEYTURN_VECTORS, by default ../shared/vectors beside the checkout.

    Skips where it is absent; with CI set, absence fails.
    """
    path = Path(os.environ.get("KEYTURN_VECTORS") or ROOT.parent / "shared" / "vectors")
    if not (path / "manifest.json").is_file():
        message = "recorded vectors are absent (KEYTURN_VECTORS, by default ../shared/vectors)"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return path
