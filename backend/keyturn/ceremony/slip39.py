"""SLIP-39: a secret split into shares, and put together again.

Source: SLIP-0039, "Shamir's Secret-Sharing for Mnemonic Codes", exactly: Shamir's scheme over
GF(256) in two levels (groups, members), a digest in each, and a Feistel cipher over PBKDF2 that
mixes a passphrase in. Keyturn's passphrase is empty (our protocol §10.6); it is implemented because
the official vectors have one.

**A wrong passphrase gives a wrong secret and no error**, by design of the standard: only the
shares' digest is checked. So what is put together must be proved by use.

Secrets are in `bytearray`s, which are wiped here where they are no result. How far that goes, and
how constant the time is, is as Python allows: no table is read at a secret place and no branch
depends on a secret, but integers and what PBKDF2 returns are immutable and freed without wiping,
and Python promises no times. Nothing more is claimed.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

from keyturn.ceremony.gf256 import interpolate
from keyturn.ceremony.mnemonic import LEAST_VALUE, Share
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.seal.keys import wipe

MAX_SHARES = 16
IDENTIFIER_BITS = 15
_SECRET_PLACE, _DIGEST_PLACE = 255, 254
_DIGEST_SIZE = 4
_ROUNDS = 4
_ITERATIONS = 10_000 // _ROUNDS
_SALT = b"shamir"

Random = Callable[[int], bytes]
"""So many bytes of a cryptographic random number generator."""


def encrypt(
    secret: bytearray, passphrase: bytes, *, identifier: int, extendable: bool, exponent: int
) -> bytearray:
    """The encrypted secret, which is what is split. `secret` has an even number of bytes."""
    return _feistel(secret, range(_ROUNDS), passphrase, _salt(identifier, extendable), exponent)


def decrypt(
    encrypted: bytearray, passphrase: bytes, *, identifier: int, extendable: bool, exponent: int
) -> bytearray:
    """Undoes `encrypt`. A wrong passphrase is not noticed."""
    rounds = tuple(reversed(range(_ROUNDS)))
    return _feistel(encrypted, rounds, passphrase, _salt(identifier, extendable), exponent)


def split(
    secret: bytearray,
    group_threshold: int,
    groups: Sequence[tuple[int, int]],
    *,
    identifier: int,
    random: Random,
    passphrase: bytes = b"",
    extendable: bool = False,
    exponent: int = 1,
) -> tuple[tuple[Share, ...], ...]:
    """The shares of each group; `groups` are (threshold, members).

    Raises ValueError where the standard has no such splitting. `secret` is left as it is.
    """
    _check_splitting(secret, group_threshold, groups, passphrase)
    encrypted = encrypt(
        secret, passphrase, identifier=identifier, extendable=extendable, exponent=exponent
    )
    of_groups = _split(group_threshold, len(groups), encrypted, random)
    wipe(encrypted)
    result = []
    for place, (threshold, members) in enumerate(groups):
        values = _split(threshold, members, of_groups[place], random)
        wipe(of_groups[place])
        head = (identifier, extendable, exponent, place, group_threshold, len(groups))
        shares = (Share(*head, member, threshold, value) for member, value in values.items())
        result.append(tuple(shares))
    return tuple(result)


def combine(shares: Sequence[Share], passphrase: bytes = b"") -> bytearray:
    """The secret of exactly as many shares as are needed; wipe it after use.

    The shares are left as they are. Raises ShareRefused.
    """
    first = _check_together(shares)
    values: dict[int, bytearray] = {}
    try:
        for group in sorted({each.group for each in shares}):
            of_group = [each for each in shares if each.group == group]
            points = {each.member: each.value for each in of_group}
            values[group] = _recover(of_group[0].threshold, points)
        encrypted = _recover(first.group_threshold, values)
    finally:
        for each in values.values():
            wipe(each)
    secret = decrypt(
        encrypted,
        passphrase,
        identifier=first.identifier,
        extendable=first.extendable,
        exponent=first.exponent,
    )
    wipe(encrypted)
    return secret


def _salt(identifier: int, extendable: bool) -> bytes:
    return b"" if extendable else _SALT + identifier.to_bytes(2, "big")


def _feistel(
    value: bytearray, rounds: Sequence[int], passphrase: bytes, salt: bytes, exponent: int
) -> bytearray:
    half = len(value) // 2
    left, right = value[:half], value[half:]
    for each in rounds:
        salted = bytearray(salt) + right
        mixed = hashlib.pbkdf2_hmac(
            "sha256", bytes([each]) + passphrase, salted, _ITERATIONS << exponent, dklen=half
        )
        wipe(salted)
        for place, byte in enumerate(mixed):
            left[place] ^= byte
        left, right = right, left
    result = bytearray(2 * half)
    result[:half], result[half:] = right, left
    wipe(left)
    wipe(right)
    return result


def _split(threshold: int, count: int, secret: bytearray, random: Random) -> dict[int, bytearray]:
    """The value of each of `count` places, of which `threshold` give `secret`."""
    if threshold == 1:
        return {place: bytearray(secret) for place in range(count)}
    given = {place: bytearray(random(len(secret))) for place in range(threshold - 2)}
    padding = random(len(secret) - _DIGEST_SIZE)
    digest = bytearray(_digest(padding, secret) + padding)
    points = {**given, _DIGEST_PLACE: digest, _SECRET_PLACE: secret}
    found = {place: interpolate(points, place) for place in range(threshold - 2, count)}
    wipe(digest)
    return {**given, **found}


def _recover(threshold: int, points: Mapping[int, bytearray]) -> bytearray:
    """Undoes `_split`. Raises ShareRefused where the digest is wrong."""
    if threshold == 1:
        return bytearray(next(iter(points.values())))
    secret = interpolate(points, _SECRET_PLACE)
    digest = interpolate(points, _DIGEST_PLACE)
    expected = _digest(bytes(digest[_DIGEST_SIZE:]), secret)
    right = hmac.compare_digest(digest[:_DIGEST_SIZE], expected)
    wipe(digest)
    if not right:
        wipe(secret)
        raise ShareRefused(
            ShareFault.WRONG_SECRET,
            "shares: together they give no secret",
            found="a digest that does not fit",
            expected="shares of one splitting, each as it was dealt",
        )
    return secret


def _digest(padding: bytes, secret: bytearray) -> bytes:
    return hmac.digest(padding, secret, "sha256")[:_DIGEST_SIZE]


def _check_splitting(
    secret: bytearray, group_threshold: int, groups: Sequence[tuple[int, int]], passphrase: bytes
) -> None:
    if len(secret) < LEAST_VALUE or len(secret) % 2:
        raise ValueError("a secret has an even number of bytes, 16 at least")
    if not 1 <= group_threshold <= len(groups) <= MAX_SHARES:
        raise ValueError("1 to 16 groups, and no more needed than there are")
    for threshold, members in groups:
        if not 1 <= threshold <= members <= MAX_SHARES:
            raise ValueError("1 to 16 members of a group, and no more needed than there are")
        if threshold == 1 and members > 1:
            raise ValueError("a threshold of 1 only in a group of 1")
    if not all(32 <= each <= 126 for each in passphrase):
        raise ValueError("a passphrase is printable ASCII")


def _check_together(shares: Sequence[Share]) -> Share:
    """That these are exactly the shares needed of one splitting. Gives the first."""
    if not shares:
        raise ShareRefused(ShareFault.TOO_FEW, "shares: there are none")
    first = shares[0]
    if len({_common(each) for each in shares}) != 1:
        raise ShareRefused(
            ShareFault.OTHER_SET, "shares: they are not of one splitting", expected="one set"
        )
    if len({(each.group, each.member) for each in shares}) != len(shares):
        raise ShareRefused(ShareFault.TWICE, "shares: one place stands twice")
    by_group: dict[int, list[Share]] = {}
    for each in shares:
        by_group.setdefault(each.group, []).append(each)
    _check_number("groups", len(by_group), first.group_threshold)
    for of_group in by_group.values():
        if len({each.threshold for each in of_group}) != 1:
            raise ShareRefused(ShareFault.OTHER_SET, "shares: a group has two thresholds")
        _check_number("shares of a group", len(of_group), of_group[0].threshold)
    return first


def _common(share: Share) -> tuple[int, bool, int, int, int, int]:
    head = (share.identifier, share.extendable, share.exponent)
    return (*head, share.group_threshold, share.groups, len(share.value))


def _check_number(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise ShareRefused(
            ShareFault.TOO_FEW if found < expected else ShareFault.FORM,
            f"shares: the number of {what}",
            found=str(found),
            expected=f"exactly {expected}",
        )
