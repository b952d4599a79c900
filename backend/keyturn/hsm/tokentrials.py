"""Trials of the token itself: who may log in, space, clock, FIPS mode, versions, its word's worth.

No trial gives a wrong PIN: a token may count it.
"""

import secrets
from datetime import UTC, datetime, timedelta

from keyturn.ceremony.tokenreport import Level
from keyturn.hsm.cryptoki import (
    CKF_CLOCK_ON_TOKEN,
    CKF_LOGIN_REQUIRED,
    CKF_SO_PIN_COUNT_LOW,
    CKF_SO_PIN_FINAL_TRY,
    CKF_SO_PIN_LOCKED,
    CKF_USER_PIN_COUNT_LOW,
    CKF_USER_PIN_FINAL_TRY,
    CKF_USER_PIN_INITIALIZED,
    CKF_USER_PIN_LOCKED,
    Attr,
    Rv,
)
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.pkcs11 import Handle
from keyturn.hsm.profiles import Label, data_object
from keyturn.hsm.protocol import MAX_MARK, Assurance
from keyturn.hsm.token import assurance_of
from keyturn.hsm.trials import Outcome, Place, refused
from keyturn.hsm.vendors import Known

ROOM = 256 << 10  # bytes: the keys of two generations, and two marks of the largest size
_MARKS = 4
_MIN_PIN = 32  # characters: 128 bits in hexadecimal
_CLOCK_OFF = timedelta(seconds=120)
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No host of this version has an earlier time."""
_TRIED_OUT = (
    (CKF_USER_PIN_LOCKED, "the user PIN is locked"),
    (CKF_USER_PIN_FINAL_TRY, "one more wrong user PIN locks it"),
    (CKF_USER_PIN_COUNT_LOW, "a wrong user PIN was given"),
    (CKF_SO_PIN_LOCKED, "the SO PIN is locked"),
    (CKF_SO_PIN_FINAL_TRY, "one more wrong SO PIN locks it"),
    (CKF_SO_PIN_COUNT_LOW, "a wrong SO PIN was given"),
)


def assurance(place: Place) -> Outcome:
    if assurance_of(place.token) is Assurance.HARDWARE:
        return Level.GREEN, "hardware, as the token reports"
    return Level.AMBER, "software assurance: attributes are reported by a software token"


def memory(place: Place) -> Outcome:
    if place.hardened.memory_locked:
        return Level.GREEN, "locked, no core dumps"
    return Level.AMBER, "not locked (limit on locked memory), no core dumps"


def login(place: Place) -> Outcome:
    """Nobody uses a key without a PIN, and the user does nothing that is the SO's to do."""
    flags = place.token.flags
    if not flags & CKF_LOGIN_REQUIRED or not flags & CKF_USER_PIN_INITIALIZED:
        raise TokenError("the token lets keys be used without a user PIN", found=f"{flags:#x}")
    # The same PIN again: where it is let through, nothing changes.
    refused("the user sets the user PIN as the SO", lambda: place.session.init_pin(place.pin))
    separate = place.vendor.login.so_separate
    if separate is Known.NO:
        return Level.RED, f"no security officer apart from the user: {place.vendor.login.words}"
    if separate is Known.UNKNOWN:
        return Level.AMBER, f"the user sets no PIN as the SO; {place.vendor.login.words}"
    return Level.GREEN, "user and security officer are apart, each with a PIN"


def lockout(place: Place) -> Outcome:
    for flag, words in _TRIED_OUT:
        if place.token.flags & flag:
            return Level.RED if "lock" in words else Level.AMBER, words
    if place.vendor.login.lockout is Known.YES:
        return Level.GREEN, "wrong PINs lock, as the vendor says; none was given"
    size = len(place.pin)
    known = "wrong PINs lock nothing" if place.vendor.login.lockout is Known.NO else "not known"
    if size < _MIN_PIN:
        return Level.RED, f"{known}, and the PIN has {size} characters"
    return Level.AMBER, f"{known}; the PIN has {size} characters"


def mark(place: Place) -> Outcome:
    session = place.session
    value = secrets.token_bytes(512)
    handle = session.create(data_object(Label.TRIAL, value))
    try:
        if session.read(handle, Attr.VALUE) != value:
            raise TokenError("a data object on the token reads back differently")
    finally:
        session.destroy(handle)
    return Level.GREEN, "a private data object is kept and given back"


def space(place: Place) -> Outcome:
    free = place.token.free_private if place.vendor.tells_space else None
    if free is not None and free >= ROOM:
        return Level.GREEN, f"{free} bytes free for private objects, as the token says"
    if free is not None:
        raise TokenError("the token is nearly full", found=f"{free} bytes", expected=f"{ROOM}")
    made: list[Handle] = []
    try:
        for _ in range(_MARKS):
            made.append(place.session.create(data_object(Label.TRIAL, bytes(MAX_MARK))))
    except HsmError as error:
        if error.rv in (Rv.DEVICE_MEMORY, Rv.HOST_MEMORY):
            raise TokenError("the token has no room for its objects", found=error.found) from error
        return Level.AMBER, f"not known: the token does not say, and a trial gave {error.found}"
    finally:
        for handle in made:
            place.session.destroy(handle)
    return Level.AMBER, f"the token does not say; {_MARKS} objects of {MAX_MARK} bytes found room"


def clock(place: Place) -> Outcome:
    if place.now < _EARLIEST:
        raise TokenError("the host's clock is wrong", found=f"{place.now:%Y-%m-%d}")
    if not place.token.flags & CKF_CLOCK_ON_TOKEN:
        return Level.GREEN, f"none on the token; the host says {place.now:%Y-%m-%d %H:%M} UTC"
    told = token_time(place.token.utc_time)
    if told is None:
        raise TokenError("the token's clock cannot be read", found=place.token.utc_time[:16])
    if abs(told - place.now) > _CLOCK_OFF:
        raise TokenError(
            "token and host do not agree on the time",
            found=f"{told:%Y-%m-%d %H:%M:%S}",
            expected=f"{place.now:%Y-%m-%d %H:%M:%S} UTC, of the host",
        )
    whose = "; it is the host's clock" if place.vendor.clock is Known.NO else ""
    return Level.GREEN, f"token and host agree{whose}"


def token_time(text: str) -> datetime | None:
    """`YYYYMMDDhhmmss00` (v2.40 §3.2); None when it is none."""
    if len(text) != 16 or not (text.isascii() and text.isdigit()) or text[14:] != "00":
        return None
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def fips(place: Place) -> Outcome:
    vendor, said = place.vendor, f"{place.token.label} {place.token.model}".lower()
    if any(each in said for each in vendor.fips_marks):
        return Level.GREEN, "FIPS mode, as the token says; no claim is made"
    if vendor.fips_marks:
        return Level.AMBER, "not in FIPS mode"
    if vendor.software:
        return Level.AMBER, "no validated module"
    return Level.AMBER, "PKCS#11 does not tell"


def versions(place: Place) -> Outcome:
    vendor = place.vendor
    token, module = place.token, place.module
    found = f"{vendor.name}, module {module.version}, firmware {token.firmware or 'not told'}"
    if not vendor.tested:
        return Level.AMBER, f"{found}: not tested here"
    for each in vendor.versions:
        if module.version.startswith(each.starts):
            return (Level.AMBER, f"{found}: {each.trap}") if each.trap else (Level.GREEN, found)
    return Level.AMBER, f"{found}: not a version that was tested"
