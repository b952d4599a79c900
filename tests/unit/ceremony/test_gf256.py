from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.ceremony.gf256 import interpolate, invert, multiply, times_x

BYTES = st.integers(0, 255)


def by_the_book(one: int, other: int) -> int:
    """Schoolbook product of polynomials over GF(2), then long division."""
    product = 0
    for place in range(8):
        product ^= (one << place) * (other >> place & 1)
    for place in range(14, 7, -1):
        product ^= (0x11B << (place - 8)) * (product >> place & 1)
    return product


@pytest.mark.parametrize(("one", "other", "product"), [(0x57, 0x83, 0xC1), (0x57, 0x13, 0xFE)])
def test_the_examples_of_fips_197(one: int, other: int, product: int) -> None:
    assert multiply(one, other) == product


def test_every_product_is_as_by_the_book() -> None:
    assert all(multiply(a, b) == by_the_book(a, b) for a in range(256) for b in range(256))
    assert all(times_x(a) == by_the_book(a, 2) for a in range(256))


def test_every_inverse_is_one() -> None:
    assert all(multiply(each, invert(each)) == 1 for each in range(1, 256))
    with pytest.raises(ZeroDivisionError):
        invert(0)


@given(st.lists(BYTES, min_size=3, max_size=3), st.sets(BYTES, min_size=4, max_size=8))
def test_any_three_points_give_the_polynomial_of_degree_two(
    factors: list[int], places: set[int]
) -> None:
    def at(x: int) -> bytearray:
        a, b, c = factors
        return bytearray([a ^ multiply(b, x) ^ multiply(c, multiply(x, x))])

    for chosen in combinations(sorted(places), 3):
        points = {x: at(x) for x in chosen}
        assert all(interpolate(points, x) == at(x) for x in places)


def test_a_point_that_is_given_comes_back_as_a_copy() -> None:
    given_point = bytearray(b"abc")
    found = interpolate({1: given_point, 2: bytearray(b"def")}, 1)
    assert found == given_point
    assert found is not given_point


@pytest.mark.parametrize("points", [{}, {1: b"a", 2: b"ab"}])
def test_points_that_do_not_fit_are_refused(points: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="one length"):
        interpolate(points, 0)
