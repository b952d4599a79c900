"""How much of one name becomes log entries: nobody's refusals or decisions may fill the log."""

from datetime import UTC, datetime, timedelta

PER_HOUR = 60
"""Refusals of one platform; reports of the control plane."""
DECISIONS_PER_DAY = 200
"""Of one officer; so many withdrawals besides."""
MAX_PLATFORMS = 4096
"""Beyond so many names within one period, the further ones share one allowance."""

_HOUR = timedelta(hours=1)
_OTHERS = ""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Allowance:
    """Counts by hours, or days, of the clock (UTC). Not thread-safe; its owner locks."""

    def __init__(self, limit: int, period: timedelta) -> None:
        self._limit = limit
        self._period = period
        self._current: int | None = None
        self._spent: dict[str, int] = {}

    def has(self, name: str, now: datetime) -> bool:
        """Whether one more of this name is allowed within this period."""
        name = self._counted(name, now)  # first: it may begin a period
        return self._spent.get(name, 0) < self._limit

    def spend(self, name: str, now: datetime) -> bool:
        """As `has`, and one more is counted where it is."""
        name = self._counted(name, now)
        spent = self._spent.get(name, 0)
        if spent >= self._limit:
            return False
        self._spent[name] = spent + 1
        return True

    def _counted(self, name: str, now: datetime) -> str:
        """Under which name one is counted now."""
        current = (now - _EPOCH) // self._period
        if current != self._current:
            self._current, self._spent = current, {}
        crowded = name not in self._spent and len(self._spent) >= MAX_PLATFORMS
        return _OTHERS if crowded else name


class RefusalAllowance(Allowance):
    """Of refusals by platform: genuine hardware must not fill the log."""

    def __init__(self) -> None:
        super().__init__(PER_HOUR, _HOUR)


class ReportAllowance(Allowance):
    """Of reports by the control plane, whoever makes it report."""

    def __init__(self) -> None:
        super().__init__(PER_HOUR, _HOUR)


class DecisionAllowance(Allowance):
    """Of decisions by officer."""

    def __init__(self) -> None:
        super().__init__(DECISIONS_PER_DAY, timedelta(days=1))
