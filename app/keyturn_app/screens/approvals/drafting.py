"""Writing a new proposal: start from what is in force, see each error, propose. No Qt."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from keyturn.base.errors import KeyturnError
from keyturn.client.changes import body_of
from keyturn.client.client import KeyturnClient
from keyturn.client.proposals import Proposal
from keyturn.policy.remarks import Severity
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import LONGEST_LIFE, SINGLE_SUBJECTS
from keyturn_app.desk import Desk, Topic
from keyturn_app.facts import Link
from keyturn_app.handing import Handed
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, Confirm, Confirmed, Weight, failure
from keyturn_app.screens.approvals import remarking
from keyturn_app.screens.approvals.asking import not_signed
from keyturn_app.screens.approvals.deciding import Offer
from keyturn_app.screens.approvals.draftimpact import DraftImpact, DraftImpactView, Meaning
from keyturn_app.screens.approvals.drafts import (
    Draft,
    Drafts,
    Parsed,
    line_of,
    parsed,
    started,
    subject_of,
)
from keyturn_app.screens.approvals.foretelling import Meant, foretold
from keyturn_app.screens.approvals.naming import FOLLOWS, PROPOSED_HERE, kind_word
from keyturn_app.statements.difference import (
    Unified,
    counts,
    pretty,
    side_by_side,
    unified,
)

Remarks = tuple[tuple[str, ...], Severity | None]
"""Lines, and the worst of them."""


@dataclass(frozen=True, slots=True)
class DraftView:
    """`line` is where `problem` lies in the text, 0 if unknown. `undo`: what can come back.
    `remarks`: what a lint says, the worst first; `worst`: how bad that is."""

    kinds: tuple[tuple[Kind, str], ...]
    subjects: tuple[str, ...]
    draft: Draft
    subject_fixed: bool
    basis: str
    problem: str
    line: int
    lines: tuple[Unified, ...]
    summary: str
    propose: Offer
    can_expire: bool
    undo: str
    impact: DraftImpactView | None = None
    remarks: tuple[str, ...] = ()
    worst: Severity | None = None


class DraftPresenter(Presenter[DraftView | None]):
    """One draft at a time; `proposed` is called with what the server took."""

    def __init__(
        self,
        desk: Desk,
        asker: Asker,
        drafts: Drafts,
        proposed: Callable[[Proposal], None],
    ) -> None:
        super().__init__()
        self._desk, self._asker, self._drafts = desk, asker, drafts
        self._proposed = proposed
        self._draft: Draft | None = None
        self._gone: Draft | None = None
        self._unkept = False
        self._busy = ""
        self._read: tuple[Draft, Parsed] | None = None
        self.impact = DraftImpact(desk, self.changed)
        self.keep(self.impact.close)
        self._linted: tuple[object, AuthorityState, Remarks] | None = None
        self.keep(desk.subscribe(lambda _topics: self.changed(), Topic.SEEN, Topic.CONNECTION))

    @property
    def undo(self) -> str:
        """What was discarded last, in words."""
        if self._gone is None:
            return ""
        return _("Draft of {kind} {subject} discarded.").format(
            kind=kind_word(self._gone.kind).lower(), subject=self._gone.subject or "—"
        )

    def view(self) -> DraftView | None:
        draft = self._draft
        if draft is None:
            return None
        read = self._parsed(draft)
        told = self._told(draft, read)
        before = self._basis_lines(draft, read)
        after = draft.text.split("\n") if read.body is None else pretty(read.body)
        try:
            pairs = side_by_side(before, after)
        except ValueError:
            pairs = ()
        added, removed = counts(pairs)
        return DraftView(
            tuple((each, kind_word(each)) for each in PROPOSED_HERE),
            self._subjects(draft.kind),
            draft,
            draft.kind in FOLLOWS or draft.kind in SINGLE_SUBJECTS,
            self._basis(draft, read),
            _problem(told),
            told.line,
            unified(pairs),
            _("{added} added · {removed} removed").format(added=added, removed=removed),
            Offer(self._why_not(draft, read)),
            draft.kind is not Kind.REVOCATION,
            self.undo,
            self.impact.view(_meaning(draft, read)),
            *self._remarks(draft, read),
        )

    # ---- writing ----

    def start(self, kind: Kind = Kind.POLICY, subject: str = "") -> None:
        """A kept draft of this subject, or what is in force of it."""
        self.put_away()
        self.impact.forget()
        state = self._state()
        subject = subject or SINGLE_SUBJECTS.get(kind, "")
        if not subject and kind not in FOLLOWS and kind is not Kind.CEREMONY:
            subject = next(iter(self._subjects(kind)), "")
        kept = self._drafts.get(Draft(kind, subject, "").key)
        if kept is not None:
            self._draft = kept
        elif state is not None:
            self._draft = started(kind, subject, state, self._desk.now())
        self.changed()

    def take(self, handed: Handed) -> None:
        """What another page drafted. A kept draft of this subject can be brought back."""
        self.put_away()
        self.impact.forget()
        text = "\n".join(pretty(handed.body))
        made = Draft(handed.kind, handed.subject, text, handed.reason)
        kept = self._drafts.get(made.key)
        if kept is not None and kept.text != made.text:
            self._gone = kept
        self._draft, self._unkept = made, True
        self.changed()

    def edit(self, text: str) -> None:
        self._put(lambda draft: replace(draft, text=text))

    def say(
        self,
        *,
        reason: str | None = None,
        ticket: str | None = None,
        days: str | None = None,
    ) -> None:
        self._put(
            lambda draft: replace(
                draft,
                reason=draft.reason if reason is None else reason,
                ticket=draft.ticket if ticket is None else ticket,
                days=draft.days if days is None else days,
            )
        )

    def choose_kind(self, kind: Kind) -> None:
        if self._draft is None or self._draft.kind is not kind:
            self.start(kind)

    def choose_subject(self, subject: str) -> None:
        """Another subject is another draft; a new name keeps what was written."""
        draft = self._draft
        if draft is None or draft.subject == subject:
            return
        if subject in self._subjects(draft.kind) or self._drafts.get(
            replace(draft, subject=subject).key
        ):
            self.start(draft.kind, subject)
            return
        self._drafts.drop(draft.key)
        self._put(lambda old: replace(old, subject=subject))

    def leave(self) -> None:
        """Back to the list; the draft is kept."""
        self.put_away()
        self._draft = None
        self.impact.forget()
        self.changed()

    def put_away(self) -> None:
        """Keep what was written since the last time: not at each letter, as it goes to a disk."""
        if self._draft is not None and self._unkept:
            self._drafts.put(self._draft)
        self._unkept = False

    def close(self) -> None:
        self.put_away()
        super().close()

    def discard(self) -> None:
        """Throw the draft away; `restore` brings it back."""
        if self._draft is None:
            return
        self._unkept = False
        self._drafts.drop(self._draft.key)
        self._gone, self._draft = self._draft, None
        self.changed()

    def restore(self) -> None:
        if self._gone is None:
            return
        self._drafts.put(self._gone)
        self._draft, self._gone = self._gone, None
        self.changed()

    def simulate(self) -> None:
        """What would it change, as it is written now?"""
        if self._draft is not None:
            self.impact.simulate(_meaning(self._draft, self._parsed(self._draft)))

    # ---- proposing ----

    def propose(self) -> None:
        draft = self._draft
        if draft is None:
            return
        read = self._parsed(draft)
        if self._why_not(draft, read) or read.body is None:
            return
        view = self.view()
        question = Confirm(
            _("Propose this change?"),
            _("{kind} {subject}. Your key signs it; it is NOT IN FORCE until others agree.").format(
                kind=kind_word(draft.kind), subject=subject_of(draft, read)
            ),
            _("Sign and propose"),
            details=(view.summary if view else "", draft.reason.strip()),
            weight=Weight.DANGER if draft.kind is Kind.REVOCATION else Weight.PLAIN,
        )

        def answered(answer: Confirmed | None) -> None:
            same = self._draft == draft
            why = self._why_not(draft, read) if same else _("The draft has changed meanwhile.")
            if answer is not None and why:
                self._asker.tell(not_signed(why))
            elif answer is not None:
                self._send(draft, read)

        self._asker.confirm(question, answered)

    # ---- inside ----

    def _send(self, draft: Draft, read: Parsed) -> None:
        subject, body = subject_of(draft, read), read.body or {}

        def work(client: KeyturnClient) -> Proposal:
            return client.propose_change(
                draft.kind,
                subject,
                body,
                reason=draft.reason.strip(),
                life=draft.life,
                lapses=timedelta(hours=draft.lapses_hours),
                ticket=draft.ticket.strip() or None,
            )

        def done(proposal: Proposal) -> None:
            self._busy = ""
            self._unkept = False
            self._drafts.drop(draft.key)
            if self._draft is not None and self._draft.key == draft.key:
                self._draft = None
            self._asker.toast(_("Proposed: it waits for others"))
            self.changed()
            self._proposed(proposal)

        def failed(error: KeyturnError) -> None:
            self._busy = ""
            self._asker.tell(failure(_("It was not proposed"), error))
            self.changed()

        self._busy = _("The proposal is being signed.")
        self.changed()
        self.keep(self._desk.ask(work, done=done, failed=failed))

    def _why_not(self, draft: Draft, read: Parsed) -> str:
        if self._busy:
            return self._busy
        if self._desk.identity.locked:
            return _("Keyturn is locked: unlock it to sign.")
        if self._desk.facts.connection.link not in (Link.LIVE, Link.STALE):
            return _("Not connected: the draft is kept.")
        if read.body is None:
            return _("The body cannot be read yet: see the message over it.")
        if not subject_of(draft, read):
            return _("It needs a subject.")
        if not draft.reason.strip():
            return _("Say why: every officer will read the reason.")
        if draft.kind is not Kind.REVOCATION and draft.life is None:
            return _("Say for how many days: 1 to {most}.").format(most=LONGEST_LIFE.days)
        if self._foretold(draft, read) is not None:
            return _("The keyholder would refuse it: see the error.")
        return ""

    def _foretold(self, draft: Draft, read: Parsed) -> KeyturnError | None:
        state = self._state()
        if read.typed is None or state is None or state.roster is None:
            return None
        meant = Meant(subject_of(draft, read), read.typed, draft.life)
        return foretold(meant, state.roster, self._desk.now())

    def _remarks(self, draft: Draft, read: Parsed) -> Remarks:
        """Linted again only when the draft or what is in force is another one."""
        state = self._state()
        if read.typed is None or state is None:
            return (), None
        life, now = draft.life, self._desk.now()
        drafted = remarking.Drafted(
            draft.kind, subject_of(draft, read), read.typed, None if life is None else now + life
        )
        key = (draft.kind, drafted.subject, draft.text, draft.days)
        known = self._linted
        if known is None or known[0] != key or known[1] is not state:
            known = self._linted = (key, state, remarking.remarks_on(drafted, state, now))
        return known[2]

    def _parsed(self, draft: Draft) -> Parsed:
        if self._read is None or (self._read[0].kind, self._read[0].text) != (
            draft.kind,
            draft.text,
        ):
            self._read = (draft, parsed(draft))
        return self._read[1]

    def _told(self, draft: Draft, read: Parsed) -> Parsed:
        """What is wrong: with the text, or with what it says."""
        error = self._foretold(draft, read)
        if error is None:
            return read
        line = line_of(draft.text, error.message)
        return Parsed(None, None, error.message, error.found, error.expected, line)

    def _basis_lines(self, draft: Draft, read: Parsed) -> list[str]:
        state = self._state()
        found = None if state is None else state.newest.get((draft.kind, subject_of(draft, read)))
        return [] if found is None else pretty(body_of(found.statement))

    def _basis(self, draft: Draft, read: Parsed) -> str:
        state = self._state()
        if state is None:
            return _("What is in force is not known yet.")
        found = state.newest.get((draft.kind, subject_of(draft, read)))
        if found is None:
            return _("The first version: nothing of this subject was in force before.")
        version = found.statement.version
        text = _("Version {next}, in place of version {version}.").format(
            next=version + 1, version=version
        )
        if read.body is not None and body_of(found.statement) == read.body:
            text += " " + _("Nothing changes: it would only be renewed.")
        return text

    def _subjects(self, kind: Kind) -> tuple[str, ...]:
        state = self._state()
        if state is None or kind in FOLLOWS:
            return ()
        return tuple(sorted(subject for each, subject in state.newest if each is kind))

    def _state(self) -> AuthorityState | None:
        facts = self._desk.facts
        return facts.seen.state if facts.seen is not None and facts.trusted else None

    def _put(self, change: Callable[[Draft], Draft]) -> None:
        if self._draft is None:
            return
        changed = change(self._draft)
        if changed != self._draft:
            self._draft, self._unkept = changed, True
            self.changed()


def _meaning(draft: Draft, read: Parsed) -> Meaning:
    return Meaning(draft.kind, subject_of(draft, read), read.body, draft.life)


def _problem(read: Parsed) -> str:
    """Found and expected, and the line: all that is known of what is wrong."""
    if not read.error:
        return ""
    text = read.error
    if read.found:
        text += _("; found {found}").format(found=read.found)
    if read.expected:
        text += _("; expected {expected}").format(expected=read.expected)
    if read.line:
        text = _("Line {line}: {text}").format(line=read.line, text=text)
    return text
