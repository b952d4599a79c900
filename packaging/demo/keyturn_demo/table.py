"""Ten people around a ceremony's host: each signs with their own key, and keeps their own sheets.

Everything goes through the client that officers' programs use, so that every record is proved
before anybody signs the next one. What custodians would have on paper is in this process.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from keyturn.base.encoding import Digest
from keyturn.ceremony.course import Course
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import Attaches, EnteredKind, Many, Part, ShareUse
from keyturn.ceremony.shares import Gathering
from keyturn.ceremony.sharesets import ShareSet
from keyturn.client.ceremonies import CeremonyReader, Followed
from keyturn.client.ceremonydoor import CeremonyDoor
from keyturn.client.ceremonyshares import boxes_of, open_box, seal_share, uses_to_enter
from keyturn.client.ceremonysigning import (
    open_request,
    shown_statements,
    sign_request,
    sign_statements,
)
from keyturn.client.ceremonytrust import Expected, keyholder_key, trust_host
from keyturn.quorum.bundle import Authority
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.wire.ceremonies import AskCeremonies, AskCeremonyFile
from keyturn_demo.console import require
from keyturn_demo.desk import Desk, now
from keyturn_demo.world import wait_for

STEP_SECONDS = 120.0


@dataclass
class Sheets:
    """The shares as custodians wrote them down, and the sets that they are of."""

    words: dict[tuple[str, ShareUse], bytearray] = field(default_factory=dict)
    sets: tuple[ShareSet, ...] = ()

    def combined(self, use: ShareUse) -> bytearray:
        """The secret, as the fewest custodians that are needed could have it together."""
        gathering = Gathering(next(each for each in reversed(self.sets) if each.use is use))
        for (officer, of), words in self.words.items():
            if of is use and not gathering.enough:
                gathering.add(officer, words)
        return gathering.combine()

    def wipe(self) -> None:
        for each in self.words.values():
            each[:] = bytes(len(each))


@dataclass(frozen=True)
class Known:
    """The authority that these people pinned, and the newest checkpoint that they have seen."""

    authority: Authority
    seen: Checkpoint


class Table:
    """One ceremony at one host. Raises what the client raises, and StepFailed."""

    def __init__(
        self,
        door: CeremonyDoor,
        people: Mapping[str, Desk],
        sheets: Sheets,
        known: Known | None = None,
    ) -> None:
        self._door, self._people, self._sheets, self._known = door, people, sheets, known
        self._reader = CeremonyReader(door, None if known is None else known.authority)
        self.ceremony = ""

    def open(self, plan: Plan) -> None:
        self.ceremony = self._door.ask(open_request(plan, self._people[plan.administrator].signer))

    def read(self) -> Followed:
        return self._reader.read(self.ceremony)

    @property
    def waits_for(self) -> str | None:
        """The id of the step; None: it is over."""
        step = self.read().course.step
        return None if step is None else step.id

    def run(self, until: str | None = None) -> list[Record]:
        """Step by step, until that one waits or the ceremony is over; none may fail."""
        records = []
        while (step := self.waits_for) not in (None, until):
            record = self.step()
            require(
                record.event is Event.DONE,
                f"step {step} of {self.ceremony}",
                found=record.facts,
            )
            records.append(record)
        return records

    def step(self) -> Record:
        """Everybody signs who has to; the record that this made."""
        before = self.read().course.last.seq
        self.sign(self.signers())
        wait_for(
            f"step {self.waits_for} of {self.ceremony}",
            lambda: self.read().course.last.seq > before or None,
            STEP_SECONDS,
        )
        return self.read().course.records[before + 1]

    def sign(self, signers: Iterable[tuple[str, Part]]) -> None:
        for officer, part in signers:
            self._collect(officer)
            self._sign(officer, part)

    def signers(self) -> list[tuple[str, Part]]:
        """Of a quorum as many as are needed; the witness last."""
        found: list[tuple[str, Part]] = []
        for need in self.read().course.needs():
            everybody = need.signers.many is Many.EACH
            officers = [str(each) for each in need.officers]
            if need.part is Part.OFFICER:
                proposer = self._proposer()
                officers = [proposer, *(each for each in officers if each != proposer)]
            many = len(officers) if everybody else need.least
            found += [(each, need.part) for each in officers[:many]]
        return sorted(dict.fromkeys(found), key=lambda each: each[1] is Part.WITNESS)

    def transcript(self) -> bytes:
        return self.file("transcript.json")

    def file(self, name: str) -> bytes:
        return self._door.ask(AskCeremonyFile(self.ceremony, name))

    # ---- inside ----

    def _proposer(self) -> str:
        followed = self.read()
        if followed.waiting is None:
            return ""
        return str(shown_statements(followed.course, followed.waiting)[0].statement.proposer)

    def _sign(self, officer: str, part: Part) -> None:
        followed, signer = self.read(), self._people[officer].signer
        request = sign_request(
            followed.course,
            part,
            signer,
            now(),
            entered=_entered(followed.course, part, officer),
            attached=self._attached(followed, officer, part),
        )
        self._door.ask(request)

    def _attached(self, followed: Followed, officer: str, part: Part) -> tuple[bytes, ...]:
        course, waiting = followed.course, followed.waiting
        step = course.step
        if step is None or waiting is None:
            return ()
        if step.attaches is Attaches.SHARE and part is Part.CUSTODIAN:
            host = trust_host(self._door.ask(AskCeremonies()).host, self._expected(followed))
            uses = uses_to_enter(course, step, officer)
            typed = ((use, bytearray(self._sheets.words[officer, use])) for use in uses)
            return tuple(
                seal_share(course, host.document, use, officer, words) for use, words in typed
            )
        if step.attaches is Attaches.STATEMENTS and part is Part.OFFICER:
            shown = shown_statements(course, waiting)
            return sign_statements(shown, self._people[officer].signer, now())
        return ()

    def _expected(self, followed: Followed) -> Expected:
        authority: Digest | None = followed.verified.authority
        known = self._known
        if known is None:
            return Expected(authority, followed.plan.rehearsal)
        return Expected(authority, followed.plan.rehearsal, keyholder_key(known.authority), None)

    def _collect(self, officer: str) -> None:
        """Open whatever boxes there are for somebody, and write it down."""
        followed = self.read()
        boxes = () if followed.waiting is None else boxes_of(followed.waiting.boxes, officer)
        for box in boxes:
            own = open_box(followed.course, followed.share_sets, box, self._people[officer].signer)
            self._sheets.words[officer, own.use] = own.words
            self._sheets.sets = followed.share_sets


def _entered(course: Course, part: Part, officer: str) -> dict[str, str]:
    """Everything that this part enters in the step that waits."""
    texts = {
        EnteredKind.CONFIRM: "yes",
        EnteredKind.PHRASE: course.phrase,
        EnteredKind.TEXT: "the offline safe; nowhere else",
        EnteredKind.BAG: f"KT-{sum(officer.encode()):04d}",
    }
    fields = course.step.entered if course.step is not None else ()
    return {each.name: texts[each.kind] for each in fields if each.part is part}
