"""A receipt, proved without a server: by an authority bundle and the pinned fingerprint (§6.4)."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import UntrustedError
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.tlog.checkpoints import Cosignature, cosignatures_of, kept_checkpoint
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.receipts import Receipt, VerifiedEntry, parse_receipt, verify_receipt


class TooFewWitnesses(UntrustedError):
    """The receipt holds, but fewer witnesses cosigned its checkpoint than the roster asks for."""


@dataclass(frozen=True, slots=True)
class ProvedReceipt:
    """`cosigned`: by witnesses of the bundle's newest roster, each key once, each verified.
    `others`: signature lines of keys that this roster does not name."""

    entry: VerifiedEntry
    authority: Authority
    cosigned: tuple[Cosignature, ...]
    others: int

    @property
    def enough(self) -> bool:
        return len(self.cosigned) >= self.authority.roster.witnesses.k

    def check_witnessed(self) -> None:
        """Raises TooFewWitnesses. Where the roster asks for none, none are enough."""
        if not self.enough:
            raise TooFewWitnesses(
                "the receipt is the log's own word alone: too few witnesses cosigned it",
                found=f"{len(self.cosigned)} of the roster's witnesses",
                expected=f"at least {self.authority.roster.witnesses.k}",
                hint="Ask for the receipt again when the witnesses have cosigned a larger log.",
            )


def prove_receipt(raw: bytes, bundle: bytes, fingerprint: Digest, now: datetime) -> ProvedReceipt:
    """Raises MalformedError for what cannot be read, UntrustedError for what does not hold: the
    bundle, the log's signature, the inclusion, or a witness's line."""
    authority = load_bundle(bundle, fingerprint, now)
    receipt = parse_receipt(raw)
    _check_name(receipt, authority.origin)
    entry = verify_receipt(receipt, authority.log_key(), authority.origin)
    note = entry.checkpoint.note
    cosigned = cosignatures_of(note, authority.roster.witnesses.keys)
    return ProvedReceipt(entry, authority, cosigned, len(note.signatures) - 1 - len(cosigned))


def _check_name(receipt: Receipt, origin: str) -> None:
    """Raises UntrustedCheckpoint where the receipt is under another name than the bundle has."""
    found = kept_checkpoint(receipt.checkpoint).checkpoint.origin
    if found != origin:
        raise UntrustedCheckpoint(
            "the receipt is under another name of the log than this bundle's keys",
            found=found,
            expected=origin,
            hint="After a log key was replaced, ask for the receipt again: the entry has the same "
            "index. Or give the authority bundle of that time.",
        )
