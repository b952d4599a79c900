"""Shares of a ceremony: dealt to custodians, and gathered again.

Source: our protocol §10.6. Each share has a public check value, 32 bits of a hash of its words:
enough to tell a wrong share at once. What that costs is that M-1 custodians could test guesses of
a missing share; it has 128 bits or more, so no guess comes near. Without check values they would
know nothing at all; with them, nothing that can be computed.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from keyturn.ceremony.mnemonic import Share, parse_words, write_words
from keyturn.ceremony.plan import ShareScheme
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.sharesets import (
    CHECK_SIZE,
    LEAST_REHEARSED,
    SIZES,
    SetGroup,
    ShareMember,
    ShareSet,
    check_sort,
    is_rehearsed,
    needed_text,
)
from keyturn.ceremony.slip39 import Random, combine
from keyturn.ceremony.slip39 import split as split_secret
from keyturn.quorum.roster import OfficerId
from keyturn.seal.keys import wipe

EXPONENT = 1
"""SLIP-39's iteration exponent: 20,000 iterations of PBKDF2 in all. What is split is random."""
_CHECK_CONTEXT = b"keyturn-share-check-v1"
_NAMES = {
    ShareUse.USER: "the user PIN",
    ShareUse.SO: "the SO PIN",
    ShareUse.BACKUP: "the backup secret",
}


@dataclass(frozen=True, slots=True, eq=False)
class DealtShare:
    """One custodian's share, to be sealed to them and wiped."""

    member: ShareMember
    words: bytearray = field(repr=False)

    def wipe(self) -> None:
        wipe(self.words)


@dataclass(frozen=True, slots=True)
class Needed:
    """How many more shares one group needs; 0 where it has enough."""

    group: int
    have: int
    threshold: int

    @property
    def missing(self) -> int:
        return max(0, self.threshold - self.have)


def check_value(words: bytes | bytearray) -> str:
    """8 hex digits by which a share is told from every other, and which may be read aloud."""
    digest = hashlib.sha256(_CHECK_CONTEXT)
    digest.update(words)
    return digest.hexdigest()[: 2 * CHECK_SIZE]


def split(
    secret: bytearray,
    scheme: ShareScheme,
    use: ShareUse,
    *,
    rehearsal: bool,
    random: Random,
    others: Sequence[ShareSet] = (),
) -> tuple[ShareSet, tuple[DealtShare, ...]]:
    """Split `secret`, whose size its use says, and describe the shares.

    The identifier is of the sort that `rehearsal` says; each share's first word tells it. No set of
    `others` (of the same ceremony) gets the same identifier, so that a share of another secret is
    known for what it is. Raises ValueError where the scheme cannot be split by.
    """
    if len(secret) != SIZES[use]:
        raise ValueError(f"{_NAMES[use]} is split as {SIZES[use]} bytes")
    identifier = _identifier(random, rehearsal, {each.identifier for each in others})
    dealt = split_secret(
        secret,
        scheme.group_threshold,
        [(group.threshold, len(group.members)) for group in scheme.groups],
        identifier=identifier,
        random=random,
        exponent=EXPONENT,
    )
    groups, shares = [], []
    for group, of_group in zip(scheme.groups, dealt, strict=True):
        members = []
        for officer, share in zip(group.members, of_group, strict=True):
            words = write_words(share)
            share.wipe()
            member = ShareMember(officer, share.group, share.member, check_value(words))
            members.append(member)
            shares.append(DealtShare(member, words))
        groups.append(SetGroup(group.threshold, tuple(members)))
    return ShareSet(use, identifier, scheme.group_threshold, tuple(groups)), tuple(shares)


def _identifier(random: Random, rehearsal: bool, taken: set[int]) -> int:
    first = LEAST_REHEARSED if rehearsal else 0
    while (found := first + int.from_bytes(random(2), "big") % LEAST_REHEARSED) in taken:
        pass
    return found


def check_words(words: bytes | bytearray, *, rehearsal: bool) -> None:
    """Whether a share is of the sort that the ceremony is, by its own words, whatever set a host
    shows (our protocol §10.6). Raises MalformedShare, ShareRefused."""
    share = parse_words(words)
    share.wipe()
    check_sort(share.identifier, rehearsal=rehearsal)


def _checks(share_set: ShareSet) -> frozenset[str]:
    return frozenset(each.check for each in share_set.members)


