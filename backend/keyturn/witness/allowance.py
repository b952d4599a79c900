"""How often one address may ask: a bucket of requests that fills with time."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

PER_SECOND = 20.0
BURST = 100.0
MAX_ADDRESSES = 4096


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Allowance:
    """For one event loop. `seconds` never goes back."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def spend(self, address: str) -> bool:
        """Whether this request is within what the address has left."""
        now = self._seconds()
        bucket = self._buckets.pop(address, None) or _Bucket(BURST, now)
        bucket.left = min(BURST, bucket.left + (now - bucket.at) * PER_SECOND)
        bucket.at = now
        self._buckets[address] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        if bucket.left < 1.0:
            return False
        bucket.left -= 1.0
        return True
