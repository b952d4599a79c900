"""Shares that were dealt, for the tests of what is done with them."""

import secrets
from dataclasses import dataclass

from keyturn.ceremony.plan import ShareGroup, ShareScheme
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shares import DealtShare, split
from keyturn.ceremony.sharesets import SIZES, ShareSet
from keyturn.quorum.roster import OfficerId


def scheme(*groups: tuple[int, str], needed: int = 1) -> ShareScheme:
    """`(2, "ada bob cem")` is two of three."""
    return ShareScheme(
        needed,
        tuple(
            ShareGroup(threshold, tuple(map(OfficerId, names.split())))
            for threshold, names in groups
        ),
    )


FIVE = scheme((3, "ada bob cem dee eva"))


@dataclass(frozen=True, slots=True)
class Dealt:
    secret: bytes
    set: ShareSet
    shares: tuple[DealtShare, ...]

    def words(self, officer: str) -> bytearray:
        """A copy of what this custodian got."""
        return next(bytearray(each.words) for each in self.shares if each.member.officer == officer)


def deal(
    use: ShareUse = ShareUse.USER,
    by: ShareScheme = FIVE,
    others: tuple[ShareSet, ...] = (),
    *,
    rehearsal: bool = False,
) -> Dealt:
    secret = secrets.token_bytes(SIZES[use])
    share_set, shares = split(
        bytearray(secret),
        by,
        use,
        rehearsal=rehearsal,
        random=secrets.token_bytes,
        others=others,
    )
    return Dealt(secret, share_set, shares)
