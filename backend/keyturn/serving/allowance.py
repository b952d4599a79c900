"""How often one address may ask for what costs something: a bucket that fills with time."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address

MAX_ADDRESSES = 4096


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class AddressAllowance:
    """For one event loop. `seconds` never goes back."""

    def __init__(self, seconds: Callable[[], float], *, burst: int, per_second: float) -> None:
        self._seconds, self._burst, self._per_second = seconds, float(burst), per_second
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def spend(self, address: str) -> bool:
        """Whether this request is within what the address has left."""
        now, owner = self._seconds(), owner_of(address)
        bucket = self._buckets.pop(owner, None) or _Bucket(self._burst, now)
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[owner] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        if bucket.left < 1.0:
            return False
        bucket.left -= 1.0
        return True


def owner_of(address: str) -> str:
    """One machine has all of an IPv6 /64: it counts as one address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, 64), strict=False))
