"""Whose ceremony it is."""

from datetime import timedelta

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.ceremony.anchoring import open_bundle, roster_at
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from support.ceremonies import START, Cast
from support.ceremonylog import logged_genesis

LOGGED = logged_genesis(Cast())
AUTHORITY = open_bundle(LOGGED.bundle, LOGGED.fingerprint, START)


def test_the_roster_that_was_approved_by_then() -> None:
    assert roster_at(AUTHORITY, START + timedelta(days=1)) == Cast().roster


def test_an_expired_bundle_still_says_who_signed() -> None:
    late = START + timedelta(days=3000)
    assert open_bundle(LOGGED.bundle, LOGGED.fingerprint, late).roster == Cast().roster


def test_no_roster_is_as_old() -> None:
    with pytest.raises(CeremonyRefused, match="as old") as refused:
        roster_at(AUTHORITY, START)
    assert refused.value.reason is CeremonyReason.NOT_AUTHORISED


def test_no_bundle() -> None:
    with pytest.raises(CeremonyRefused, match="no authority bundle") as refused:
        roster_at(None, START)
    assert "--bundle" in refused.value.hint


def test_another_authoritys_bundle_and_none_at_all() -> None:
    with pytest.raises(CeremonyRefused) as refused:
        open_bundle(LOGGED.bundle, digest_of(b"another"), START)
    assert refused.value.reason is CeremonyReason.NOT_AUTHORISED
    with pytest.raises(MalformedError):
        open_bundle(b"{}", LOGGED.fingerprint, START)
