"""What one address may ask: a bucket, and whose address it is."""

import pytest

from keyturn.serving.allowance import MAX_ADDRESSES, AddressAllowance, owner_of


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_and_then_one_a_minute() -> None:
    clock = Seconds()
    allowance = AddressAllowance(clock, burst=3, per_second=1 / 60)
    assert [allowance.spend("192.0.2.1") for _ in range(4)] == [True, True, True, False]
    assert allowance.spend("192.0.2.2")
    clock.now = 59
    assert not allowance.spend("192.0.2.1")
    clock.now = 61
    assert [allowance.spend("192.0.2.1") for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("a name", "a name"),
    ],
)
def test_whose_address_it_is(address: str, owner: str) -> None:
    assert owner_of(address) == owner


def test_many_addresses_take_no_more_memory() -> None:
    allowance = AddressAllowance(Seconds(), burst=1, per_second=0)
    for place in range(MAX_ADDRESSES + 50):
        allowance.spend(f"10.{place // 65536}.{place // 256 % 256}.{place % 256}")
    assert len(allowance._buckets) == MAX_ADDRESSES
