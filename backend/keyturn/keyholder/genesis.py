"""The first entries of a log: origin, roster version 1, keys (our protocol §2.6, §6.2).

A log that a kill left half-made is completed by running the same genesis again; one that says
something else is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.hsm.protocol import Hsm
from keyturn.hsm.protocol import Purpose as HsmPurpose
from keyturn.keyholder.errors import WrongToken
from keyturn.keyholder.journal import Clock, Journal
from keyturn.keyholder.logdisk import DEFAULT_RESERVE, LogDisk
from keyturn.keyholder.logdisk_errors import LogInUse
from keyturn.keyholder.submissions import Submissions
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.entries import origin_entry
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.tlog.notes import Sign


@dataclass(frozen=True, slots=True)
class Founding:
    """Exact envelopes: (statement, approvals) of roster version 1 and of the first keys."""

    roster: tuple[bytes, Sequence[bytes]]
    keys: tuple[bytes, Sequence[bytes]]


def log_signer(hsm: Hsm) -> tuple[Sign, VerifyKey]:
    """The HSM's log key as `tlog` wants it."""
    return hsm.sign_log, load_verify_key(hsm.public_keys()[HsmPurpose.LOG].spki)


def open_log(directory: Path, origin: str, hsm: Hsm, *, reserve: int = DEFAULT_RESERVE) -> LogDisk:
    """The log below `directory`, recovered. Raises as `LogDisk.open`."""
    sign, key = log_signer(hsm)
    return LogDisk.open(directory, origin, sign, key, reserve=reserve)


def found(
    directory: Path,
    origin: str,
    hsm: Hsm,
    fingerprint: Digest,
    founding: Founding,
    clock: Clock,
) -> bytes:
    """Make the log and bring roster and keys into force. Returns the authority bundle.

    Raises SubmissionRefused (no quorum, wrong fingerprint), WrongToken, LogInUse.
    """
    log = _fresh_log(directory, origin, hsm)
    try:
        journal = Journal(log, fingerprint, clock)
    except BaseException:
        log.close()
        raise
    try:
        submissions = Submissions(journal, hsm)
        if log.size == 0:
            with journal.ordered():
                journal.commit(origin_entry(journal.now(), fingerprint))
        for statement, approvals in (founding.roster, founding.keys):
            submissions.submit(statement, approvals, None)
        keys = journal.state.newest_keys
        if keys is None or keys.origin != origin:
            raise WrongToken(
                "the keys statement names another log",
                found=keys.origin if keys else "none",
                expected=origin,
            )
        verify_checkpoint(log.checkpoint.to_bytes(), log.log_key, keys.origin)
        return make_bundle(journal.state)
    finally:
        journal.close()


def _fresh_log(directory: Path, origin: str, hsm: Hsm) -> LogDisk:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    sign, key = log_signer(hsm)
    try:
        return LogDisk.create(directory, origin, sign, key)
    except LogInUse:
        return LogDisk.open(directory, origin, sign, key)
