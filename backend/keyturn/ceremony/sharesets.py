"""What everybody may know of a secret's shares: who holds which, how many are needed, their checks.

Source: our protocol §10.6.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from keyturn.base.strictjson import Fields
from keyturn.ceremony.errors import MalformedCeremony
from keyturn.ceremony.mnemonic import word_count
from keyturn.ceremony.plan import MAX_GROUPS, MAX_MEMBERS, ShareScheme
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.slip39 import IDENTIFIER_BITS
from keyturn.quorum.roster import OfficerId

SIZES = {ShareUse.USER: 16, ShareUse.SO: 16, ShareUse.BACKUP: 32}
"""Bytes of the secret that is split, by use."""
MAX_IDENTIFIER = (1 << IDENTIFIER_BITS) - 1
LEAST_REHEARSED = 1 << (IDENTIFIER_BITS - 1)
"""Identifiers from here on are of rehearsals, those below are in earnest (our protocol §10.6). The
bit is the highest of a share's first word: its own words say which, whatever a host says."""
CHECK_SIZE = 4
"""Bytes of a share's check value."""


@dataclass(frozen=True, slots=True)
class ShareMember:
    """One place of a share set."""

    officer: OfficerId
    group: int
    member: int
    check: str
    """8 hex digits."""


@dataclass(frozen=True, slots=True)
class SetGroup:
    threshold: int
    members: tuple[ShareMember, ...]


@dataclass(frozen=True, slots=True)
class ShareSet:
    """What everybody may know of the shares of one secret."""

    use: ShareUse
    identifier: int
    group_threshold: int
    groups: tuple[SetGroup, ...]

    @property
    def members(self) -> tuple[ShareMember, ...]:
        """All places, in their order."""
        return tuple(each for group in self.groups for each in group.members)

    @property
    def size(self) -> int:
        """Bytes of the secret."""
        return SIZES[self.use]

    @property
    def words(self) -> int:
        """Words of each share."""
        return word_count(self.size)

    def member_of(self, officer: str) -> ShareMember | None:
        """The place of one custodian, who has one at most."""
        return next((each for each in self.members if each.officer == officer), None)

    def number_of(self, member: ShareMember) -> int:
        """The place as people count: 1 to the number of members."""
        return self.members.index(member) + 1

    def document(self) -> dict[str, object]:
        """For a record's facts (our protocol §10.6)."""
        return {
            "use": self.use.value,
            "id": self.identifier,
            "group_threshold": self.group_threshold,
            "groups": [
                {
                    "threshold": group.threshold,
                    "members": [
                        {
                            "officer": each.officer,
                            "group": each.group,
                            "member": each.member,
                            "check": each.check,
                        }
                        for each in group.members
                    ],
                }
                for group in self.groups
            ],
        }


@dataclass(frozen=True, slots=True)
class ShareSheet:
    """What is printed around a share's words, which whoever prints adds: no secret."""

    ceremony: str
    kind: ScriptKind
    rehearsal: bool
    authority: str
    """Its fingerprint, or what there is before it is founded."""
    use: ShareUse
    identifier: int
    """Of the share set."""
    officer: OfficerId
    name: str
    number: int
    """From 1, of `of`."""
    of: int
    needed: str
    """As `needed_text` says it."""
    check: str
    date: str = ""
    """Of the printing."""
    bag: str = ""
    """What is printed on the tamper-evident bag that the sheet goes into; empty: room for it."""


def is_rehearsed(identifier: int) -> bool:
    """Whether a share, or a set, of this identifier is one of a rehearsal."""
    return identifier >= LEAST_REHEARSED


def check_sort(identifier: int, *, rehearsal: bool, what: str = "share") -> None:
    """Raises ShareRefused where `what` is of a real token in a rehearsal, or the other way."""
    found = is_rehearsed(identifier)
    if found is rehearsal:
        return
    of = "a rehearsal" if found else "a real token"
    raise ShareRefused(
        ShareFault.REHEARSED if found else ShareFault.REAL,
        f"{what}: it is {of}'s",
        found=f"a {what} of {of}",
        expected=f"a {what} of {'this rehearsal' if rehearsal else 'the real token'}",
    )


def check_sets(share_sets: Iterable[ShareSet], *, rehearsal: bool) -> None:
    """That share sets are of the sort that the ceremony is. Raises ShareRefused."""
    for each in share_sets:
        check_sort(each.identifier, rehearsal=rehearsal, what="share set")


def needed_text(scheme: ShareSet | ShareScheme) -> str:
    """`3 of 5`, or of each group: `2 of 2 groups: 1 of 1, 2 of 3`."""
    groups = [f"{group.threshold} of {len(group.members)}" for group in scheme.groups]
    if len(groups) == 1:
        return groups[0]
    return f"{scheme.group_threshold} of {len(groups)} groups: {', '.join(groups)}"


def read_share_set(fields: Fields) -> ShareSet:
    """Raises MalformedError."""
    use = fields.choice("use", ShareUse)
    identifier = fields.integer("id", high=MAX_IDENTIFIER)
    group_threshold = fields.integer("group_threshold", low=1, high=MAX_GROUPS)
    objects = fields.objects("groups", limit=MAX_GROUPS)
    groups = tuple(_read_group(each, place) for place, each in enumerate(objects))
    fields.done()
    share_set = ShareSet(use, identifier, group_threshold, groups)
    officers = [each.officer for each in share_set.members]
    if group_threshold > len(groups):
        raise MalformedCeremony(
            f"{fields.what}: group_threshold",
            found=str(group_threshold),
            expected=f"at most the {len(groups)} groups",
        )
    if len(set(officers)) != len(officers):
        raise MalformedCeremony(f"{fields.what}: an officer holds two shares of one secret")
    return share_set


def _read_group(fields: Fields, place: int) -> SetGroup:
    threshold = fields.integer("threshold", low=1, high=MAX_MEMBERS)
    objects = fields.objects("members", limit=MAX_MEMBERS)
    members = tuple(_read_member(each, place, at) for at, each in enumerate(objects))
    fields.done()
    if threshold > len(members):
        raise MalformedCeremony(
            f"{fields.what}: threshold",
            found=str(threshold),
            expected=f"at most the {len(members)} members",
        )
    return SetGroup(threshold, members)


def _read_member(fields: Fields, group: int, member: int) -> ShareMember:
    officer = OfficerId(fields.text("officer", limit=64))
    fields.literal("group", group)
    fields.literal("member", member)
    check = fields.hex("check", size=CHECK_SIZE).hex()
    fields.done()
    return ShareMember(officer, group, member, check)
