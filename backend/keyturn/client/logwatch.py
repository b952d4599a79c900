"""Watching the log: every checkpoint shown must be of one history with those seen before (I5)."""

from collections.abc import Callable

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.client.errors import HistoryRewritten
from keyturn.client.memory import Memory
from keyturn.tlog.checkpoints import SignedCheckpoint, kept_checkpoint, verify_checkpoint
from keyturn.tlog.merkle import Hash
from keyturn.tlog.proofs import Proof, verify_consistency

AskConsistency = Callable[[int, int], Proof]
"""Asks the server for the proof between two sizes, old and new."""


class LogWatch:
    """One log as this profile has seen it. `ask` reaches the server; all else is checked here."""

    def __init__(
        self,
        log_key: VerifyKey,
        origin: str,
        memory: Memory,
        ask: AskConsistency,
        kept: SignedCheckpoint | None = None,
    ) -> None:
        """`kept`: one that is known from elsewhere than `memory`; both count.

        So does what is remembered of the log under an older origin and key: it is one tree, which
        goes on (our protocol §6.6).
        """
        self._log_key = log_key
        self._origin = origin
        self._memory = memory
        self._ask = ask
        self._known: dict[int, Hash] = {}
        known = self._recalled()
        if kept is not None:
            known.append(kept)
        self._newest = max(known, key=lambda each: each.checkpoint.size, default=None)
        self._unproved = [each for each in known if each is not self._newest]
        """Smaller ones, not proved yet to be of the largest one's history."""

    @property
    def newest(self) -> SignedCheckpoint | None:
        """The largest checkpoint seen, in this run or before."""
        return self._newest

    def advance(self, note: bytes) -> SignedCheckpoint:
        """Take what the server calls its newest checkpoint.

        Raises the errors of `verify_checkpoint`, and HistoryRewritten when it is older than,
        or does not extend, the one kept: a log never shrinks.
        """
        shown = verify_checkpoint(note, self._log_key, self._origin)
        kept = self._newest
        if kept is not None and shown.checkpoint.size < kept.checkpoint.size:
            raise HistoryRewritten(
                "the server shows an older log than it showed before", kept=kept, shown=shown
            )
        self.agree(shown)
        return shown

    def recall(self) -> None:
        """Take in what another program of this profile has seen meanwhile. Raises as `agree`."""
        for each in self._recalled():
            self.agree(each)

    def agree(self, shown: SignedCheckpoint) -> None:
        """Check a verified checkpoint of any age against the newest. Raises HistoryRewritten."""
        kept = self._newest
        while self._unproved and kept is not None:
            self._prove(self._unproved[-1], kept)
            self._unproved.pop()
        if kept is not None and self._known.get(shown.checkpoint.size) != shown.checkpoint.root:
            self._prove(kept, shown)
        self._known[shown.checkpoint.size] = shown.checkpoint.root
        if kept is None or kept.checkpoint.size < shown.checkpoint.size:
            self._newest = shown
            if shown.checkpoint.origin == self._origin:
                self._memory.keep_checkpoint(self._origin, shown.to_bytes())

    def _recalled(self) -> list[SignedCheckpoint]:
        """What this profile remembers of the log, whatever it was called."""
        return [
            verify_checkpoint(note, self._log_key, self._origin)
            if origin == self._origin
            else kept_checkpoint(note)
            for origin, note in self._memory.recall().checkpoints.items()
        ]

    def _prove(self, kept: SignedCheckpoint, shown: SignedCheckpoint) -> None:
        old, new = sorted((kept.checkpoint, shown.checkpoint), key=lambda each: each.size)
        trivial = old.size in (0, new.size)
        proof: Proof = () if trivial else self._ask(old.size, new.size)
        try:
            verify_consistency(old.size, new.size, proof, old.root, new.root)
        except (MalformedError, UntrustedError) as error:
            raise HistoryRewritten(
                f"the server's log does not extend the one that you saw: {error.message}",
                kept=kept,
                shown=shown,
            ) from error
