"""A ceremony's host behind the client's door: every answer proved before a presenter sees it."""

import threading
from collections.abc import Callable
from datetime import datetime

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostdocument import parse_host
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.seencheckpoint import seen_entries
from keyturn.ceremony.steps import Word
from keyturn.ceremony.transcript import make_transcript, parse_transcript
from keyturn.client import ceremonyshares
from keyturn.client.ceremonies import CeremonyReader, Followed
from keyturn.client.ceremonybrought import Brought, check_quorum
from keyturn.client.ceremonydoor import (
    CeremonyDoor,
    LocalDoor,
    ServerDoor,
    put_restore,
    transcript_of,
)
from keyturn.client.ceremonyfiles import fetch_file, put_file
from keyturn.client.ceremonysigning import (
    open_request,
    say_request,
    shown_statements,
    sign_request,
    sign_statements,
    unlock_request,
)
from keyturn.client.ceremonytrust import (
    HOST_TRUSTED,
    Expected,
    HostNotCompared,
    Prove,
    TrustedHost,
    key_fingerprint,
    keyholder_key,
    trust_host,
    trust_rehearsal,
)
from keyturn.client.sharesheet import sheet_of
from keyturn.officerkeys.signer import Signer, Unsealer
from keyturn.quorum.bundle import Authority, make_bundle
from keyturn.tlog.checkpoints import Checkpoint
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.hosts import (
    Awaiting,
    Box,
    Count,
    Held,
    HostSeen,
    HostWords,
    OwnShare,
    RunState,
    SealedSeen,
    StepWords,
    Told,
    ToSign,
)

TRANSCRIPT = "transcript.json"


class ClientHost:
    """A `CeremonyHost`, for any thread; records are followed by one at a time.

    `authority`: the pinned one, None at a desk that knows none; `seen`: the newest checkpoint of
    its log that was verified here; `said`: the words of its key, as it told the one who started it.
    """

    def __init__(
        self,
        door: CeremonyDoor,
        authority: Authority | None = None,
        seen: Checkpoint | None = None,
        prove: Prove | None = None,
        said: str = "",
    ) -> None:
        self._door = door
        self._know(authority)
        self._seen, self._prove, self._said = seen, prove, said
        self._following = threading.Lock()

    def look(self) -> HostSeen:
        """Its list, which is its word."""
        found = self._reader.all()
        document = parse_host(found.host).document
        rows = tuple(
            Held(
                each.ceremony,
                each.kind,
                each.rehearsal,
                RunState(each.state.value),
                each.step,
                each.seq,
                each.opened,
            )
            for each in found.ceremonies
        )
        return HostSeen(rows, key_fingerprint(document), self._caution(found.host))

    def follow(self, ceremony: str) -> Told:
        with self._following:
            followed = self._reader.read(ceremony)
        return Told(followed.course, _awaiting(followed), followed)

    def open(self, plan: Plan, signer: Signer) -> str:
        return self._door.ask(open_request(plan, signer))

    def bring(self, brought: Brought) -> None:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            _("a statement from a file is taken at the keyholder's own socket"),
            found=brought.statement.subject,
            expected=_("a server, or the keyholder's socket"),
            hint=_("Submit it to the server, or connect this page to the keyholder's socket."),
        )

    def put_restore(self, ceremony: str, brought: Brought) -> None:
        check_quorum(brought)
        put_restore(self._door, ceremony, brought.raw)

    def put_file(self, ceremony: str, name: str, raw: bytes) -> None:
        put_file(self._door, ceremony, name, raw)

    def file(self, ceremony: str, name: str) -> bytes | None:
        return fetch_file(self._door, ceremony, name)

    def sign(self, told: Told, signer: Signer, words: StepWords, now: datetime) -> None:
        followed = _followed(told)
        seen = seen_entries(followed.plan, self._seen) if words.shares else {}
        entered = {**words.entered, **seen}
        if words.unlocks:
            self._door.ask(unlock_request(followed.course, signer, now, words.shares, entered))
            return
        attached = words.shares
        if words.part is Part.OFFICER and followed.waiting is not None:
            shown = shown_statements(followed.course, followed.waiting)
            attached = sign_statements(shown, signer, now)
        self._door.ask(
            sign_request(
                followed.course,
                words.part,
                signer,
                now,
                entered=entered,
                attached=attached,
            )
        )

    def say(
        self, told: Told, part: Part, signer: Signer, now: datetime, word: Word, text: str
    ) -> None:
        self._door.ask(say_request(told.course, part, signer, now, word, text))

    def open_box(self, told: Told, box: Box, signer: Signer) -> OwnShare:
        followed = _followed(told)
        boxes = () if followed.waiting is None else followed.waiting.boxes
        for each in boxes:
            if (each.officer, each.use, each.group, each.member) == (
                box.officer,
                box.use,
                box.group,
                box.member,
            ):
                found = ceremonyshares.open_box(
                    followed.course, followed.boxed_sets, each, _unsealer(signer)
                )
                sheet = sheet_of(followed.course, found, followed.verified.authority)
                return OwnShare(found.words, found.member.check, sheet)
        raise CeremonyRefused(
            CeremonyReason.WRONG_SHARE,
            _("the host has this box no more"),
            found=_("{count} boxes").format(count=len(boxes)),
            expected=f"{box.use}, {box.officer}",
            hint=_("Look at the ceremony again: shares are deleted at its end."),
        )

    def to_compare(self, told: Told) -> HostWords | None:
        try:
            self._trusted(_followed(told))
        except HostNotCompared as error:
            if self._said and self._said != error.phrase:
                raise HostNotCompared(error.phrase, found=self._said) from error
            return HostWords(error.phrase, bool(self._said))
        return None

    def seal_share(
        self, told: Told, use: ShareUse, officer: str, words: bytearray, compared: str | None
    ) -> bytes:
        followed = _followed(told)
        try:
            host = self._trusted(followed, compared)
            ceremonyshares.check_typed(
                followed.asked_sets, use, officer, words, rehearsal=followed.plan.rehearsal
            )
            return ceremonyshares.seal_share(followed.course, host.document, use, officer, words)
        finally:
            words[:] = bytes(len(words))

    def sealed(self, officer: str, now: datetime) -> SealedSeen:  # noqa: ARG002 - as `KeyholderHost`
        """A host process is opened by a ceremony's own steps."""
        return SealedSeen(sealed=False)

    def unseal(self, signer: Signer, words: bytearray, now: datetime) -> SealedSeen:
        words[:] = bytes(len(words))
        return self.sealed(signer.officer, now)

    def close_token(self, signer: Signer, part: Part, why: str, now: datetime) -> None:
        raise CeremonyRefused(
            CeremonyReason.FAILED,
            _("only a running keyholder is sealed so"),
            found=f"{part.value} {signer.officer}: {why} ({now:%H:%M})",
            expected=_("the keyholder, reached through the server"),
        )

    def transcript(self, told: Told) -> bytes:
        """With the log's receipts where the host has them, else without; the records are those
        that were proved here, whatever the host gives."""
        raws = [each.raw for each in told.course.records]
        try:
            given = transcript_of(self._door, told.course.plan.ceremony)
            if [each.raw for each in parse_transcript(given).records] == raws:
                return given
        except KeyturnError:
            pass  # it is not over, or the host is gone: what was proved here stands by itself
        authority = self._authority
        bundle = None if authority is None else make_bundle(authority.state)
        return make_transcript(raws, bundle)

    # ---- inside ----

    def _know(self, authority: Authority | None) -> None:
        """From now on everything is proved against this one."""
        self._authority = authority
        self._reader = CeremonyReader(self._door, authority)

    def _trusted(self, followed: Followed, compared: str | None = None) -> TrustedHost:
        authority, raw = self._authority, self._reader.all().host
        if followed.plan.rehearsal:
            return trust_rehearsal(raw, remote=self._remote)
        expected = Expected(
            fingerprint=followed.verified.authority,
            rehearsal=False,
            keyholder=None if authority is None else keyholder_key(authority),
            seen=self._seen,
            remote=self._remote,
            kind=followed.plan.kind,
            local=isinstance(self._door, LocalDoor),
            compared=compared,
        )
        return trust_host(raw, expected, self._prove)

    @property
    def _remote(self) -> bool:
        return isinstance(self._door, ServerDoor)

    def _caution(self, raw: bytes) -> str:
        """What the host's word is worth, said wherever it is shown."""
        signer = None if self._authority is None else keyholder_key(self._authority)
        if signer is None:
            return _(
                "{caveat}: nothing signs this host's key. Only a person at its machine can know "
                "that it is the one: compare the key aloud."
            ).format(caveat=HOST_TRUSTED)
        said = parse_host(raw)
        document = said.document
        if said.envelope is None and isinstance(self._door, LocalDoor) and not document.rehearsal:
            return _(
                "{caveat}: the keyholder's key did not sign this host's. In a restore somebody at "
                "its machine compares its words before a share is entered; otherwise no share goes "
                "there."
            ).format(caveat=HOST_TRUSTED)
        expected = Expected(document.authority, document.rehearsal, signer, None)
        try:
            trust_host(raw, expected)
        except KeyturnError as error:
            return _("Not to be trusted with a share: {error}").format(error=str(error))
        return ""


