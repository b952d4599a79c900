"""Questions about the log (our protocol §7.1): answered from what was verified, sealed or not."""

from collections.abc import Callable, Iterator
from typing import Protocol

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import NotFoundError
from keyturn.base.strictjson import JsonObject, load_object
from keyturn.keyholder.cosignatures import Cosignatures, OwnLog
from keyturn.keyholder.logdisk_errors import LogMissing
from keyturn.quorum.roster import Roster
from keyturn.tlog.notes import SignedNote, parse_note
from keyturn.tlog.proofs import Proof
from keyturn.tlog.receipts import MAX_RECEIPT, Receipt
from keyturn.wire import keyholder as asked
from keyturn.wire.keyholder import MAX_ENTRIES, AnyRequest


class AskedLog(OwnLog, Protocol):
    """What is read of a log here; every method raises LogDamaged where the disk was changed."""

    @property
    def size(self) -> int: ...

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]: ...

    def object(self, digest: Digest) -> bytes:
        """Raises LogMissing."""

    def consistency(self, old: int, new: int) -> Proof: ...

    def receipt(self, index: int, note: SignedNote | None = None) -> Receipt: ...


class LogQuestions:
    """Answers what anybody may ask of a log. Safe for many threads."""

    def __init__(
        self, log: AskedLog, cosignatures: Cosignatures, roster: Callable[[], Roster | None]
    ) -> None:
        self._log, self._cosignatures, self._roster = log, cosignatures, roster

    def answer(self, request: AnyRequest) -> dict[str, object] | None:
        """The answer's fields; None where it is no question about the log.

        Raises NotFoundError, OutsideTree, LogDamaged.
        """
        log = self._log
        match request:
            case asked.AskEntries(start=start, end=end):
                size = log.size
                leaves = log.leaves(min(start, size), min(end, size, start + MAX_ENTRIES))
                return {"leaves": [b64(leaf) for leaf in leaves], "size": size}
            case asked.AskObject(digest=digest):
                return {"data": b64(self._object(Digest(digest)))}
            case asked.AskCheckpoint():
                return {"note": self._cosignatures.shown(log.checkpoint).decode()}
            case asked.AskReceipt(index=index, under=under):
                return {"receipt": receipt_document(self._receipt(index, under))}
            case asked.AskConsistency(old=old, new=new):
                return {"proof": [each.hex() for each in log.consistency(old, new)]}
            case asked.AskCosignatures():
                return {"notes": [each.decode() for each in self._cosignatures.notes()]}
            case _:
                return None

    def _receipt(self, index: int, under: asked.Under) -> Receipt:
        log, roster = self._log, self._roster()
        if under is asked.Under.COSIGNED and roster is not None:
            note = self._cosignatures.over(index, roster.witnesses)
            if note is not None:
                return log.receipt(index, note)
        newest = log.checkpoint
        shown = parse_note(self._cosignatures.shown(newest))
        covered = index < newest.checkpoint.size and len(shown.signatures) > 1
        return log.receipt(index, shown if covered else None)

    def _object(self, digest: Digest) -> bytes:
        try:
            return self._log.object(digest)
        except LogMissing as error:
            raise NotFoundError("no such object beside the log", found=digest) from error


def receipt_document(receipt: Receipt) -> JsonObject:
    """A receipt as it travels."""
    return load_object(receipt.to_bytes(), limit=MAX_RECEIPT, what="receipt")
