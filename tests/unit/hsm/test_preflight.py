import pytest

from keyturn.hsm.preflight import Check, Level, Report
from keyturn.hsm.protocol import Assurance
from keyturn.hsm.tokeninfo import Slot, TokenInfo

INFO = TokenInfo(Slot(0), "label", "maker", "model", "serial", True, False)


@pytest.mark.parametrize(
    ("levels", "worst"),
    [
        ("green green", Level.GREEN),
        ("green amber green", Level.AMBER),
        ("amber red green", Level.RED),
    ],
)
def test_a_report_is_as_good_as_its_worst_check(levels: str, worst: Level) -> None:
    checks = tuple(Check("name", Level(level), "found") for level in levels.split())
    assert Report("module", INFO, Assurance.SOFTWARE, checks).level is worst
