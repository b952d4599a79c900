"""Secrets as shares: split into boxes for custodians, put together from what they enter (§10.6).

A secret that is split is durable as boxes before it is used: a kill never leaves a token whose PIN
nobody has. What is entered lies in this process's memory from its coming to its use, is put
together only then, into a memory file, and is wiped.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from keyturn.base.encoding import Digest, b64
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.ceremony.custody import UNLOCKS
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.plan import ShareScheme
from keyturn.ceremony.script import Action, ShareUse
from keyturn.ceremony.shareboxes import box_info, seal_box
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.shares import DealtShare, Gathering, split
from keyturn.ceremony.sharesets import ShareSet, read_share_set
from keyturn.ceremony.slip39 import Random
from keyturn.hsm.pins import new_pin, pin_file
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.seal.keys import wipe
from keyturn.wire.ceremonies import ShareBox

BOXES = "boxes.json"
BEFORE = "boxes-before.json"
SETS = "share-sets.json"
_MAX_FILE = 4 << 20


@dataclass(frozen=True, slots=True)
class Boxes:
    """What was dealt: the sets, for everybody to know, and the boxes, for their custodians."""

    sets: tuple[ShareSet, ...]
    boxes: tuple[ShareBox, ...]


def deal(
    secrets: Mapping[ShareUse, bytearray],
    schemes: Mapping[ShareUse, ShareScheme],
    roster: Roster,
    ceremony: str,
    plan: Digest,
    random: Random,
    *,
    rehearsal: bool,
) -> Boxes:
    """Split each secret by its scheme and seal every share to its custodian; shares are wiped.

    Raises CeremonyRefused for a custodian whom nothing can be sealed to.
    """
    sets: list[ShareSet] = []
    boxes: list[ShareBox] = []
    for use, secret in secrets.items():
        share_set, dealt = split(
            secret, schemes[use], use, rehearsal=rehearsal, random=random, others=sets
        )
        try:
            boxes += [_box(each, use, roster, ceremony, plan) for each in dealt]
        finally:
            for each in dealt:
                each.wipe()
        sets.append(share_set)
    return Boxes(tuple(sets), tuple(boxes))


def _box(dealt: DealtShare, use: ShareUse, roster: Roster, ceremony: str, plan: Digest) -> ShareBox:
    place = dealt.member
    info = box_info(ceremony, plan, use, place.officer, place.group, place.member)
    sealed = seal_box(dealt.words, custodian_key(roster, place.officer), info)
    return ShareBox(place.officer, use.value, place.group, place.member, sealed)


def custodian_key(roster: Roster, officer: OfficerId) -> bytes:
    """The HPKE key that a custodian's shares are sealed to. Raises CeremonyRefused."""
    found = roster.officers.get(officer)
    if found is None or found.hpke is None:
        raise CeremonyRefused(
            CeremonyReason.UNFIT_PARTICIPANT,
            "a custodian has no key to which a share can be sealed",
            found=officer,
            expected="an officer whose entry in the roster has an hpke key",
        )
    return found.hpke


def keep_boxes(files: CeremonyFiles, boxes: Boxes) -> None:
    """Durable when it returns, and before any secret of these shares is used."""
    _keep_box_file(files, BOXES, boxes)
    files.keep(SETS, sets_document(boxes.sets))


def keep_boxes_before(files: CeremonyFiles, boxes: Boxes) -> None:
    """Of the sets that a rehearsal finds: what is dealt in it replaces none of them."""
    _keep_box_file(files, BEFORE, boxes)


def _keep_box_file(files: CeremonyFiles, name: str, boxes: Boxes) -> None:
    files.keep(
        name,
        dump(
            {
                "type": "share-boxes",
                "format": 1,
                "boxes": [
                    {
                        "officer": each.officer,
                        "use": each.use,
                        "group": each.group,
                        "member": each.member,
                        "box": b64(each.box),
                    }
                    for each in boxes.boxes
                ],
            }
        ),
    )


def boxes_for(files: CeremonyFiles, action: Action) -> tuple[ShareBox, ...]:
    """What a step of this kind shows: where something is opened the boxes of the shares that stood
    before, else those that the ceremony dealt; of each use those of one set. Raises MalformedError.
    """
    before, dealt = kept_boxes(files, BEFORE), kept_boxes(files)
    first, then = (before, dealt) if action in UNLOCKS else (dealt, before)
    uses = {each.use for each in first}
    return (*first, *(each for each in then if each.use not in uses))


def kept_boxes(files: CeremonyFiles, name: str = BOXES) -> tuple[ShareBox, ...]:
    """None once the ceremony is over. Raises MalformedError."""
    raw = files.kept(name)
    if raw is None:
        return ()
    fields = parse_object(raw, limit=_MAX_FILE, what="share boxes")
    fields.literal("type", "share-boxes")
    fields.literal("format", 1)
    boxes = tuple(_read_box(each) for each in fields.objects("boxes"))
    fields.done()
    return boxes


def kept_sets(files: CeremonyFiles) -> tuple[ShareSet, ...]:
    """What this ceremony dealt, whether or not it took effect. Raises MalformedError."""
    raw = files.kept(SETS)
    return read_sets(raw) if raw is not None else ()


def sets_document(sets: Sequence[ShareSet]) -> bytes:
    document = {"type": "share-sets", "format": 1, "sets": [each.document() for each in sets]}
    return dump(document)


def read_sets(raw: bytes) -> tuple[ShareSet, ...]:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=_MAX_FILE, what="share sets")
    fields.literal("type", "share-sets")
    fields.literal("format", 1)
    sets = tuple(read_share_set(each) for each in fields.objects("sets", limit=64))
    fields.done()
    return sets


