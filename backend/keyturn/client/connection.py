"""One officer's connection: the server's authority, a session, and the log, proved as it comes.

On the first question that needs it the authority is fetched and checked against the pinned
fingerprint; then the log's checkpoint, which must extend the one that was kept. What is in force is
replayed from the log. It signs in by itself when the server wants a session.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.base.strictjson import Fields
from keyturn.client.authority import check_lacking, fetch_authority
from keyturn.client.checkpointlog import CheckpointLog, SeenCheckpoint
from keyturn.client.cosigner import Cosigner
from keyturn.client.cosigning import OfficerWitness
from keyturn.client.errors import (
    FileUnusable,
    NoServer,
    RoleLacking,
    ServerLied,
    ServerRefused,
)
from keyturn.client.hello import Hello, read_hello
from keyturn.client.history import History, Step
from keyturn.client.kept import Keeping, directory_of
from keyturn.client.logsource import log_source
from keyturn.client.logwatch import LogWatch
from keyturn.client.memory import Memory
from keyturn.client.profile import Places, Profile
from keyturn.client.proposals import receipt_of
from keyturn.client.seen import Seen
from keyturn.client.session import sign_in_or_left
from keyturn.client.transport import Transport
from keyturn.keyrelease.continuation import check_named
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority
from keyturn.quorum.judge import signer_of
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.receipts import VerifiedEntry, verify_receipt

Clock = Callable[[], datetime]
SignerSource = Callable[[], Signer]
"""Opens the officer's key when it is needed for the first time; may ask for a passphrase."""

T = TypeVar("T")


