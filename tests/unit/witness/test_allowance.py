"""One address may ask so often, and others as well."""

from keyturn.witness.allowance import BURST, MAX_ADDRESSES, PER_SECOND, Allowance


def test_a_flood_is_stopped_and_time_fills_the_bucket() -> None:
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    assert all(allowance.spend("a") for _ in range(int(BURST)))
    assert not allowance.spend("a")
    assert allowance.spend("b")
    now[0] += 1.0
    assert [allowance.spend("a") for _ in range(int(PER_SECOND) + 1)].count(True) == PER_SECOND


def test_addresses_are_forgotten_oldest_first() -> None:
    allowance = Allowance(lambda: 0.0)
    for each in range(MAX_ADDRESSES + 1):
        allowance.spend(str(each))
    assert len(allowance._buckets) == MAX_ADDRESSES
