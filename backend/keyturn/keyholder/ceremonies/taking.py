"""Taking what officers hand in: step signatures, with shares or statements, and words.

A signature is proved before anything beside it is looked at. Of what is refused nothing is kept.
"""

import contextlib
from collections.abc import Sequence

from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.checks import (
    check_envelope,
    check_said,
    check_step_signature,
    check_time,
)
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostphrase import check_entered_host
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.steps import (
    StepSignature,
    Word,
    parse_said,
    parse_step_signature,
)
from keyturn.ceremony.transcript import MAX_RECORDS
from keyturn.keyholder.ceremonies.acting import Acting, end
from keyturn.keyholder.ceremonies.authorising import check_still
from keyturn.keyholder.ceremonies.hosting import Hosting, asks_for_shares
from keyturn.keyholder.ceremonies.needs import Need, Opens
from keyturn.keyholder.ceremonies.opening import keep_fresh, open_fresh, open_token
from keyturn.keyholder.ceremonies.running import Running
from keyturn.keyholder.ceremonies.seenlogs import check_seen
from keyturn.keyholder.ceremonies.sharing import Entered
from keyturn.keyholder.ceremonies.site import DeskSite
from keyturn.seal.keys import wipe

_EVENTS = {
    Word.NOTE: Event.NOTE,
    Word.EXCEPTION: Event.EXCEPTION,
    Word.ABORT: Event.ABORTED,
    Word.RESUME: Event.RESUMED,
}
_OPEN = {
    Opens.IN_USE: open_token,
    Opens.FRESH: open_fresh,
    Opens.FRESH_PIN: keep_fresh,
}

MAX_WORDS = 100
"""Of one officer in one ceremony. Each is a record, and an entry of the log."""
MAX_SO_FAR = MAX_RECORDS - 200
"""Records after which a ceremony only goes on to its end: a longer transcript is read by nobody."""


