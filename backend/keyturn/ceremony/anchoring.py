"""Whose ceremony it is: an authority's bundle, and the roster that it had then (§10.4)."""

from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import UntrustedError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.quorum.roster import Roster


def open_bundle(
    raw: bytes, fingerprint: Digest, time: datetime, *, rehearsal: bool = False
) -> Authority:
    """A bundle that chains to this authority, expired or not. Raises CeremonyRefused, and
    MalformedError for what is no bundle."""
    try:
        return load_bundle(raw, fingerprint, time, lenient=True, rehearsal=rehearsal)
    except UntrustedError as error:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            f"the bundle is not this authority's: {error.message}",
            found=error.found,
            expected=error.expected or fingerprint,
        ) from error


def roster_at(authority: Authority | None, time: datetime) -> Roster:
    """The newest roster of the bundle that was approved by then. Raises CeremonyRefused."""
    if authority is None:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "who signed cannot be told: the transcript brings no authority bundle",
            found="a transcript without a bundle",
            expected="the bundle of the authority whose ceremony this is",
            hint="name the bundle with --bundle",
        )
    rosters = [
        each.statement
        for each in authority.state.by_digest.values()
        if isinstance(each.statement.body, Roster) and each.since <= time
    ]
    if not rosters:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "no roster of the bundle is as old as the ceremony",
            found=f"{time:%Y-%m-%d}",
            expected="a bundle whose log goes back to that day",
        )
    newest = max(rosters, key=lambda each: each.version).body
    assert isinstance(newest, Roster)
    return newest