class Connection:
    """One officer's way to one server, and its proved log. Not thread-safe.

    Close it, or use it as a context manager. Every method raises ServerUnreachable, ServerRefused,
    MalformedAnswer; and, when a proof fails, ServerLied, AuthorityRolledBack or HistoryRewritten.
    """

    def __init__(
        self,
        profile: Profile,
        memory: Memory,
        transport: Transport,
        *,
        now: Clock,
        signer: SignerSource,
    ) -> None:
        self._profile = profile
        self._memory = memory
        self._http = transport
        self._now = now
        self._signer = signer
        self._signed_in = False
        self.reading: Step = lambda _done, _total: None
        """Told how far the log is read; stops it by raising."""
        self._authority: Authority | None = None
        self._log_key: VerifyKey | None = None
        self._watch: LogWatch | None = None
        self._history: History | None = None
        self._opened: Signer | None = None
        self._checkpoints: CheckpointLog | None = None
        cosigner = Cosigner(profile.fingerprint, profile.officer, memory.directory)
        self._witness = OfficerWitness(cosigner, now)

    @classmethod
    def open(cls, profile: Profile, places: Places, *, now: Clock, signer: SignerSource) -> Self:
        """A client for a profile, with its memory on disk. Raises NoServer for a station's."""
        if profile.offline:
            raise NoServer(
                "this is an officer station: there is no server to ask",
                hint="Name a proposal's file, or pictures of one.",
            )
        memory = Memory(profile.fingerprint, places.state)
        transport = Transport.pinned(profile.server, profile.pin)
        return cls(profile, memory, transport, now=now, signer=signer)

    # ---- the server and its authority ----

    def hello(self) -> Hello:
        """Raises ServerLied when the server serves another authority than the pinned one."""
        return read_hello(self._http.get("/v1/hello", "hello"), self._profile.fingerprint)

    def authority(self) -> Authority:
        """The roster and keys in force, verified once per client."""
        if self._authority is None:
            found = fetch_authority(
                self._http, self._profile.fingerprint, self._memory, self._now()
            )
            # Under a new log key the log goes on: what is remembered of it binds (DESIGN §5.8).
            if found.log_key() != self._log_key:
                self._log_key, self._watch, self._history = found.log_key(), None, None
            self._authority = found
        return self._authority

    @property
    def authority_seen(self) -> Authority | None:
        """As `authority` last found it; None before it was asked for."""
        return self._authority

    def checkpoint(self) -> SignedCheckpoint:
        """The log's newest checkpoint, proved to extend every one that was seen."""
        note = self._asked(lambda: self._http.get("/v1/log/checkpoint", "checkpoint"))
        signed = self._log().advance(note.text("note", limit=64 << 10).encode())
        with suppress(FileUnusable):  # for people to look at: no reason to stop
            self._seen_before().add(signed, self._now())
        return signed

    def checkpoints_seen(self) -> tuple[SeenCheckpoint, ...]:
        """Those of the log that this profile was shown, oldest first, as they were kept."""
        return self._seen_before().all

    def seen(self) -> Seen:
        """What the log proves now: one question for its checkpoint, and one replay."""
        try:
            seen = self._look()
        except UntrustedCheckpoint:
            if not self._log_was_replaced():
                raise
            return self._look()
        if not seen.overtaken:
            return seen
        return (
            self._look() if self._log_was_replaced() else replace(seen, authority=self.authority())
        )

    def state(self) -> AuthorityState:
        """What is in force now, replayed from the log's own entries."""
        return self.seen().state

    def leaves(self) -> tuple[SignedCheckpoint, Sequence[bytes]]:
        """The whole log, proved; not all of it is at hand: see `load` and `entries`."""
        seen = self.seen()
        return seen.checkpoint, seen.leaves

    def load(self, start: int, end: int) -> None:
        """Have entries of the log as it was seen last at hand, fetched and proved if need be."""
        self._the_history().load(start, end, self.reading)

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Entries of the log as it was seen last, fetched and proved as they are needed."""
        return self._the_history().entries(start, end, self.reading)

    @property
    def told(self) -> str:
        """Why what was kept of the log could not be used, if so; and that it was thrown away."""
        return "" if self._history is None else self._history.told

    def extends(self, kept: SignedCheckpoint) -> None:
        """Raises HistoryRewritten unless the log is of one history with a verified checkpoint."""
        self._log().agree(kept)

    def read_object(self, digest: Digest) -> bytes | None:
        """An object of the log, or None when the server has none."""
        try:
            return self._the_history().read_object(digest)
        except ServerRefused as error:
            if error.status == 404:
                return None
            raise

    def consistency(self, old: int, new: int) -> list[bytes]:
        """What should prove that the log of `new` entries extends that of `old`. Proves nothing."""
        return list(log_source(self._http, self._asked).consistency(old, new))

    def receipt(self, index: int) -> VerifiedEntry:
        """One entry with its proof, verified, and of the history that was seen."""
        return self.receipt_document(index)[0]

    def receipt_document(self, index: int) -> tuple[VerifiedEntry, bytes]:
        """As `receipt`, and the receipt's document, to be kept and proved without a server."""
        answer = self._asked(lambda: self._http.get(f"/v1/log/receipts/{index}", "receipt"))
        inner = answer.fields("receipt") if answer.has("receipt") else answer
        authority = self.authority()
        receipt = receipt_of(inner)
        entry = verify_receipt(receipt, authority.log_key(), authority.origin)
        if entry.index != index:
            raise ServerLied(
                "the server gave the receipt of another entry",
                found=f"entry {entry.index}",
                expected=f"entry {index}",
            )
        self._log().agree(entry.checkpoint)
        return entry, receipt.to_bytes()

    def ask_get(self, path: str, what: str) -> Fields:
        """One question within a session; what reads the answer believes nothing of it."""
        return self._asked(lambda: self._http.get(path, what))

    def ask_post(self, path: str, what: str, document: Mapping[str, object]) -> Fields:
        """As `ask_get`."""
        return self._asked(lambda: self._http.post(path, what, document))

    # ---- being a context manager ----

    def hang_up(self) -> None:
        """From any thread: see `Transport.hang_up`. What remains is to close it."""
        self._http.hang_up()

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside ----

    def _asked(self, ask: Callable[[], T]) -> T:
        """Ask within a session; once more with a fresh one when the server forgot it."""
        self._ensure_session()
        try:
            return ask()
        except RoleLacking as error:
            self._authority = None  # the roles may be others since it was fetched
            check_lacking(self.authority().roster, self._profile.officer, error)
            raise
        except ServerRefused as error:
            if error.status != 401:
                raise
        self._memory.keep_session(None)
        self._signed_in = False
        self._ensure_session()
        return ask()

    def _ensure_session(self) -> None:
        """Raises NoLongerOfficer beside what every question raises."""
        if self._signed_in:
            return
        profile, kept, now = self._profile, self._memory.recall().session, self._now()
        mine = kept is not None and (kept.pin, kept.officer) == (profile.pin, profile.officer)
        if kept is None or not mine or kept.expires <= now:
            kept = sign_in_or_left(self._http, profile, self._memory, self._the_signer(), now)
            self._memory.keep_session(kept)
        self._http.use_token(kept.token)
        self._signed_in = True

    def _log(self) -> LogWatch:
        if self._watch is None:
            authority = self.authority()
            self._watch = LogWatch(
                authority.log_key(),
                authority.origin,
                self._memory,
                log_source(self._http, self._asked).consistency,
                self._the_history().recall(),
            )
        return self._watch

    def _seen_before(self) -> CheckpointLog:
        origin = self.authority().origin
        if self._checkpoints is None or self._checkpoints.origin != origin:
            self._checkpoints = CheckpointLog(origin, self._memory.directory)
        return self._checkpoints

    def _the_history(self) -> History:
        if self._history is None:
            authority = self.authority()
            source = log_source(self._http, self._asked)
            self._history = History(self._profile.fingerprint, source, self._keeping_of(authority))
        return self._history

    def _keeping_of(self, authority: Authority) -> Keeping | None:
        base: Path | None = self._memory.directory
        if base is None:
            return None
        return Keeping(
            directory_of(base, authority.origin),
            authority.origin,
            authority.log_key(),
            self._profile.officer,
            lambda envelope: signer_of(envelope, authority.roster).id,
            lambda: None if self._opened is None else self._opened.sign,
            self._now,
        )

    def _look(self) -> Seen:
        history = self._the_history()
        kept = history.recall()
        checkpoint = self.checkpoint()
        try:
            state = history.sync(checkpoint, self.reading)
        except ServerLied:
            if kept is not None:  # two checkpoints by one key say more than a wrong entry
                self._log().agree(kept)
            raise
        _check_named(checkpoint, state)
        return Seen(
            self.authority(), checkpoint, state, history.leaves, history.index, history.told
        )

    def _the_signer(self) -> Signer:
        self._opened = self._signer()
        return self._opened

    def _log_was_replaced(self) -> bool:
        """Fetch the authority again: whoever has a client open for days must notice a new log."""
        known, self._authority = self._log_key, None
        return self.authority().log_key() != known


def _check_named(checkpoint: SignedCheckpoint, state: AuthorityState) -> None:
    """Raises ServerLied unless the log says that this very key signs it (our protocol §6.6)."""
    try:
        check_named(checkpoint, state)
    except (MalformedError, UntrustedError) as error:
        raise ServerLied(
            f"the log does not name the key that signed its checkpoint: {error.message}",
            found=error.found,
            expected=error.expected,
        ) from error