class Taking:
    """Every method under the host's lock."""

    def __init__(self, hosting: Hosting, acting: Acting) -> None:
        self._hosting = hosting
        self._acting = acting

    def sign(self, running: Running, envelope: bytes, attached: Sequence[bytes]) -> bool:
        """Whether this was the last signature that the step needed: its action has begun.

        Raises MalformedError, CeremonyRefused, MalformedShare, ShareRefused.
        """
        hosting = self._hosting
        hosting.check_idle()
        signature = parse_step_signature(envelope)
        step = running.course.step
        if step is None:
            raise CeremonyRefused(CeremonyReason.OVER, "the ceremony is over")
        check_envelope(signature.envelope, signature.officer, running.course.roster)
        plan = running.course.plan
        check_still(plan, hosting.site, signature.officer, signature.envelope)
        self._check_resumed(running)
        check_entered_host(running.course.plan.kind, signature, hosting.key.public)
        check_seen(running.course, signature, hosting.site)
        needs = hosting.needs(running)
        if needs and signature.part is Part.CUSTODIAN and attached:
            self._reopen(running, signature, attached, needs)
            return False
        if needs:
            raise CeremonyRefused(
                CeremonyReason.LOCKED,
                "something must be opened before this step",
                found=", ".join(each.value for each in hosting.unmet(running)),
                expected="enough custodians' shares of it, attached to this step",
            )
        self._take(running, signature, attached)
        return self._begin_if_complete(running)

    def say(self, running: Running, envelope: bytes) -> None:
        """Raises MalformedError, CeremonyRefused."""
        hosting = self._hosting
        hosting.check_idle()
        said = parse_said(envelope)
        check_said(running.course, said, hosting.site.now())
        check_still(running.course.plan, hosting.site, said.officer, said.envelope)
        if said.word is Word.RESUME and not running.interrupted:
            raise CeremonyRefused(CeremonyReason.WRONG_PLACE, "nothing interrupted the ceremony")
        if said.word is Word.EXCEPTION:
            self._check_resumed(running)
        if said.word is Word.ABORT:
            self._check_can_be_taken_back(running)
        else:
            _check_room(running, said.officer)
        hosting.record(running, _EVENTS[said.word], step=None, signed=(said.raw,), facts={})
        if said.word is Word.RESUME:
            running.interrupted = False
        if said.word is Word.ABORT:
            end(hosting, running)

    def _check_can_be_taken_back(self, running: Running) -> None:
        """What makes a token is undone where it was made: a keyholder that runs on it is not."""
        kind = running.course.plan.kind
        if kind in self._hosting.undos and not isinstance(self._hosting.site, DeskSite):
            raise CeremonyRefused(
                CeremonyReason.WRONG_CEREMONY,
                f"a {kind.value} is not taken back at the keyholder that it made",
                hint="finish it here; or stop the keyholder, and abort it at a host process",
            )

    def _check_resumed(self, running: Running) -> None:
        if running.interrupted:
            raise CeremonyRefused(
                CeremonyReason.INTERRUPTED,
                "the host was stopped since the last record",
                hint="the administrator or the witness resumes it, or aborts it",
            )

    def _take(self, running: Running, signature: StepSignature, attached: Sequence[bytes]) -> None:
        hosting, step = self._hosting, running.course.step
        assert step is not None
        check_step_signature(
            running.course,
            signature,
            hosting.site.now(),
            signed=running.signatures,
            attached=attached,
        )
        if asks_for_shares(step) and signature.part is Part.CUSTODIAN:
            uses = [
                use
                for each in step.signers
                if each.part is Part.CUSTODIAN
                for use in running.course.held(signature.officer, each, step.action)
            ]
            self._enter_shares(running, hosting.entering(running), signature, attached, uses)
        elif attached:
            check = hosting.act(step).check
            if check is None:
                raise CeremonyRefused(
                    CeremonyReason.WRONG_ATTACHMENT, "nothing is attached to this step"
                )
            check(hosting.doing(running), signature, tuple(attached))
            running.attached[signature.officer] = tuple(attached)
        running.signatures.append(signature)

    def _begin_if_complete(self, running: Running) -> bool:
        hosting, step = self._hosting, running.course.step
        assert step is not None
        if not running.course.complete(running.signatures):
            return False
        complete = hosting.act(step).complete
        if complete is not None and not complete(hosting.doing(running)):
            return False
        self._acting.begin(running)
        return True

    def _reopen(
        self,
        running: Running,
        signature: StepSignature,
        attached: Sequence[bytes],
        needs: Sequence[Need],
    ) -> None:
        """Shares for what must be open: no signature of the step, which is signed afterwards."""
        hosting, course = self._hosting, running.course
        if signature.place != course.place or course.step is None:
            raise CeremonyRefused(CeremonyReason.WRONG_PLACE, "signed for another place")
        check_time(signature.time, hosting.site.now())
        if tuple(map(digest_of, attached)) != signature.attached:
            raise CeremonyRefused(
                CeremonyReason.WRONG_ATTACHMENT, "what is attached is not what was signed"
            )
        shares = hosting.reopening(running)
        uses = shares.uses_of(signature.officer)
        self._enter_shares(running, shares, signature, attached, uses)
        try:
            for need in needs:
                if shares.has_enough(need.use, need.sets):
                    self._opened(running, need, shares.part_of(need.sets))
        except KeyturnError:
            shares.wipe()  # else each further share would be another try of the same PIN
            running.reopening = None
            raise

    def _opened(self, running: Running, need: Need, shares: Entered) -> None:
        hosting, plan = self._hosting, running.course.plan
        if need.opens is Opens.HELD:
            running.hold(need.use, shares)
            return
        try:
            _OPEN[need.opens](hosting.site, plan, shares)
        finally:
            shares.wipe()
        if need.opens is Opens.IN_USE:
            for each in hosting.ceremonies.values():
                hosting.enter(each)

    def _enter_shares(
        self,
        running: Running,
        shares: Entered,
        signature: StepSignature,
        attached: Sequence[bytes],
        uses: Sequence[ShareUse],
    ) -> None:
        """All of what one custodian attaches, or none of it."""
        opened: list[tuple[ShareUse, bytearray]] = []
        try:
            for sealed in attached:
                left = [use for use in uses if use not in {each for each, _ in opened}]
                opened.append(self._open(running, signature, sealed, left))
            for use, words in opened:
                shares.prove(use, signature.officer, words)
            for use, words in opened:
                shares.add(use, signature.officer, words)
        finally:
            for _, words in opened:
                wipe(words)

    def _open(
        self,
        running: Running,
        signature: StepSignature,
        sealed: bytes,
        uses: Sequence[ShareUse],
    ) -> tuple[ShareUse, bytearray]:
        place = running.course.place
        key = self._hosting.key
        for use in uses:
            with contextlib.suppress(CeremonyRefused):
                words = key.open(sealed, place.ceremony, place.previous, use, signature.officer)
                return use, words
        raise CeremonyRefused(
            CeremonyReason.WRONG_SHARE,
            "the share was not sealed for this step of this ceremony at this host",
            expected=", ".join(use.value for use in uses) or "no share of this officer's",
            hint="ask for the host's key again, and enter the share again",
        )


def _check_room(running: Running, officer: str) -> None:
    """Raises CeremonyRefused once somebody has said enough."""
    records = running.course.records
    words = [each for each in records if each.event in _EVENTS.values()]
    said = sum(parse_said(each.signed[0]).officer == officer for each in words)
    if said >= MAX_WORDS or len(records) >= MAX_SO_FAR:
        raise CeremonyRefused(
            CeremonyReason.WRONG_PLACE,
            "enough was said in this ceremony",
            found=f"{said} words of {officer}, {len(records)} records",
            expected=f"at most {MAX_WORDS} of one officer",
            hint="finish it, or abort it",
        )
