import secrets
from itertools import combinations, product

import pytest
import shamir_mnemonic
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.ceremony.gf256 import interpolate
from keyturn.ceremony.mnemonic import Share, parse_words, write_words
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.slip39 import combine, decrypt, encrypt, split
from support.fuzzing import examples

SECRET = bytearray(range(16))
random = secrets.token_bytes


def dealt(
    group_threshold: int = 1, groups: tuple[tuple[int, int], ...] = ((3, 5),), exponent: int = 0
) -> tuple[tuple[Share, ...], ...]:
    return split(SECRET, group_threshold, groups, identifier=7, random=random, exponent=exponent)


def fault_of(shares: list[Share]) -> ShareFault:
    with pytest.raises(ShareRefused) as refused:
        combine(shares)
    return refused.value.fault


@st.composite
def schemes(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    groups = []
    for _ in range(draw(st.integers(1, 4))):
        members = draw(st.integers(1, 6))
        groups.append((draw(st.integers(2, members)) if members > 1 else 1, members))
    return draw(st.integers(1, len(groups))), groups


def chosen(group_threshold: int, groups: list[list[str]], thresholds: list[int]) -> list[str]:
    """As many as are needed, the last ones."""
    places = range(len(groups) - group_threshold, len(groups))
    return [words for place in places for words in groups[place][-thresholds[place] :]]


SECRETS = st.integers(8, 20).flatmap(lambda half: st.binary(min_size=2 * half, max_size=2 * half))
PASSPHRASES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)


@given(SECRETS, schemes(), PASSPHRASES, st.booleans(), st.integers(0, 32767))
@settings(max_examples=examples(25), deadline=None)
def test_the_reference_implementation_opens_what_is_split_here(
    secret: bytes,
    scheme: tuple[int, list[tuple[int, int]]],
    passphrase: str,
    extendable: bool,
    identifier: int,
) -> None:
    shares = split(
        bytearray(secret),
        *scheme,
        identifier=identifier,
        random=random,
        passphrase=passphrase.encode(),
        extendable=extendable,
        exponent=0,
    )
    words = [[write_words(each).decode() for each in group] for group in shares]
    needed = chosen(scheme[0], words, [threshold for threshold, _ in scheme[1]])
    assert shamir_mnemonic.combine_mnemonics(needed, passphrase.encode()) == secret


@given(SECRETS, schemes(), PASSPHRASES, st.booleans())
@settings(max_examples=examples(25), deadline=None)
def test_what_the_reference_implementation_splits_is_opened_here(
    secret: bytes,
    scheme: tuple[int, list[tuple[int, int]]],
    passphrase: str,
    extendable: bool,
) -> None:
    words = shamir_mnemonic.generate_mnemonics(
        scheme[0], scheme[1], secret, passphrase.encode(), extendable, iteration_exponent=0
    )
    needed = chosen(scheme[0], words, [threshold for threshold, _ in scheme[1]])
    shares = [parse_words(each.encode()) for each in needed]
    assert combine(shares, passphrase.encode()) == secret


@given(SECRETS, st.integers(0, 2), st.booleans(), st.integers(0, 32767))
@settings(max_examples=examples(10), deadline=None)
def test_the_cipher_is_the_reference_implementations(
    secret: bytes, exponent: int, extendable: bool, identifier: int
) -> None:
    head = {"identifier": identifier, "extendable": extendable, "exponent": exponent}
    encrypted = encrypt(bytearray(secret), b"x", **head)  # type: ignore[arg-type]
    assert encrypted == shamir_mnemonic.cipher.encrypt(
        secret, b"x", exponent, identifier, extendable
    )
    assert decrypt(encrypted, b"x", **head) == secret  # type: ignore[arg-type]


def test_any_three_of_five_give_the_secret() -> None:
    (shares,) = dealt(exponent=1)
    assert all(combine(three) == SECRET for three in combinations(shares, 3))


def test_fewer_than_three_of_five_give_nothing() -> None:
    (shares,) = dealt()
    for number in range(3):
        for some in combinations(shares, number):
            assert fault_of(list(some)) is ShareFault.TOO_FEW


def test_two_of_five_fit_every_secret() -> None:
    """Shamir: whatever third value one guesses, a polynomial goes through it and gives a secret."""
    (shares,) = dealt()
    for one, other in combinations(shares, 2):
        points = {one.member: one.value, other.member: other.value}
        for guess in (bytearray(16), bytearray(b"\xff" * 16), bytearray(random(16))):
            third = interpolate({**points, 255: guess}, 5)
            assert interpolate({**points, 5: third}, 255) == guess


def test_groups_are_all_needed_in_their_number() -> None:
    groups = dealt(2, ((1, 1), (2, 3), (2, 2)))
    needed = [list(each[: each[0].threshold]) for each in groups]
    for one, other in combinations(needed, 2):
        assert combine([*one, *other]) == SECRET
    for one, other in product(needed, needed):
        if one is not other:
            assert fault_of([*one, *other[1:]]) is ShareFault.TOO_FEW
    assert fault_of(sum(needed, [])) is ShareFault.FORM  # noqa: RUF017 - three short lists


def test_a_wrong_passphrase_gives_a_wrong_secret_and_no_error() -> None:
    (shares,) = dealt()
    assert combine(shares[:3], b"wrong") != SECRET


def test_a_share_from_another_splitting_of_the_same_name_is_noticed() -> None:
    (ours,), (theirs,) = dealt(), dealt()
    assert fault_of([*ours[:2], theirs[2]]) is ShareFault.WRONG_SECRET


def test_shares_of_other_sets_and_repeated_shares_are_refused() -> None:
    (ours,) = dealt()
    (others,) = split(SECRET, 1, [(3, 5)], identifier=8, random=random, exponent=0)
    assert fault_of([*ours[:2], others[2]]) is ShareFault.OTHER_SET
    assert fault_of([ours[0], ours[1], ours[1]]) is ShareFault.TWICE
    (two_needed,) = dealt(groups=((2, 5),))
    assert fault_of([ours[0], ours[1], two_needed[2]]) is ShareFault.OTHER_SET


def test_the_secret_and_the_shares_are_left_as_they_are() -> None:
    (shares,) = dealt()
    before = [bytes(each.value) for each in shares]
    combine(shares[:3])
    assert [bytes(each.value) for each in shares] == before
    assert bytes(range(16)) == SECRET


@pytest.mark.parametrize(
    ("secret", "group_threshold", "groups", "passphrase"),
    [
        (bytearray(14), 1, [(2, 3)], b""),
        (bytearray(17), 1, [(2, 3)], b""),
        (bytearray(16), 1, [], b""),
        (bytearray(16), 0, [(2, 3)], b""),
        (bytearray(16), 2, [(2, 3)], b""),
        (bytearray(16), 1, [(2, 3)] * 17, b""),
        (bytearray(16), 1, [(0, 3)], b""),
        (bytearray(16), 1, [(4, 3)], b""),
        (bytearray(16), 1, [(2, 17)], b""),
        (bytearray(16), 1, [(1, 3)], b""),
        (bytearray(16), 1, [(2, 3)], "ä".encode()),
    ],
)
def test_what_the_standard_cannot_split_is_refused(
    secret: bytearray, group_threshold: int, groups: list[tuple[int, int]], passphrase: bytes
) -> None:
    with pytest.raises(ValueError, match=r"secret|groups|group|passphrase"):
        split(secret, group_threshold, groups, identifier=0, random=random, passphrase=passphrase)