def _followed(told: Told) -> Followed:
    found = told.handle
    assert isinstance(found, Followed)  # only `follow` makes them
    return found


def _unsealer(signer: Signer) -> Unsealer:
    """Raises CeremonyRefused for a card, which signs and opens nothing."""
    unseal: Callable[[bytes, bytes], bytearray] | None = getattr(signer, "unseal", None)
    if unseal is None:
        raise CeremonyRefused(
            CeremonyReason.WRONG_SHARE,
            _("a card signs, and opens nothing"),
            found=signer.officer,
            expected=_("the key file or keyring with your encryption key"),
        )
    return _Unsealer(signer.officer, unseal)


class _Unsealer:
    def __init__(self, officer: str, unseal: Callable[[bytes, bytes], bytearray]) -> None:
        self.officer = officer
        self._unseal = unseal

    def unseal(self, sealed: bytes, info: bytes) -> bytearray:
        return self._unseal(sealed, info)


def _awaiting(followed: Followed) -> Awaiting | None:
    """Raises CeremonyRefused where the host asks to sign what this ceremony is not about."""
    waiting = followed.waiting
    if waiting is None:
        return None
    progress = waiting.progress
    statements = tuple(
        ToSign(each.statement.kind.value, each.role, each.statement.proposer, each.payload)
        for each in shown_statements(followed.course, waiting)
    )
    return Awaiting(
        waiting.step,
        waiting.signed,
        tuple(Box(each.officer, each.use, each.group, each.member) for each in waiting.boxes),
        statements,
        None if progress is None else Count(progress.done, progress.total, progress.what),
        waiting.interrupted,
        waiting.unmet,
        waiting.entered,
    )
