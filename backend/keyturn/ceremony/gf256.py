"""Arithmetic in GF(256) for Shamir's scheme, and interpolation over it.

The field is that of AES: polynomials over GF(2) modulo x^8 + x^4 + x^3 + x + 1 (SLIP-39, "Shamir's
secret sharing"). There are no tables: which instruction runs, and which byte is read, depends on
places of shares, which are public, and never on a share's value. Python promises nothing about
the time that its own integers take, so nothing more is claimed.
"""

from collections.abc import Mapping

from keyturn.seal.keys import wipe


def times_x(value: int) -> int:
    """`value` times x, reduced. One byte in, one byte out; no branch."""
    return ((value & 0x7F) << 1) ^ (0x1B & -(value >> 7))


def multiply(value: int, factor: int) -> int:
    """`value` times `factor`. Branches on `factor` alone, which must be public."""
    product = 0
    for place in range(8):
        if factor >> place & 1:
            product ^= value
        value = times_x(value)
    return product


def invert(value: int) -> int:
    """1 / `value`, which must be public. Raises ZeroDivisionError on 0."""
    if not value:
        raise ZeroDivisionError("0 has no inverse")
    result = 1
    for _ in range(7):  # value^254 = value^(2 + 4 + ... + 128)
        value = multiply(value, value)
        result = multiply(result, value)
    return result


def interpolate(points: Mapping[int, bytes | bytearray], x: int) -> bytearray:
    """The value at `x` of the polynomials through `points` (place: bytes, all of one length).

    Lagrange's formula, byte by byte. Raises ValueError where there are no points, or they differ
    in length.
    """
    sizes = {len(each) for each in points.values()}
    if len(sizes) != 1:
        raise ValueError("values of one length are needed")
    result = bytearray(sizes.pop())
    if x in points:
        result[:] = points[x]
        return result
    for place, value in points.items():
        factor = _basis(place, tuple(points), x)
        scaled = bytearray(multiply(each, factor) for each in value)
        for at, each in enumerate(scaled):
            result[at] ^= each
        wipe(scaled)
    return result


def _basis(place: int, places: tuple[int, ...], x: int) -> int:
    """Lagrange's basis polynomial of `place` at `x`: all public."""
    above = below = 1
    for other in places:
        if other != place:
            above = multiply(above, x ^ other)
            below = multiply(below, place ^ other)
    return multiply(above, invert(below))
