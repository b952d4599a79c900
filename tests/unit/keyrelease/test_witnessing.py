"""Enough, lately, and of a log that has not shrunk: k witnesses, T seconds, a floor."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import Digest
from keyturn.base.signatures import load_verify_key
from keyturn.keyrelease.witnessing import (
    Cosigned,
    Witnessed,
    asked_for,
    covered,
    witness_findings,
)
from keyturn.quorum.roster import Witnesses
from support.authority import START, spki

KEYS = tuple(load_verify_key(spki(ed25519.Ed25519PrivateKey.generate())) for _ in range(3))
NOW = int(START.timestamp())
ROSTER = Digest("sha256:" + "00" * 32)


def witnessed(*kept: tuple[int, int, int], floor: int = 0) -> Witnessed:
    """(whose key, size, seconds ago)"""
    cosigned = tuple(Cosigned(KEYS[key].key_id, size, NOW - ago) for key, size, ago in kept)
    return Witnessed(cosigned, floor)


def reasons(k: int, found: Witnessed, keys: int = 3) -> Sequence[str | None]:
    witnesses = Witnesses(KEYS[:keys], k, 300)
    findings = witness_findings(witnesses, found, START, ROSTER)
    return [each.reason for each in findings if each.failed]


def test_k_0_is_judged_by_nobody() -> None:
    assert reasons(0, witnessed()) == []
    assert covered(Witnesses(KEYS, 0, 300), witnessed((0, 5, 0)), START) is None


@pytest.mark.parametrize("ago", [-300, 0, 300])
def test_a_cosignature_within_t_counts(ago: int) -> None:
    assert reasons(1, witnessed((0, 5, ago))) == []


@pytest.mark.parametrize("ago", [-301, 301, 86_400])
def test_one_that_is_older_or_ahead_does_not(ago: int) -> None:
    assert reasons(1, witnessed((0, 5, ago))) == ["witness-cosignatures-missing"]


def test_k_means_k_witnesses_of_the_roster() -> None:
    assert reasons(2, witnessed((0, 5, 0))) == ["witness-cosignatures-missing"]
    assert reasons(2, witnessed((0, 5, 0), (1, 9, 0))) == []
    assert reasons(2, witnessed((0, 5, 0), (2, 9, 0)), keys=2) == ["witness-cosignatures-missing"]


def test_k_witnesses_cover_the_kth_largest_size() -> None:
    found = witnessed((0, 5, 0), (1, 9, 0), (2, 7, 0))
    sizes = [covered(Witnesses(KEYS, k, 300), found, START) for k in (1, 2, 3)]
    assert sizes == [9, 7, 5]


def test_less_than_a_release_relied_on_before_is_refused() -> None:
    assert reasons(1, witnessed((0, 5, 0), floor=5)) == []
    assert reasons(1, witnessed((0, 5, 0), floor=6)) == ["witness-checkpoint-older"]


def test_it_counts_by_the_keyholders_clock() -> None:
    later = START + timedelta(seconds=301)
    assert covered(Witnesses(KEYS, 1, 300), witnessed((0, 5, 0)), later) is None


@pytest.mark.parametrize(("k", "more", "asked"), [(0, 0, 0), (0, 2, 2), (2, 1, 2), (1, 3, 3)])
def test_a_policy_may_ask_for_more_and_never_for_fewer(k: int, more: int, asked: int) -> None:
    assert asked_for(Witnesses(KEYS, k, 300), more) == Witnesses(KEYS, asked, 300)


def test_more_than_there_are_keys_for_cannot_be_met() -> None:
    everyone = witnessed((0, 5, 0), (1, 5, 0), (2, 5, 0))
    asked = asked_for(Witnesses(KEYS, 1, 300), 4)
    (found,) = witness_findings(asked, everyone, START, ROSTER)
    assert (found.reason, found.expected) == ("witness-cosignatures-missing", "4")