def _read_box(fields: Fields) -> ShareBox:
    box = ShareBox(
        fields.text("officer", limit=64),
        fields.text("use", limit=20),
        fields.integer("group", high=15),
        fields.integer("member", high=15),
        fields.b64("box", limit=4096),
    )
    fields.done()
    return box


class Entered:
    """Shares that custodians entered in one step. Not for many threads; `wipe` it."""

    def __init__(self, sets: Sequence[ShareSet]) -> None:
        """`sets`: those in force, and those that are to follow them."""
        self._gatherings = [
            (each, Gathering(each, [other for other in sets if other is not each])) for each in sets
        ]

    def ask_for(self, sets: Sequence[ShareSet]) -> None:
        """Shares of these too, beside what came of others."""
        known = [each for each, _ in self._gatherings]
        for each in sets:
            if each not in known:
                others = [other for other in (*known, *sets) if other is not each]
                self._gatherings.append((each, Gathering(each, others)))

    @property
    def entered(self) -> tuple[tuple[str, str], ...]:
        """(use, officer) of every share that is here."""
        return tuple(
            dict.fromkeys(
                (share_set.use.value, officer)
                for share_set, gathering in self._gatherings
                for officer in gathering.entered
            )
        )

    def holds(self, share_set: ShareSet, officer: str) -> bool:
        """Whether this officer's share of that set is here, or there is none of theirs."""
        if share_set.member_of(officer) is None:
            return True
        return any(
            officer in each.entered for known, each in self._gatherings if known == share_set
        )

    def uses_of(self, officer: str) -> tuple[ShareUse, ...]:
        """What this officer may hold shares of."""
        uses = (each.use for each, _ in self._gatherings if each.member_of(officer) is not None)
        return tuple(dict.fromkeys(uses))

    def prove(self, use: ShareUse, officer: str, words: bytearray) -> None:
        """As `add`, and nothing is kept."""
        self._given(use, officer, words, Gathering.prove)

    def add(self, use: ShareUse, officer: str, words: bytearray) -> None:
        """Checked against each set of its use. Raises MalformedShare, ShareRefused."""
        self._given(use, officer, words, Gathering.add)

    def _given(
        self,
        use: ShareUse,
        officer: str,
        words: bytearray,
        give: Callable[[Gathering, str, bytearray], object],
    ) -> None:
        candidates = [each for share_set, each in self._gatherings if share_set.use is use]
        if not candidates:
            raise ShareRefused(
                ShareFault.NOT_A_CUSTODIAN,
                f"no shares of the {use.value} kind are entered here",
                found=officer[:64],
            )
        refused: ShareRefused | None = None
        for each in reversed(candidates):  # the newest last: its word on what is wrong counts
            try:
                give(each, officer, words)
            except ShareRefused as error:
                refused = error if refused is None or error.fault is ShareFault.TWICE else refused
            else:
                return
        assert refused is not None
        raise refused

    def opened(self, use: ShareUse) -> tuple[int, tuple[OfficerId, ...]] | None:
        """(identifier, officers) of a set of which enough shares are here."""
        for share_set, each in self._gatherings:
            if share_set.use is use and each.enough:
                return share_set.identifier, each.entered
        return None

    def has_enough(self, use: ShareUse, sets: Collection[ShareSet] | None = None) -> bool:
        """Of one of these sets; None: of any."""
        return any(
            each.enough
            for share_set, each in self._gatherings
            if share_set.use is use and (sets is None or share_set in sets)
        )

    def is_complete(self, use: ShareUse) -> bool:
        """Whether every custodian's share of one set is here."""
        return any(each.complete for share_set, each in self._gatherings if share_set.use is use)

    def candidates(self, use: ShareUse) -> tuple[Gathering, ...]:
        """Those from which the secret may be put together now: one, but after a step that changes
        the secret was cut off."""
        return tuple(
            each for share_set, each in self._gatherings if share_set.use is use and each.enough
        )

    def part(self, use: ShareUse) -> "Entered":
        """Those of one use alone, which it owns from now on."""
        part = Entered(())
        part._gatherings = [pair for pair in self._gatherings if pair[0].use is use]
        self._gatherings = [pair for pair in self._gatherings if pair[0].use is not use]
        return part

    def part_of(self, sets: Collection[ShareSet]) -> "Entered":
        """Those of these sets alone, which it owns from now on."""
        part = Entered(())
        part._gatherings = [pair for pair in self._gatherings if pair[0] in sets]
        self._gatherings = [pair for pair in self._gatherings if pair[0] not in sets]
        return part

    def wipe(self) -> None:
        for _, each in self._gatherings:
            each.wipe()


@contextmanager
def put_together(gathering: Gathering) -> Iterator[bytearray]:
    """The secret itself, wiped at the end, and the shares with it. Raises ShareRefused."""
    secret = gathering.combine()
    try:
        yield secret
    finally:
        wipe(secret)


@contextmanager
def pin_descriptor(secret: bytearray, name: str = "pin") -> Iterator[int]:
    """A memory file for the children that read it: a PIN, or the backup secret, as hex digits.

    What was written is wiped, the file emptied and closed."""
    pin = bytearray(2 * len(secret))
    for start in range(0, len(secret), 16):
        half = new_pin(bytes(secret[start : start + 16]))
        pin[2 * start : 2 * start + 32] = half
        wipe(half)
    try:
        with ExitStack() as stack:
            descriptor = pin_file(pin, name)
            stack.callback(_emptied, descriptor)
            yield descriptor
    finally:
        wipe(pin)


def _emptied(descriptor: int) -> None:
    """Overwritten before it goes: pages of a memory file that a child still maps hold zeros."""
    try:
        size = os.fstat(descriptor).st_size
        os.pwrite(descriptor, bytes(size), 0)
    finally:
        os.close(descriptor)
