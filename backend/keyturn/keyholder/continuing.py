"""A log goes on after its token was lost or replaced: another log key, the same tree (§6.2).

Every step can be cut off by a kill and run again: until the first checkpoint by the new key stands
on the disk, the log is what it was; from then on only what is missing is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder.config import config_text, load_config
from keyturn.keyholder.errors import ClockRefused, WrongToken
from keyturn.keyholder.genesis import log_signer, open_log
from keyturn.keyholder.journal import Clock, Journal
from keyturn.keyholder.logdisk import DEFAULT_RESERVE, LogDisk
from keyturn.keyholder.logdisk_errors import LogMissing
from keyturn.keyholder.submissions import Submissions, check_nameable
from keyturn.keyholder.token import check_keys
from keyturn.keyrelease.continuation import previous_check, signed_by, signed_by_any
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.bodies import Keys
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.entries import StatementEntry, origin_entry, statement_entry
from keyturn.quorum.errors import LogInconsistent, MalformedStatement
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.tlog.checkpoints import SignedCheckpoint, parse_checkpoint
from keyturn.tlog.notes import parse_note
from keyturn.tlog.tiles import CHECKPOINT_PATH

Envelopes = tuple[bytes, Sequence[bytes]]
"""Exact bytes: a statement and its approvals."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """What the officers agreed on. `keys` names the new token's keys and the new origin.

    `further`: statements that come into force behind it, in order. `seen`: checkpoints of this log,
    under whatever name, that custodians, witnesses or auditors have seen: it extends each, or it
    was put back.
    """

    keys: Envelopes
    further: Sequence[Envelopes] = ()
    seen: Sequence[bytes] = ()


def continue_log(
    directory: Path,
    hsm: Hsm,
    fingerprint: Digest,
    what: Continuation,
    clock: Clock,
    *,
    reserve: int = DEFAULT_RESERVE,
) -> bytes:
    """Have the log below `directory` go on under the keys of `hsm`; gives the authority bundle.

    Idempotent, also after a kill at any point: the same `what` again does what is missing. It ends
    with the token's mark. Raises WrongToken, SubmissionRefused, MalformedError, ClockRefused,
    UntrustedCheckpoint and LogRolledBack (`seen`), LogMissing, LogInUse, LogDamaged, LogFull,
    LogUnwritable, LogInconsistent, and what the HSM raises.
    """
    statement, keys = _read_keys(what.keys[0])
    check_keys(keys, hsm, keys.origin)
    previous = _on_disk(directory)
    if previous.checkpoint.origin != keys.origin:
        _go_on(directory, hsm, fingerprint, what, previous, clock, reserve)
    log = open_log(directory, keys.origin, hsm, reserve=reserve)
    try:
        journal = Journal(log, fingerprint, clock)
    except BaseException:
        log.close()
        raise
    try:
        if statement.digest not in journal.state.by_digest:
            raise WrongToken("the log went on under other keys already", found=keys.origin)
        _check_seen(log, journal.state, what.seen)
        submissions = Submissions(journal, hsm)
        for raw, approvals in what.further:
            submissions.submit(raw, approvals, None)
        with journal.ordered():
            hsm.store_mark(log.checkpoint.to_bytes())
        return make_bundle(journal.state)
    finally:
        journal.close()


def continued_config(
    path: Path,
    *,
    origin: str,
    token_label: str,
    module: Path | None,
    softhsm_configuration: Path | None,
) -> str:
    """The keyholder's settings for the new token. Raises MalformedConfig."""
    config = replace(
        load_config(path, {}),
        origin=origin,
        token_label=token_label,
        module=module,
        softhsm_configuration=softhsm_configuration,
    )
    return config_text(config, path.parent)


def _go_on(
    directory: Path,
    hsm: Hsm,
    fingerprint: Digest,
    what: Continuation,
    previous: SignedCheckpoint,
    clock: Clock,
    reserve: int,
) -> None:
    """Both entries and the first checkpoint by the new key, or nothing."""
    statement, keys = _read_keys(what.keys[0])
    sign, key = log_signer(hsm)
    with LogDisk.reopen(directory, previous, keys.origin, sign, key, reserve=reserve) as log:
        state = _replayed(log, fingerprint)
        if state.newest_keys is None:
            raise LogInconsistent("the log names no keys: genesis was not completed")
        signed_by(previous.to_bytes(), state.newest_keys)
        _check_seen(log, state, what.seen)
        now = clock().replace(microsecond=0)
        if state.last_time is not None and now < state.last_time:
            raise ClockRefused(
                "the clock stands before the log's last entry",
                found=now.isoformat(),
                expected=f"at least {state.last_time.isoformat()}",
                hint="set the clock right, then begin again",
            )
        origin = origin_entry(now, fingerprint, previous.to_bytes().decode())
        check = previous_check(log.root)
        after = state.apply(origin, log.object, check)
        after.submit(statement, [parse_approval(each) for each in what.keys[1]], now)
        check_nameable(what.keys[1])
        envelopes = tuple(log.put_object(each, reserved=True) for each in _all(what.keys))
        entry = statement_entry(
            now,
            StatementEntry(
                statement.digest, statement.kind, statement.subject, statement.version, envelopes
            ),
        )
        after.apply(entry, log.object, check)
        log.go_on((origin, entry))


def _replayed(log: LogDisk, fingerprint: Digest) -> AuthorityState:
    state, check = AuthorityState(fingerprint), previous_check(log.root)
    for index, leaf in enumerate(log.leaves()):
        state = replace(state, size=index).apply(leaf, log.object, check)
    return state


def _check_seen(log: LogDisk, state: AuthorityState, notes: Sequence[bytes]) -> None:
    """Raises MalformedNote, UntrustedCheckpoint, LogRolledBack."""
    for note in notes:
        origin = parse_checkpoint(parse_note(note).text).origin
        log.check_extends(signed_by_any(note, origin, state).checkpoint, renamed=True)


def _read_keys(raw: bytes) -> tuple[Statement, Keys]:
    statement = parse_statement(raw)
    if not isinstance(statement.body, Keys):
        raise MalformedStatement("not a keys statement", found=statement.kind.value)
    return statement, statement.body


def _on_disk(directory: Path) -> SignedCheckpoint:
    """Whoever signed it: the log's entries name the key. Raises LogMissing, MalformedNote."""
    try:
        note = parse_note((directory / CHECKPOINT_PATH).read_bytes())
    except OSError as error:
        raise LogMissing("there is no log here", found=str(directory)) from error
    return SignedCheckpoint(parse_checkpoint(note.text), note)


def _all(envelopes: Envelopes) -> tuple[bytes, ...]:
    return (envelopes[0], *envelopes[1])
