"""The bench's nodes differ, and its authority serves some of them."""

from keyturn.cli.bench_attest_fleet import made_fleet
from keyturn.policy.impact import Group, LogPosition
from keyturn.policy.preview import preview
from unit.policy.test_preview import fleet


def test_every_direction_is_in_it() -> None:
    here = fleet()
    made = made_fleet(here.cpu, here.gpu, 200, here.now)
    impact = preview(made.draft, made.state, made.observed, LogPosition(0, "00" * 32), made.now)

    assert len(impact.nodes) == 200
    assert impact.counts[Group.NEWLY]
    assert impact.counts[Group.LOSES]
    assert impact.counts[Group.REFUSED]
    assert len(impact.by_site) == 5


def test_it_is_the_same_in_every_run() -> None:
    here = fleet()
    one, two = (made_fleet(here.cpu, here.gpu, 5, here.now) for _ in range(2))
    assert one.observed == two.observed
