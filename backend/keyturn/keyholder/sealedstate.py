"""A keyholder without its HSM: the log, read and proved, and one session of shares (§10.12)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from keyturn.base.encoding import digest_of
from keyturn.ceremony.script import ScriptKind
from keyturn.keyholder.ceremonies.hostkey import HostKey
from keyturn.keyholder.config import KeyholderConfig
from keyturn.keyholder.cosignatures import DIRECTORY, Cosignatures
from keyturn.keyholder.errors import ClockRefused, KeyholderSealed
from keyturn.keyholder.identity import FILE as IDENTITY
from keyturn.keyholder.identity import check_identity, load_identity
from keyturn.keyholder.journal import Clock
from keyturn.keyholder.logquestions import LogQuestions
from keyturn.keyholder.logreading import ReadLog, read_log
from keyturn.keyholder.opening import MAX_GAP
from keyturn.keyholder.selfevidence import EvidenceDevice, host_evidence
from keyturn.keyholder.service import SOFTWARE
from keyturn.keyholder.sharefinding import FILE as SHARES
from keyturn.keyholder.sharefinding import current_sets
from keyturn.keyholder.unsealing import Enough, UnsealSession, opened_record
from keyturn.quorum.roster import Roster
from keyturn.wire.keyholder import AnyRequest
from keyturn.wire.unsealing import HandShare, ShareTaken, UnsealNews


@dataclass(frozen=True, slots=True)
class Place:
    """What a keyholder finds on its machine. `beside`: the directory of its settings."""

    config: KeyholderConfig
    beside: Path
    device: EvidenceDevice | None = None


class SealedState:
    """From a start without a PIN, or from `seal`, until the token is open. Close it."""

    def __init__(self, place: Place, clock: Clock, *, accept_clock: bool = False) -> None:
        """Read the log and begin a session.

        Raises LogMissing, LogInUse, LogDamaged, LogInconsistent, WrongToken, WrongIdentityKey,
        BrokenIdentityKey, and MalformedError for records or a file that name shares.
        """
        self._place, self._clock, self._accept_clock = place, clock, accept_clock
        config = place.config
        self.log: ReadLog = read_log(config.log, config.origin, config.fingerprint)
        try:
            self._roster = _roster(self.log)
            identity = load_identity(place.beside / IDENTITY)
            self._identity = check_identity(identity, self.log.state.newest_keys)
            sets_file = place.beside / SHARES
            self._sets = current_sets(self.log.replay.done, self.log.object, sets_file)
            cosignatures = Cosignatures(self.log, config.log / DIRECTORY)
            cosignatures.load(self._roster.witnesses.keys)
            self._questions = LogQuestions(self.log, cosignatures, lambda: self._roster)
            self.session = self._begin()
        except BaseException:
            self.log.close()
            raise

    def hello(self) -> dict[str, object]:
        config = self._place.config
        return {
            "fingerprint": config.fingerprint,
            "origin": config.origin,
            "boot": self.session.session,
            "size": self.log.size,
            "simulation": self._roster.simulation,
            "software": SOFTWARE,
            "sealed": True,
        }

    def answer(self, request: AnyRequest) -> dict[str, object]:
        """About the log. Raises KeyholderSealed for everything else."""
        answered = self._questions.answer(request)
        if answered is None:
            raise KeyholderSealed
        return answered

    def news(self) -> UnsealNews:
        return self.session.news()

    def take(self, share: HandShare) -> Enough | ShareTaken:
        """Raises ClockRefused, and as `UnsealSession.take`."""
        now = self.now()
        self._check_gap(now)
        session = self.session
        return session.take(share.envelope, share.attached, now) or session.taken()

    def renew(self) -> None:
        """Forget the shares and begin another session: nothing signed for this one counts."""
        self.session.wipe()
        self.session = self._begin()

    def tick(self) -> None:
        """Now and then: a session that is over leaves no shares behind."""
        if self.session.is_over(self.now()):
            self.renew()

    def now(self) -> datetime:
        """Whole seconds. Raises ClockRefused before the log's last entry."""
        now = self._clock().astimezone(UTC).replace(microsecond=0)
        last = self.log.state.last_time
        if last is not None and now < last:
            raise ClockRefused(
                "the clock stands before the log's last entry",
                found=now.isoformat(),
                expected=f"at least {last.isoformat()}",
                hint="set the keyholder's clock right, then ask again",
            )
        return now

    def close(self) -> None:
        """Forget the shares, and let the log's writer in."""
        self.session.wipe()
        self.log.close()

    def _begin(self) -> UnsealSession:
        key, now = HostKey(), self.now()
        config, at = self._place.config, self.log.checkpoint.checkpoint
        sign = None if self._identity is None else self._identity.sign
        host = key.document(config.fingerprint, at.size, at.root, now, sign)
        evidence = host_evidence(self._place.device, host)
        return UnsealSession(
            key,
            opened_record(ScriptKind.UNSEAL, key.boot, digest_of(host), self._sets, now),
            (host, evidence),
            self._sets,
            self._roster,
            self.log.check_extends,
            at.origin,
        )

    def _check_gap(self, now: datetime) -> None:
        """Before a share is taken, for the opening would be refused after the last one."""
        last = self.log.state.last_time
        if not self._accept_clock and last is not None and now - last > MAX_GAP:
            raise ClockRefused(
                "the clock stands long after the log's last entry",
                found=now.isoformat(),
                expected=f"within {MAX_GAP.total_seconds() / 3600:.0f} h of {last.isoformat()}",
                hint="if this time is right, start the keyholder once with --accept-clock",
            )


def _roster(log: ReadLog) -> Roster:
    roster = log.state.roster
    assert roster is not None  # else no `keys` could have come into force
    return roster
