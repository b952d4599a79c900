"""How many refusals of one platform become log entries: genuine hardware must not fill the log."""

from datetime import datetime

PER_HOUR = 60
MAX_PLATFORMS = 4096
"""Beyond so many within one hour, the further ones share one allowance."""

_OTHERS = ""


class RefusalAllowance:
    """Counts by hours of the clock. Not thread-safe; its owner locks."""

    def __init__(self) -> None:
        self._hour: datetime | None = None
        self._spent: dict[str, int] = {}

    def spend(self, platform: str, now: datetime) -> bool:
        """Whether one more refusal of this platform may be logged within this hour."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._spent = hour, {}
        if platform not in self._spent and len(self._spent) >= MAX_PLATFORMS:
            platform = _OTHERS
        spent = self._spent.get(platform, 0)
        if spent >= PER_HOUR:
            return False
        self._spent[platform] = spent + 1
        return True
