"""Custodians of a founded authority: who holds which share, and what their programs would send."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.base.dsse import Envelope
from keyturn.base.encoding import Digest, digest_of
from keyturn.ceremony.hostdocument import parse_host
from keyturn.ceremony.plan import ShareGroup, ShareScheme
from keyturn.ceremony.records import parse_record
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.shareboxes import entry_info, seal_entry
from keyturn.ceremony.shares import split
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.steps import STEP_TYPE, Place, step_payload
from keyturn.keyholder.ceremonies.sharing import sets_document
from keyturn.keyholder.sharefinding import FILE
from keyturn.officerkeys.keypair import OfficerSecret
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.roster import OfficerId
from keyturn.tlog.merkle import EMPTY_ROOT
from keyturn.wire.unsealing import AskSeal, HandShare, UnsealNews
from support.founded import Founded, RealClock

NEEDED, HOLDERS = 3, ("ada", "bela", "chen", "dora", "emil")


@dataclass
class Custodians:
    """`words`: each custodian's share, as it stands on the sheet."""

    founded: Founded
    share_set: ShareSet
    words: dict[str, bytes] = field(repr=False)

    def secret(self, name: str) -> OfficerSecret:
        return self.founded.secrets[name]

    def share(
        self,
        news: UnsealNews,
        name: str,
        *,
        words: bytes | None = None,
        host_key: bytes | None = None,
        seen: tuple[int, bytes] = (0, bytes(EMPTY_ROOT)),
        when: datetime | None = None,
        part: Part = Part.CUSTODIAN,
        step: str = "unlock",
        signer: str | None = None,
        entered: dict[str, str] | None = None,
    ) -> HandShare:
        """As a program does that checks nothing; whatever is given is not as it should be."""
        said = parse_host(news.host).document
        record = parse_record(news.record)
        info = entry_info(news.session, record.ceremony, record.digest, ShareUse.USER, name)
        sealed = seal_entry(words or self.words[name], host_key or said.key, info)
        place = Place(record.ceremony, False, 1, record.digest)
        payload = step_payload(
            place,
            step,
            name,
            part,
            when or RealClock()(),
            entered=entered or {"size": str(seen[0]), "root": seen[1].hex()},
            attached=(digest_of(sealed),),
        )
        envelope = self.signed(signer or name, payload)
        return HandShare(envelope.to_bytes(), (sealed,))

    def seal(
        self, news: UnsealNews, name: str, part: Part = Part.CUSTODIAN, why: str = "a drill"
    ) -> AskSeal:
        record = parse_record(news.record)
        place = Place(record.ceremony, False, 1, record.digest)
        payload = step_payload(
            place, "seal", name, part, RealClock()(), entered={"why": why} if why else {}
        )
        return AskSeal(self.signed(name, payload).to_bytes())

    def signed(self, name: str, payload: bytes) -> Envelope:
        return OfficerSigner(self.secret(name)).sign(STEP_TYPE, payload)


def share_out(
    founded: Founded, *, needed: int = NEEDED, holders: Sequence[str] = HOLDERS, write: bool = True
) -> Custodians:
    """Split the founded token's user PIN, and say so in a file beside its settings."""
    share_set, words = dealt(founded.pin, needed, holders)
    if write:
        (founded.directory / FILE).write_bytes(sets_document((share_set,)))
    return Custodians(founded, share_set, words)


def dealt(
    pin: bytes,
    needed: int = NEEDED,
    holders: Sequence[str] = HOLDERS,
    *,
    rehearsal: bool = False,
) -> tuple[ShareSet, dict[str, bytes]]:
    scheme = ShareScheme(1, (ShareGroup(needed, tuple(map(OfficerId, holders))),))
    secret = bytearray.fromhex(pin.decode())
    share_set, shares = split(
        secret, scheme, ShareUse.USER, rehearsal=rehearsal, random=secrets.token_bytes
    )
    return share_set, {each.member.officer: bytes(each.words) for each in shares}


def record_digest(news: UnsealNews) -> Digest:
    return parse_record(news.record).digest
