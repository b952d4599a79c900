"""One session of a sealed keyholder: custodians' shares until there are enough (§10.12).

What is refused leaves nothing behind; what is taken lies in this process's memory until the last
share comes, until the session's time is over, or until the process ends, and is wiped then.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.facts import Opened, Unlocked
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.records import Event, Record, make_record
from keyturn.ceremony.script import Part, ScriptKind, ShareUse
from keyturn.ceremony.seencheckpoint import SEEN, read_seen
from keyturn.ceremony.shares import Gathering
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.steps import Place, StepSignature
from keyturn.hsm.pkcs11 import wipe
from keyturn.keyholder.ceremonies.hostkey import HostKey
from keyturn.keyholder.service import SOFTWARE
from keyturn.keyholder.sharefinding import user_set
from keyturn.keyholder.stepsigned import check_step
from keyturn.quorum.roster import Roster
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.wire.unsealing import MAX_SEALED_SHARE, ShareTaken, UnsealNews

STEP = "unlock"
SEQ = 1
LIFE = timedelta(hours=12)
"""From a session's first share on."""
"""What a custodian enters: the last checkpoint that they have seen."""


@dataclass(frozen=True, slots=True)
class Enough:
    """The last share came: the secret of 16 bytes, to be wiped by whoever takes it, and who."""

    secret: bytearray = field(repr=False)
    done: Record


def opened_record(
    kind: ScriptKind, session: str, host: str, sets: Sequence[ShareSet], now: datetime
) -> Record:
    """Record 0 (our protocol §10.4), before anybody has signed anything."""
    script = SCRIPTS[kind].to_bytes()
    return make_record(
        f"{kind.value}-{session}",
        rehearsal=False,
        seq=0,
        previous=None,
        event=Event.OPENED,
        step=None,
        time=now,
        signed=(),
        facts=Opened(script, SOFTWARE, host, None, tuple(sets)).document(),
    )


class UnsealSession:
    """Safe for many threads. `wipe` it when it is over."""

    def __init__(
        self,
        key: HostKey,
        opened: Record,
        shown: tuple[bytes, bytes | None],
        sets: Sequence[ShareSet],
        roster: Roster,
        check_extends: Callable[[Checkpoint], None],
        origin: str,
    ) -> None:
        """`shown`: the host key document as it is given out, and its evidence. `check_extends`
        raises LogRolledBack unless the keyholder's log goes on from a checkpoint."""
        self._key, self._opened = key, opened
        self._host, self._evidence = shown
        self._sets, self._roster = tuple(sets), roster
        self._check_extends, self._origin = check_extends, origin
        self._set = user_set(self._sets)
        others = [each for each in self._sets if each is not self._set]
        self._gathering = Gathering(self._set, others) if self._set is not None else None
        self._signed: dict[str, bytes] = {}
        self._first: datetime | None = None
        self.spent = False
        """Whether enough shares came: nothing more is taken in this session."""
        self._lock = threading.Lock()

    @property
    def session(self) -> str:
        return self._key.boot

    @property
    def opened(self) -> Record:
        """Record 0 of this session's ceremony."""
        return self._opened

    @property
    def place(self) -> Place:
        """Where custodians sign."""
        return Place(self._opened.ceremony, False, SEQ, self._opened.digest)

    def is_over(self, now: datetime) -> bool:
        """Whether its shares have lain here long enough."""
        return self._first is not None and now - self._first > LIFE

    def news(self) -> UnsealNews:
        with self._lock:
            entered, missing = self._standing()
        return UnsealNews(
            self.session,
            True,
            self._host,
            self._evidence,
            self._opened.raw,
            self._sets,
            entered,
            missing,
        )

    def taken(self) -> ShareTaken:
        """How it stands after a share that was not the last one."""
        with self._lock:
            return ShareTaken(*self._standing(), sealed=True)

    def take(self, envelope: bytes, attached: Sequence[bytes], now: datetime) -> Enough | None:
        """One custodian's share; not None: there are enough, and the shares are wiped.

        Raises MalformedError, CeremonyRefused, LogRolledBack, ShareRefused, and keeps nothing of
        what it refuses.
        """
        with self._lock:
            gathering, share_set = self._gathering, self._set
            if self.spent:
                raise CeremonyRefused(CeremonyReason.OVER, "the session is over")
            if gathering is None or share_set is None:
                raise CeremonyRefused(
                    CeremonyReason.LOCKED,
                    "nobody's shares open this token: the log names no custodians of its PIN",
                    expected="share sets in the log, or in shares.json beside the settings",
                    hint="start the keyholder with --pin-fd",
                )
            parts = (Part.CUSTODIAN,)
            signature = check_step(envelope, self.place, STEP, self._roster, parts, now)
            self._check_extends(self._seen(signature))
            sealed = _attached(signature, attached)
            words = self._key.open(
                sealed,
                self._opened.ceremony,
                self._opened.digest,
                ShareUse.USER,
                signature.officer,
            )
            try:
                gathering.add(signature.officer, words)
            finally:
                wipe(words)
            self._signed[signature.officer] = signature.raw
            self._first = self._first or now
            if not gathering.enough:
                return None
            officers = gathering.entered
            facts = Unlocked(ShareUse.USER, share_set.identifier, officers).document()
            signed = tuple(self._signed.values())
            done = done_record(self._opened, STEP, signed, facts, now)
            try:
                return Enough(gathering.combine(), done)
            finally:
                self.spent = True
                self._forget()

    def wipe(self) -> None:
        """Forget every share."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._gathering is not None:
            self._gathering.wipe()
        self._signed.clear()

    def _standing(self) -> tuple[tuple[str, ...], int]:
        if self._gathering is None or self._set is None:
            return (), 0
        missing = sorted(each.missing for each in self._gathering.needed())
        return self._gathering.entered, sum(missing[: self._set.group_threshold])

    def _seen(self, signature: StepSignature) -> Checkpoint:
        """The checkpoint that the custodian names. Raises MalformedCeremony."""
        found = read_seen(signature.entered, self._origin)
        if found is None or signature.entered.keys() != SEEN:
            raise MalformedCeremony(
                "ceremony-step: the checkpoint that the custodian has seen, and nothing else",
                found=repr(dict(signature.entered))[:200],
                expected="size and root",
            )
        return found


def _attached(signature: StepSignature, attached: Sequence[bytes]) -> bytes:
    """The one sealed share that the signature names. Raises CeremonyRefused."""
    digests: tuple[Digest, ...] = tuple(digest_of(each) for each in attached)
    if len(digests) != 1 or digests != signature.attached or len(attached[0]) > MAX_SEALED_SHARE:
        raise CeremonyRefused(
            CeremonyReason.WRONG_ATTACHMENT,
            "what is attached is not what was signed",
            found=", ".join(digests)[:200] or "nothing",
            expected=", ".join(signature.attached)[:200] or "one sealed share",
        )
    return attached[0]


def done_record(
    opened: Record, step: str, signed: tuple[bytes, ...], facts: JsonObject, now: datetime
) -> Record:
    """Record 1, which ends the ceremony."""
    return make_record(
        opened.ceremony,
        rehearsal=False,
        seq=SEQ,
        previous=opened.digest,
        event=Event.DONE,
        step=step,
        time=now,
        signed=signed,
        facts=facts,
    )
