"""A custodian's own shares: opened from their box, checked as they are typed, sealed to the host.

Words are here for as long as the caller needs them, in a `bytearray` that the caller wipes. No
function here writes or shows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from keyturn.base.errors import UntrustedError
from keyturn.ceremony.course import Course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostdocument import HostDocument
from keyturn.ceremony.script import Attaches, Part, ShareUse, Step
from keyturn.ceremony.shareboxes import box_info, entry_info, seal_entry
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.shares import Gathering, check_words
from keyturn.ceremony.sharesets import ShareMember, ShareSet
from keyturn.officerkeys.signer import Unsealer
from keyturn.seal.keys import wipe
from keyturn.wire.ceremonies import ShareBox


@dataclass(frozen=True, slots=True, eq=False)
class OwnShare:
    """One share, open. Wipe it as soon as it was read."""

    share_set: ShareSet
    member: ShareMember
    words: bytearray = field(repr=False)

    @property
    def use(self) -> ShareUse:
        return self.share_set.use

    def wipe(self) -> None:
        wipe(self.words)


def boxes_of(boxes: Sequence[ShareBox], officer: str) -> tuple[ShareBox, ...]:
    """Those that are for this officer, by the host's word."""
    return tuple(each for each in boxes if each.officer == officer)


def open_box(
    course: Course, sets: Sequence[ShareSet], box: ShareBox, unsealer: Unsealer
) -> OwnShare:
    """Open one's own share and check it against the set that the transcript names.

    Raises CeremonyRefused where the box is none of this ceremony's, or not this officer's;
    ShareRefused and MalformedShare where what is in it is not the share that the set describes.
    """
    use = _use(box.use)
    if box.officer != unsealer.officer:
        raise _not_yours(box, unsealer.officer)
    plan = course.plan
    info = box_info(
        plan.ceremony, course.signed_plan.digest, use, box.officer, box.group, box.member
    )
    share_set = set_of(sets, use)
    try:
        words = unsealer.unseal(box.box, info)
    except UntrustedError as error:
        raise _not_yours(box, unsealer.officer) from error
    try:
        member = Gathering(share_set, sets).prove(box.officer, words)
        if (member.group, member.member) != (box.group, box.member):
            raise _not_yours(box, unsealer.officer)
    except BaseException:
        wipe(words)
        raise
    return OwnShare(share_set, member, words)


def check_typed(
    sets: Sequence[ShareSet], use: ShareUse, officer: str, words: bytearray, *, rehearsal: bool
) -> ShareMember:
    """What was typed is this officer's share of that secret, before it leaves this machine.

    Whether it is one of a rehearsal its own words say, whatever sets a host shows.
    Raises MalformedShare, ShareRefused.
    """
    check_words(words, rehearsal=rehearsal)
    return Gathering(set_of(sets, use), sets).prove(officer, words)


def seal_share(
    course: Course, host: HostDocument, use: ShareUse, officer: str, words: bytearray
) -> bytes:
    """To a host whose document was verified, for the step that waits now and no other.

    No share of a real token goes to a rehearsal, nor the other way: MalformedShare, ShareRefused.
    """
    check_words(words, rehearsal=course.plan.rehearsal)
    place = course.place
    info = entry_info(host.boot, place.ceremony, place.previous, use, officer)
    return seal_entry(words, host.key, info)


def uses_to_enter(course: Course, step: Step, officer: str) -> tuple[ShareUse, ...]:
    """Of which secrets this custodian enters a share in a step, in a fixed order."""
    if step.attaches is not Attaches.SHARE:
        return ()
    held = {
        use
        for signers in step.signers
        if signers.part is Part.CUSTODIAN
        for use in course.held(officer, signers, step.action)
    }
    return tuple(use for use in ShareUse if use in held)


def uses_to_open(
    course: Course,
    unmet: Sequence[ShareUse],
    entered: Sequence[tuple[str, str]],
    officer: str,
) -> tuple[ShareUse, ...]:
    """Of what a host says is unmet, those that this custodian holds and has not entered yet.

    `entered`: (use, officer), by the host's word.
    """
    schemes = ((use, course.opening_scheme(use)) for use in unmet)
    held = (use for use, scheme in schemes if scheme is not None and officer in scheme.officers)
    return tuple(use for use in held if (use.value, officer) not in entered)


def set_of(sets: Sequence[ShareSet], use: ShareUse) -> ShareSet:
    """The newest of that use. Raises ShareRefused where there is none."""
    for each in reversed(sets):
        if each.use is use:
            return each
    raise ShareRefused(
        ShareFault.OTHER_USE,
        f"this ceremony has no shares of the {use.value} kind",
        found=", ".join(sorted({each.use.value for each in sets})) or "no share sets",
        expected=use.value,
    )


def _use(text: str) -> ShareUse:
    try:
        return ShareUse(text)
    except ValueError as error:
        raise CeremonyRefused(
            CeremonyReason.WRONG_SHARE,
            "a share box of no known kind",
            found=repr(text[:20]),
            expected=", ".join(each.value for each in ShareUse),
        ) from error


def _not_yours(box: ShareBox, officer: str) -> CeremonyRefused:
    return CeremonyRefused(
        CeremonyReason.WRONG_SHARE,
        "this share box cannot be opened with your key for this ceremony",
        found=f"a box for {box.officer}, group {box.group + 1}, member {box.member + 1}",
        expected=f"a box that was sealed to {officer} for this very place",
        hint="Have the witness record it: whoever keeps the boxes exchanged or changed one.",
    )
