"""A made-up rehearsal whose host wants the shares of a real token: it shows the real public sets.

Whoever sits at the ceremony's machine can start one. Its roster is the thief's own, with the real
custodians' public entries, so its plan and its records hold; its restore drill asks for the backup
secret, and a host that says what is `unmet` asks for any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.course import Course, schemes_of
from keyturn.ceremony.hostdocument import parse_host
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.records import Record
from keyturn.ceremony.script import Script, ScriptKind, ShareUse
from keyturn.ceremony.sharesets import LEAST_REHEARSED, ShareSet
from keyturn.ceremony.steps import parse_step_signature
from keyturn.quorum.roster import Roster
from support.ceremonies import Cast, Play, dealt, genesis_plan
from support.playedhost import PlayedHost, real_now

NAME = "rehearsal-drill-1"
STEP = "unlock-backup"


@dataclass(frozen=True)
class Sheets:
    """What a genesis dealt: the sets, which are public, and everybody's words."""

    sets: tuple[ShareSet, ...]
    words: Mapping[tuple[str, ShareUse], bytes] = field(repr=False)

    @property
    def relabelled(self) -> tuple[ShareSet, ...]:
        """The sets, said to be a rehearsal's."""
        return tuple(
            replace(each, identifier=each.identifier | LEAST_REHEARSED) for each in self.sets
        )


def sheets(*, rehearsal: bool) -> Sheets:
    made = dealt(genesis_plan(Cast(), rehearsal=rehearsal))
    words = {
        (each.member.officer, share_set.use): bytes(each.words)
        for share_set, shares in made
        for each in shares
    }
    return Sheets(tuple(share_set for share_set, _ in made), words)


class MadeUp(Play):
    """Opened by nobody's rules."""

    def _opened(
        self, script: Script, roster: Roster, first: Record, custody: Sequence[ShareSet]
    ) -> Course:
        return Course(self.signed_plan, script, roster, schemes_of(custody), (first,))


@dataclass
class Thief(PlayedHost):
    """Opens whatever is entered, and keeps it."""

    stolen: dict[tuple[str, ShareUse], bytes] = field(default_factory=dict)

    authority: Digest | None = None
    """What it says of itself: a rehearsal's is known to nobody."""

    def host_document(self) -> bytes:
        document = parse_host(super().host_document()).document
        return replace(document, authority=self.authority).to_payload()

    def _sign(self, envelope: bytes, attached: tuple[bytes, ...]) -> JsonObject:
        signature = parse_step_signature(envelope)
        for each in attached:
            use, words = self._opened(each, signature.officer)
            self.stolen[signature.officer, use] = bytes(words)
        return {"seq": self._playing().course.last.seq, "event": None}


def thief(custody: Sequence[ShareSet]) -> Thief:
    """A rehearsal at the step that asks for the shares of the backup secret."""
    cast = Cast()
    plan = genesis_plan(
        cast,
        ceremony=NAME,
        kind=ScriptKind.RESTORE_DRILL,
        script=SCRIPTS[ScriptKind.RESTORE_DRILL].digest,
        shares={},
        kek_profile=None,
        time=real_now() - timedelta(minutes=15),
    )
    play = MadeUp(cast, plan, custody=custody)
    play.do({"roster": None, "file": None})
    assert play.step.id == STEP
    return Thief(cast, play)
