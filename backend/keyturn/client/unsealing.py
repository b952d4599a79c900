"""A custodian's part in unsealing: is this our keyholder, and is this my share? (§10.12)

Nothing is sealed to a key before everything about it is verified: who signed it, whose log it has,
what it says of its machine, and that what is signed is this one session. What nobody can prove is
said by its caveat's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import digest_of
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.factreading import read_opened
from keyturn.ceremony.hostdocument import HostDocument, parse_host
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.records import Event, Record, parse_record
from keyturn.ceremony.script import Part, ScriptKind, ShareUse
from keyturn.ceremony.shareboxes import entry_info, seal_entry
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.sharesets import ShareMember, ShareSet, check_sets
from keyturn.ceremony.steps import STEP_TYPE, Place, step_payload
from keyturn.client.ceremonyshares import check_typed
from keyturn.client.ceremonytrust import Expected, trust_host
from keyturn.client.unsealdoor import Known, UnsealDoor
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.keyrelease.hostevidence import HostVerdict, judge_host
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bodies import Keys, Purpose
from keyturn.quorum.policy_body import Caveat
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.wire.unsealing import AskSeal, HandShare, ShareTaken, UnsealNews

SEQ = 1
STEPS: Mapping[ScriptKind, str] = {ScriptKind.UNSEAL: "unlock", ScriptKind.SEAL: "seal"}


class KeyholderUnproved(CeremonyRefused):
    """Not our keyholder, or nobody can tell: no share goes there."""

    def __init__(
        self, message: str, *, found: str = "", expected: str = "", hint: str = ""
    ) -> None:
        super().__init__(
            CeremonyReason.BAD_SIGNATURE,
            message,
            found=found,
            expected=expected,
            hint=hint or "Enter no share. Tell the other custodians.",
        )


@dataclass(frozen=True, slots=True)
class SealedKeyholder:
    """A keyholder that a share may be sealed to, and what has to be said of it.

    `member`: this officer's place among the shares; None: none of them is theirs.
    """

    news: UnsealNews
    host: HostDocument
    record: Record
    share_set: ShareSet
    member: ShareMember | None
    verdict: HostVerdict
    caveats: tuple[Caveat, ...]
    seen: Checkpoint

    @property
    def entered(self) -> bool:
        """Whether this officer's share is there already, by the keyholder's word."""
        return self.member is not None and self.member.officer in self.news.entered


def look_at(
    door: UnsealDoor, officer: str, now: datetime, collateral: CollateralSet = NOTHING_KEPT
) -> SealedKeyholder:
    """Ask and verify. Raises CeremonyRefused, KeyholderUnproved, and what `door` raises."""
    known = door.known()
    return check_keyholder(
        door.news(), officer, known, now, local=door.local, collateral=collateral
    )


def check_keyholder(
    news: UnsealNews,
    officer: str,
    known: Known,
    now: datetime,
    *,
    local: bool,
    collateral: CollateralSet = NOTHING_KEPT,
) -> SealedKeyholder:
    """Everything that must hold before a share is sealed (our protocol §10.12).

    `local`: the officer sits at the keyholder's machine, and asked its own socket.
    Raises MalformedError, CeremonyRefused, KeyholderUnproved; ShareRefused for a rehearsal's sets.
    """
    if not news.sealed:
        raise CeremonyRefused(
            CeremonyReason.OVER,
            "the keyholder is not sealed",
            found="a keyholder that answers",
            expected="a sealed one",
            hint="No share is needed.",
        )
    key = keyholder_key(known.state.newest_keys)
    if key is None and not local:
        raise KeyholderUnproved(
            "nothing proves which keyholder this is: the keys statement names no keyholder key",
            expected="a host key that the authority's keyholder signed",
            hint="Enter your share at the keyholder's own machine, or propose a keys statement "
            "that names its key.",
        )
    seen = known.checkpoint.checkpoint
    trusted = trust_host(news.host, Expected(known.fingerprint, False, key, seen))
    host = trusted.document
    if host.boot != news.session:
        raise KeyholderUnproved(
            "the host key is of another session", found=host.boot, expected=news.session
        )
    record = check_record(news, ScriptKind.UNSEAL)
    if read_opened(record.facts).host != digest_of(news.host):
        raise KeyholderUnproved("the session's record names another host key than the one shown")
    said = parse_host(news.host)
    payload = news.host if said.envelope is None else said.envelope.payload
    verdict = judge_host(news.evidence, payload, known.state, now, collateral)
    if verdict.failed:
        first = verdict.failed[0]
        raise KeyholderUnproved(
            f"the keyholder's machine is not as it must be: {first.check}",
            found=first.found,
            expected=first.expected,
            hint=first.hint,
        )
    check_sets(news.shares, rehearsal=False)
    share_set = _user_set(news)
    member = share_set.member_of(officer)
    caveats = tuple(sorted(verdict.caveats, key=lambda each: each.value))
    return SealedKeyholder(news, host, record, share_set, member, verdict, caveats, seen)


def share_for(
    keyholder: SealedKeyholder, signer: Signer, words: bytearray, now: datetime
) -> HandShare:
    """One's own share, checked as typed, sealed to this session, and signed. Wipe `words` after.

    Raises MalformedShare, ShareRefused.
    """
    news, officer = keyholder.news, signer.officer
    check_typed(news.shares, ShareUse.USER, officer, words, rehearsal=False)
    record = keyholder.record
    info = entry_info(news.session, record.ceremony, record.digest, ShareUse.USER, officer)
    sealed = seal_entry(words, keyholder.host.key, info)
    entered = {"size": str(keyholder.seen.size), "root": keyholder.seen.root.hex()}
    payload = step_payload(
        Place(record.ceremony, False, SEQ, record.digest),
        STEPS[ScriptKind.UNSEAL],
        officer,
        Part.CUSTODIAN,
        now,
        entered=entered,
        attached=(digest_of(sealed),),
    )
    return HandShare(signer.sign(STEP_TYPE, payload).to_bytes(), (sealed,))


def hand_share(
    door: UnsealDoor,
    signer: Signer,
    words: bytearray,
    now: datetime,
    collateral: CollateralSet = NOTHING_KEPT,
) -> ShareTaken:
    """Look at the keyholder once more, then seal and hand in. Raises as these."""
    keyholder = look_at(door, signer.officer, now, collateral)
    return door.hand(share_for(keyholder, signer, words, now))


def seal_order(news: UnsealNews, signer: Signer, part: Part, why: str, now: datetime) -> AskSeal:
    """One signature that seals the keyholder: as `administrator`, or as `custodian`.

    Raises CeremonyRefused where it is sealed already, MalformedError.
    """
    if news.sealed:
        raise CeremonyRefused(
            CeremonyReason.OVER,
            "the keyholder is sealed already",
            found="a sealed keyholder",
            expected="one that answers",
            hint="Nothing is left to do: custodians unseal it.",
        )
    record = check_record(news, ScriptKind.SEAL)
    payload = step_payload(
        Place(record.ceremony, False, SEQ, record.digest),
        STEPS[ScriptKind.SEAL],
        signer.officer,
        part,
        now,
        entered={"why": why},
    )
    return AskSeal(signer.sign(STEP_TYPE, payload).to_bytes())


def check_record(news: UnsealNews, kind: ScriptKind) -> Record:
    """Record 0 of this session's ceremony, by the script that is here. Raises KeyholderUnproved."""
    record = parse_record(news.record)
    expected = f"{kind.value}-{news.session}"
    if (record.ceremony, record.seq, record.event) != (expected, 0, Event.OPENED):
        raise KeyholderUnproved(
            "the keyholder shows the record of another ceremony",
            found=f"{record.ceremony}, record {record.seq}",
            expected=f"{expected}, record 0",
        )
    opened = read_opened(record.facts)
    if record.rehearsal or record.signed or opened.script != SCRIPTS[kind].to_bytes():
        raise KeyholderUnproved(
            "the keyholder goes by another script than this program",
            found=digest_of(opened.script),
            expected=SCRIPTS[kind].digest,
            hint="Keyholder and program must be of one release.",
        )
    return record


def keyholder_key(keys: Keys | None) -> VerifyKey | None:
    """Which key signs host keys, where the `keys` statement names one."""
    entry = None if keys is None else keys.keys.get(Purpose.KEYHOLDER)
    return None if entry is None else load_verify_key(entry.spki)


def _user_set(news: UnsealNews) -> ShareSet:
    for each in news.shares:
        if each.use is ShareUse.USER:
            return each
    raise ShareRefused(
        ShareFault.NOT_A_CUSTODIAN,
        "the keyholder knows of no custodians of its token's PIN",
        hint="It has to be started with --pin-fd.",
    )