class Gathering:
    """Shares as custodians enter them, until there are enough. `wipe` it after use.

    Each is checked on entry, against the set and the custodian who enters it; what is refused is
    not kept. `others` are the other sets of the ceremony, so that a share of another secret is
    refused by its name.
    """

    def __init__(self, share_set: ShareSet, others: Sequence[ShareSet] = ()) -> None:
        self._set = share_set
        self._others = tuple(others)
        self._shares: dict[OfficerId, Share] = {}

    @property
    def entered(self) -> tuple[OfficerId, ...]:
        """Whose shares are here, in the order of their coming."""
        return tuple(self._shares)

    @property
    def enough(self) -> bool:
        full = sum(each.missing == 0 for each in self.needed())
        return full >= self._set.group_threshold

    @property
    def complete(self) -> bool:
        """Whether every share of the set is here: each has been proved."""
        return len(self._shares) == len(self._set.members)

    def needed(self) -> tuple[Needed, ...]:
        """Of each group."""
        groups = [each.group for each in self._shares.values()]
        return tuple(
            Needed(place, groups.count(place), group.threshold)
            for place, group in enumerate(self._set.groups)
        )

    def add(self, officer: str, words: bytes | bytearray) -> ShareMember:
        """Take one share from the officer who enters it; the caller wipes `words`.

        Raises MalformedShare or ShareRefused, and keeps nothing of what it refuses.
        """
        member, share = self._read(officer, words)
        if member.officer in self._shares:
            share.wipe()
            raise ShareRefused(
                ShareFault.TWICE,
                "share: it has been entered already",
                found=self._place(member),
                expected="each share once",
                hint="Another custodian's share is needed.",
            )
        self._shares[member.officer] = share
        return member

    def prove(self, officer: str, words: bytes | bytearray) -> ShareMember:
        """Check a share as `add` does, and keep nothing. Raises as `add` does."""
        member, share = self._read(officer, words)
        share.wipe()
        return member

    def combine(self) -> bytearray:
        """The secret, its digest checked; wipe it after use. The shares are wiped.

        Raises ShareRefused: too few shares (they stay), or shares that give no secret.
        """
        if not self.enough:
            raise ShareRefused(
                ShareFault.TOO_FEW,
                f"shares of {_NAMES[self._set.use]}: not enough yet",
                found=str(len(self._shares)),
                expected=needed_text(self._set),
            )
        full = [each.group for each in self.needed() if each.missing == 0]
        chosen: list[Share] = []
        for place in full[: self._set.group_threshold]:
            of_group = [each for each in self._shares.values() if each.group == place]
            chosen += of_group[: self._set.groups[place].threshold]
        try:
            return combine(chosen)
        finally:
            self.wipe()

    def wipe(self) -> None:
        """Forget all shares."""
        for each in self._shares.values():
            each.wipe()
        self._shares.clear()

    def _read(self, officer: str, words: bytes | bytearray) -> tuple[ShareMember, Share]:
        own = self._set.member_of(officer)
        if own is None:
            raise ShareRefused(
                ShareFault.NOT_A_CUSTODIAN,
                f"shares of {_NAMES[self._set.use]}: this officer holds none",
                found=officer[:64],
                expected="a custodian of this secret",
            )
        share = parse_words(words)
        try:
            self._check_set(share, check_value(words))
            self._check_place(share, own)
            self._check_value(check_value(words), own)
        except ShareRefused:
            share.wipe()
            raise
        return own, share

    def _check_set(self, share: Share, check: str) -> None:
        if (share.identifier, share.extendable, share.exponent, len(share.value)) == (
            self._set.identifier,
            False,
            EXPONENT,
            self._set.size,
        ):
            return
        check_sort(share.identifier, rehearsal=is_rehearsed(self._set.identifier))
        for other in self._others:
            known = share.identifier == other.identifier and check in _checks(other)
            if known and other.use is not self._set.use:
                raise ShareRefused(
                    ShareFault.OTHER_USE,
                    f"share: it is one of {_NAMES[other.use]}",
                    expected=f"a share of {_NAMES[self._set.use]}",
                    hint="Take the sheet of the other secret.",
                )
        raise ShareRefused(
            ShareFault.OTHER_SET,
            "share: it is of another set",
            found=f"set {share.identifier}",
            expected=f"set {self._set.identifier}",
            hint="It comes from another ceremony: shares made before the last change are void.",
        )

    def _check_place(self, share: Share, own: ShareMember) -> None:
        groups = self._set.groups
        shape = (share.groups, share.group_threshold) == (len(groups), self._set.group_threshold)
        if not shape or share.member >= len(groups[share.group].members):
            raise self._unknown_place()
        if share.threshold != groups[share.group].threshold:
            raise self._unknown_place()
        place = groups[share.group].members[share.member]
        if place != own:
            raise ShareRefused(
                ShareFault.OTHER_CUSTODIAN,
                "share: it is another custodian's",
                found=self._place(place),
                expected=self._place(own),
                hint="Sheets may have been swapped: stop, and have the witness record it.",
            )

    def _check_value(self, check: str, own: ShareMember) -> None:
        if not hmac.compare_digest(check, own.check):
            raise ShareRefused(
                ShareFault.WRONG_CHECK,
                "share: it is not the one that was dealt",
                found=f"check value {check}",
                expected=f"check value {own.check}",
                hint="Its form is right, its content is not: have the witness record it.",
            )

    def _unknown_place(self) -> ShareRefused:
        return ShareRefused(
            ShareFault.OTHER_SET,
            "share: its place is none of this set's",
            expected=needed_text(self._set),
        )

    def _place(self, member: ShareMember) -> str:
        number, of = self._set.number_of(member), len(self._set.members)
        return f"share {number} of {of}, of {member.officer}"
