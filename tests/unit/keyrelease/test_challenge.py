"""Challenges: issued by this process, live for 120 s, spent once (our protocol §5.1)."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.keyrelease.challenge import (
    SpentChallenges,
    is_genuine,
    is_live,
    issued_at,
    make_challenge,
)
from support.authority import START

BOOT = bytes(range(32))
RANDOM = bytes(range(16))
CHALLENGE = make_challenge(RANDOM, START, BOOT)


def numbered(number: int, after: float = 0) -> bytes:
    return make_challenge(number.to_bytes(16, "big"), START + timedelta(seconds=after), BOOT)


def test_it_is_written_as_the_protocol_says() -> None:
    seconds = int(START.timestamp()).to_bytes(8, "big")
    message = b"keyturn-challenge-v1" + RANDOM + seconds
    tag = hmac.new(BOOT, message, hashlib.sha256).digest()

    assert RANDOM + seconds + tag == CHALLENGE
    assert len(CHALLENGE) == 56
    assert is_genuine(CHALLENGE, BOOT)
    assert issued_at(CHALLENGE) == START


@given(place=st.integers(0, 55), mask=st.integers(1, 255))
def test_a_flipped_bit_is_not_genuine(place: int, mask: int) -> None:
    forged = bytearray(CHALLENGE)
    forged[place] ^= mask
    assert not is_genuine(bytes(forged), BOOT)


@given(boot=st.binary(min_size=32, max_size=32).filter(lambda key: key != BOOT))
def test_another_process_did_not_issue_it(boot: bytes) -> None:
    assert not is_genuine(CHALLENGE, boot)


@pytest.mark.parametrize("challenge", [b"", CHALLENGE[:-1], CHALLENGE + b"\0", bytes(56)])
def test_another_size_is_not_genuine(challenge: bytes) -> None:
    assert not is_genuine(challenge, BOOT)


@pytest.mark.parametrize(
    ("random", "key"), [(bytes(15), BOOT), (bytes(17), BOOT), (RANDOM, b""), (RANDOM, bytes(31))]
)
def test_it_is_made_of_the_right_sizes_only(random: bytes, key: bytes) -> None:
    with pytest.raises(ValueError, match="16 random bytes and a 32-byte key"):
        make_challenge(random, START, key)


@pytest.mark.parametrize(
    ("age", "live"), [(-2, False), (-1, True), (0, True), (120, True), (121, False)]
)
def test_it_lives_120_seconds(age: int, live: bool) -> None:
    assert is_live(CHALLENGE, START + timedelta(seconds=age)) is live


def test_it_is_spent_once() -> None:
    spent = SpentChallenges()
    assert spent.spend(CHALLENGE, START)
    assert not spent.spend(CHALLENGE, START)
    assert spent.spend(numbered(1), START)
    assert len(spent) == 2


def test_what_can_no_longer_be_live_is_forgotten() -> None:
    spent = SpentChallenges()
    for number in range(50):
        assert spent.spend(numbered(number), START)
    later = START + timedelta(seconds=241)
    assert spent.spend(numbered(99, 241), later)

    assert len(spent) == 1


def test_a_live_challenge_is_never_forgotten() -> None:
    """Steps of 30 s over many clean-ups: each challenge stays spent while it is live."""
    spent = SpentChallenges()
    for step in range(40):
        now = START + timedelta(seconds=30 * step)
        assert spent.spend(numbered(step, 30 * step), now)
        for older in range(max(0, step - 4), step + 1):
            known = numbered(older, 30 * older)
            assert is_live(known, now)
            assert not spent.spend(known, now)


def test_a_clock_that_jumps_ahead_and_back_revives_nothing() -> None:
    spent = SpentChallenges()
    assert spent.spend(CHALLENGE, START)
    assert spent.spend(numbered(1, 3600), START + timedelta(hours=1))

    assert is_live(CHALLENGE, START)
    assert not spent.spend(CHALLENGE, START)


def test_forgetting_costs_little_at_a_high_rate() -> None:
    """The pass over what is held is made once in 120 s, not with every request."""
    spent = SpentChallenges()
    for number in range(3000):
        assert spent.spend(numbered(number), START)
    assert len(spent) == 3000
