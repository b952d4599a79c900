from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keyturn.ceremony.tokenreport import Level
from keyturn.hsm.cryptoki import (
    CKF_CLOCK_ON_TOKEN,
    CKF_LOGIN_REQUIRED,
    CKF_SO_PIN_FINAL_TRY,
    CKF_USER_PIN_COUNT_LOW,
    CKF_USER_PIN_LOCKED,
)
from keyturn.hsm.errors import TokenError
from keyturn.hsm.hardening import Hardened
from keyturn.hsm.tokeninfo import ModuleInfo
from keyturn.hsm.tokentrials import (
    assurance,
    clock,
    fips,
    lockout,
    login,
    memory,
    space,
    token_time,
    versions,
)
from keyturn.hsm.vendors import GENERIC, LUNA, NSS, SOFTHSM
from support.trialplaces import NOW, place

_CLOCK = CKF_LOGIN_REQUIRED | CKF_CLOCK_ON_TOKEN


def test_hardware_is_green_and_software_amber() -> None:
    assert assurance(place())[0] is Level.GREEN
    assert assurance(place(token_hardware_slot=False))[0] is Level.AMBER


def test_unlocked_memory_is_amber() -> None:
    assert memory(place())[0] is Level.GREEN
    assert memory(place(hardened=Hardened(memory_locked=False)))[0] is Level.AMBER


@pytest.mark.parametrize("flags", [0, CKF_LOGIN_REQUIRED])
def test_a_token_that_asks_for_no_pin_is_red(flags: int) -> None:
    with pytest.raises(TokenError, match="without a user PIN"):
        login(place(token_flags=flags))


@pytest.mark.parametrize(
    ("flag", "level"),
    [
        (CKF_USER_PIN_LOCKED, Level.RED),
        (CKF_SO_PIN_FINAL_TRY, Level.RED),
        (CKF_USER_PIN_COUNT_LOW, Level.AMBER),
    ],
)
def test_wrong_pins_given_before_are_seen(flag: int, level: Level) -> None:
    assert lockout(place(token_flags=flag))[0] is level


def test_where_nothing_locks_only_long_pins_pass() -> None:
    assert lockout(place(vendor=LUNA))[0] is Level.GREEN
    assert lockout(place(vendor=SOFTHSM))[0] is Level.AMBER
    assert lockout(place(b"1234", vendor=SOFTHSM))[0] is Level.RED
    assert lockout(place(b"1234", vendor=GENERIC))[0] is Level.RED


def test_no_trial_tells_the_pin() -> None:
    assert "7f" * 8 not in lockout(place(b"7f" * 8))[1]


def test_space_is_what_the_token_says_where_it_says_it() -> None:
    assert space(place(token_free_private=1 << 20))[0] is Level.GREEN
    with pytest.raises(TokenError, match="nearly full"):
        space(place(token_free_private=0))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026112912000000", NOW),
        ("2026112912000001", None),
        ("2026132912000000", None),
        ("", None),
        ("20261129120000", None),
        ("２026112912000000", None),
    ],
)
def test_a_tokens_time_is_read_strictly(text: str, moment: datetime | None) -> None:
    assert token_time(text) == moment


def test_clocks_that_differ_are_red() -> None:
    near = (NOW + timedelta(seconds=100)).strftime("%Y%m%d%H%M%S00")
    far = (NOW - timedelta(seconds=121)).strftime("%Y%m%d%H%M%S00")
    assert clock(place(token_flags=_CLOCK, token_utc_time=near))[0] is Level.GREEN
    with pytest.raises(TokenError, match="do not agree"):
        clock(place(token_flags=_CLOCK, token_utc_time=far))
    with pytest.raises(TokenError, match="cannot be read"):
        clock(place(token_flags=_CLOCK, token_utc_time="0000000000000000"))


def test_a_host_of_another_time_is_red() -> None:
    with pytest.raises(TokenError, match="host's clock is wrong"):
        clock(place(now=datetime(1970, 1, 1, tzinfo=UTC)))
    assert "none on the token" in clock(place())[1]


def test_fips_mode_is_what_the_token_says() -> None:
    assert fips(place(vendor=NSS, token_label="NSS FIPS 140-2 DB"))[0] is Level.GREEN
    assert fips(place(vendor=NSS))[1] == "not in FIPS mode"
    assert fips(place(vendor=SOFTHSM))[1] == "no validated module"
    assert fips(place(vendor=LUNA))[1] == "PKCS#11 does not tell"


@pytest.mark.parametrize(
    ("version", "level", "words"),
    [
        ("2.6", Level.GREEN, "module 2.6"),
        ("2.7", Level.AMBER, "uses SHA-1"),
        ("3.0", Level.AMBER, "not a version that was tested"),
    ],
)
def test_versions_are_compared_with_what_is_known(version: str, level: Level, words: str) -> None:
    found = versions(place(vendor=SOFTHSM, module=ModuleInfo("m", "d", version)))
    assert found[0] is level
    assert words in found[1]


def test_an_untested_vendor_is_never_green() -> None:
    known = replace(LUNA, versions=SOFTHSM.versions)
    found = versions(place(vendor=known, module=ModuleInfo("m", "d", "2.6")))
    assert found[0] is Level.AMBER
    assert "not tested here" in found[1]
