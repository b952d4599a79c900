"""What an officer does on the page of approvals. No Qt; widgets call this and show `view()`."""

import operator
from collections.abc import Callable
from dataclasses import replace

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError, UntrustedError
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import CardPinRefused, CardUntrusted
from keyturn.client.png import Grey, read_grey
from keyturn.client.proposals import Proposal, Status
from keyturn.client.qrpictures import Reader
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId
from keyturn.tlog.receipts import VerifiedEntry
from keyturn_app.desk import Desk, Topic
from keyturn_app.facts import Link, Proposals
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, Confirm, Confirmed, failure
from keyturn_app.screens.approvals import asking, inbox
from keyturn_app.screens.approvals.case import Case, case_of, case_of_file
from keyturn_app.screens.approvals.deciding import (
    Offer,
    Situation,
    approve_offer,
    export_offer,
    propose_offer,
    reject_offer,
    withdraw_offer,
)
from keyturn_app.screens.approvals.filing import Filing
from keyturn_app.screens.approvals.inbox import Filter, Wanted
from keyturn_app.screens.approvals.pictures import Pictures
from keyturn_app.screens.approvals.previewing import Previewing, ToSign, kept_for
from keyturn_app.screens.approvals.troubles import emptiness, trouble
from keyturn_app.screens.approvals.viewmodel import (
    Changes,
    Decide,
    Detail,
    Form,
    PageView,
    changes_view,
    decide_view,
    detail,
    kinds_in,
)
from keyturn_app.tasks import Door

_OF_THE_CARD = (CardPinRefused, CardUntrusted)
_AFTER_DECIDING = (Topic.PROPOSALS, Topic.SEEN)
_SHOWN = (
    Topic.CONNECTION,
    Topic.SEEN,
    Topic.PROPOSALS,
    Topic.MODELS,
    Topic.ALARMS,
    Topic.IDENTITY,
)
"""Nodes change too often to write the page anew each time: they count at the next tick."""


class ApprovalsPresenter(Presenter[PageView]):
    """The inbox, the proposal that is open, and decisions about it."""

    def __init__(
        self,
        desk: Desk,
        asker: Asker,
        door: Door,
        *,
        reader: Reader = read_grey,
        grab: Callable[[], Grey | None] = lambda: None,
    ) -> None:
        """`reader` reads the files of pictures, `grab` the picture on the clipboard."""
        super().__init__()
        self._desk, self._asker = desk, asker
        self.filing = Filing(
            desk,
            asker,
            door,
            changed=self._looked,
            failed=self.failed,
            reader=reader,
            grab=grab,
        )
        self.previewing = Previewing(desk, self.changed)
        self.pictures = Pictures(asker, door, changed=self.changed, failed=self.failed)
        self._wanted = Wanted()
        self._selected: Digest | None = None
        self._opened: Digest | None = None
        self._form = Form.SIDES
        self._comments: dict[Digest, str] = {}
        self._comment_wanted = False
        self._busy = ""
        self._lied = ""
        self._answers: dict[Digest, tuple[Proposal, Proposals | None]] = {}
        self._proofs: dict[Digest, VerifiedEntry | None] = {}
        self._compared: dict[tuple[object, ...], Changes] = {}
        self._known: tuple[object, ...] = ()
        self.keep(desk.subscribe(self._told, *_SHOWN))
        self.keep(self.filing.close)
        self.keep(self.pictures.close)
        self.keep(self.previewing.close)

    # ---- what is shown ----

    def view(self) -> PageView:
        facts, now, me = self._desk.facts, self._desk.now(), self._desk.identity.officer
        all_cases = self._cases()
        shown = inbox.chosen(all_cases, self._wanted, me, now)
        case = self.case()
        text, tone = trouble(facts, self._lied)
        empty_title, empty_text = emptiness(facts, self._wanted)
        return PageView(
            text,
            tone,
            inbox.choices(all_cases, self._wanted, me, now),
            kinds_in(all_cases),
            self._wanted.kind,
            self._wanted.text,
            tuple(inbox.row(each, me, now) for each in shown),
            self._selected,
            empty_title,
            empty_text,
            self._form,
            None if case is None else self._detail(case),
            None if case is None else self._decide_view(case),
            self.filing.view(),
            self._place(shown),
            self.propose_offer(),
            facts.connection.link in (Link.OFFLINE, Link.STATION),
            self.pictures.view(),
            facts.connection.link is not Link.STATION,
        )

    def case(self) -> Case | None:
        """The proposal that is open: from a file, or from the server."""
        if self.filing.opened is not None:
            return case_of_file(self.filing.opened.file, self._desk.facts.seen, self._desk.now())
        if self._opened is None:
            return None
        return next((each for each in self._cases() if each.digest == self._opened), None)

    def tick(self) -> None:
        """Time passed: countdowns are written anew, and so is a preview that became too old."""
        self.previewing.look(self.case())
        self.changed()

    def simulate(self) -> None:
        """What would the open proposal change, by the evidence of now?"""
        self.previewing.again(self.case())

    # ---- the inbox ----

    def show_filter(self, which: Filter) -> None:
        self._want(replace(self._wanted, filter=which))

    def show_kind(self, kind: Kind | None) -> None:
        self._want(replace(self._wanted, kind=kind))

    def search(self, text: str) -> None:
        self._want(replace(self._wanted, text=text))

    @property
    def chosen(self) -> bool:
        """Whether a proposal is highlighted or asked for, be it known here yet or not."""
        return self._selected is not None

    def select(self, digest: Digest | None) -> None:
        """Move the highlight; in the open proposal, show that one instead."""
        if digest != self._selected:
            self._selected = digest
            if self._opened is not None and digest is not None:
                self._show(digest)
            self.changed()

    def step(self, by: int) -> None:
        """Down or up the list, without wrapping."""
        if self.pictures.view() is not None:
            self.pictures.step(by)
            return
        rows = self.view().rows
        if not rows or self.filing.opened is not None:
            return
        digests = [each.digest for each in rows]
        place = digests.index(self._selected) + by if self._selected in digests else 0
        self.select(digests[max(0, min(place, len(digests) - 1))])

    def open(self, digest: Digest | None = None) -> None:
        """Open a proposal, by default the selected one."""
        wanted = digest or self._selected
        if wanted is None:
            return
        self.filing.opened = None
        self.pictures.shut()
        self._selected = wanted
        self._show(wanted)
        self.changed()

    def back(self) -> None:
        """To the list; from pictures, to their proposal."""
        if self.pictures.view() is not None:
            self.pictures.shut()
            return
        self._opened, self._comment_wanted = None, False
        self.filing.opened = None
        self.previewing.look(None)
        self.changed()

    def show_form(self, form: Form) -> None:
        self._form = form
        self.changed()

    # ---- deciding ----

    def comment(self, text: str) -> None:
        """What stands in the comment field; kept for each proposal until it is signed."""
        case = self.case()
        if case is None:
            return
        self._comments[case.digest] = text
        if self._comment_wanted and text.strip():
            self._comment_wanted = False
            self.changed()

    def why_not(self, decision: Decision) -> str:
        case = self.case()
        if case is None:
            return _("Open a proposal first.")
        if self.pictures.view() is not None:
            return _("Its pictures are shown: go back to the proposal first.")
        return self._offer(case, decision).why_not

    def approve(self) -> None:
        case = self.case()
        if case is None or self.why_not(Decision.APPROVE):
            return
        signed = self.previewing.to_sign(case)
        question = asking.approve_question(case, self._desk.facts, self._changes(case), signed)
        self._decide(case, Decision.APPROVE, question, signed)

    def reject(self) -> None:
        """A rejection needs a comment: without one the field is pointed at."""
        case = self.case()
        if case is None or self.why_not(Decision.REJECT):
            return
        if not self._comments.get(case.digest, "").strip():
            self._comment_wanted = True
            self.changed()
            return
        self._decide(case, Decision.REJECT, asking.reject_question(case))

    def withdraw(self) -> None:
        case = self.case()
        if case is None:
            return
        offer = withdraw_offer(case, self._situation())
        if not offer.shown or not offer.possible:
            return
        digest = case.digest

        def answered(answer: Confirmed | None) -> None:
            if answer is not None:
                self._sign(
                    _("Your withdrawal is being signed."),
                    lambda client: client.withdraw(digest, answer.comment),
                )

        self._asker.confirm(asking.withdraw_question(case), answered)

    # ---- files ----

    def open_file(self) -> None:
        self.filing.open(self._looked)

    def paste(self) -> None:
        """What the picture on the clipboard shows."""
        self.filing.paste(self._looked)

    def export(self) -> None:
        case = self.case()
        if case is None or export_offer(case, self._situation()).why_not:
            return
        self.filing.export(case.digest, case.statement.kind.value)

    def export_preview(self) -> None:
        """The impact preview that is shown, as the document whose digest an approval names."""
        case = self.case()
        impacts = None if case is None else self.previewing.impacts(case)
        if case is None or impacts is None or not impacts.simulation.document:
            return
        name = f"impact-{case.digest.removeprefix('sha256:')[:12]}.json"
        self.filing.write_bytes(impacts.simulation.document, _("Write the impact preview"), name)

    def export_signed(self, digest: Digest) -> None:
        """An impact preview that an approval names, as far as it is kept on this machine."""

        def found(raw: bytes | None) -> None:
            if raw is None:
                self._asker.tell(asking.preview_gone(digest))
                return
            name = f"impact-{digest.removeprefix('sha256:')[:12]}.json"
            self.filing.write_bytes(raw, _("Write the signed impact preview"), name)

        self.previewing.document(digest, found)

    def show_pictures(self) -> None:
        """The open proposal as QR pictures: what stands in its file."""
        case = self.case()
        if case is None:
            return
        title = asking.named(case)
        if self.filing.opened is not None:
            self.pictures.show(self.filing.opened.file, title)
        elif not export_offer(case, self._situation()).why_not:
            self.filing.fetch(case.digest, lambda file: self.pictures.show(file, title))

    def post_file(self) -> None:
        """Give the server what the open file has and it has not."""
        self.filing.post(self._answered)

    def _looked(self) -> None:
        """What is open may be another."""
        self.previewing.look(self.case())
        self.changed()

    # ---- for those who share the page ----

    def propose_offer(self) -> Offer:
        seen = self._desk.facts.seen
        roles: frozenset[Role] | None = None
        if seen is not None:
            officer = seen.roster.officers.get(OfficerId(self._desk.identity.officer))
            roles = frozenset() if officer is None else officer.roles
        return propose_offer(self._situation(), roles)

    def took(self, proposal: Proposal) -> None:
        """The server took a new proposal: it is opened."""
        self._answers[proposal.digest] = (proposal, self._desk.facts.proposals)
        self.open(proposal.digest)
        self._desk.refresh(*_AFTER_DECIDING)

    def failed(self, error: KeyturnError) -> None:
        """Say what went wrong; what of the server's did not verify is a matter of its own."""
        self._busy = ""
        title = _("That did not work")
        if isinstance(error, UntrustedError) and not isinstance(error, _OF_THE_CARD):
            self._lied = str(error)
            title = _("The server's answer did not verify")
        self._asker.tell(failure(title, error))
        self.changed()

    # ---- inside ----

    def _cases(self) -> tuple[Case, ...]:
        facts = self._desk.facts
        if facts.seen is None or not facts.trusted:
            return ()
        newer = {
            digest: proposal
            for digest, (proposal, then) in self._answers.items()
            if then is facts.proposals
        }
        now = self._desk.now()
        return tuple(case_of(each, facts.seen, now) for each in inbox.overlaid(facts, newer))

    def _detail(self, case: Case) -> Detail:
        return detail(
            case,
            self._desk.facts,
            self._desk.identity.officer,
            self._desk.now(),
            self._changes(case),
            self._proofs.get(case.digest),
            self._form,
            self.previewing.impacts(case),
            self.previewing.held(case),
        )

    def _changes(self, case: Case) -> Changes:
        compared = case.compared_with()
        key = (
            case.digest,
            None if compared is None else compared.statement.digest,
            case.index is not None,
            self._desk.now().date(),
        )
        if key not in self._compared:
            self._compared[key] = changes_view(case, self._desk.now())
        return self._compared[key]

    def _decide_view(self, case: Case) -> Decide:
        comment = self._comments.get(case.digest, "")
        signed = self.previewing.to_sign(case)
        return decide_view(
            case, self._situation(case), comment, signed, wanted=self._comment_wanted
        )

    def _situation(self, case: Case | None = None) -> Situation:
        """`case`: what would be approved."""
        signed = None if case is None else self.previewing.to_sign(case)
        return Situation(
            self._desk.identity,
            self._desk.facts.connection.link,
            self._desk.now(),
            self._busy or self.filing.busy,
            self.filing.opened is not None,
            "" if signed is None else signed.wait,
        )

    def _offer(self, case: Case, decision: Decision) -> Offer:
        offer = approve_offer if decision is Decision.APPROVE else reject_offer
        return offer(case, self._situation(case))

    def _decide(
        self, case: Case, decision: Decision, question: Confirm, signed: ToSign | None = None
    ) -> None:
        digest, on_file = case.digest, self.filing.opened is not None
        self.previewing.asking = True

        def answered(answer: Confirmed | None) -> None:
            self.previewing.asking = False
            now = self.case()  # the world may have moved on while the question stood
            same = now is not None and now.digest == digest
            same = same and on_file == (self.filing.opened is not None)
            why = self.why_not(decision) if same else _("Another proposal is open now.")
            if answer is None or why:
                if answer is not None:
                    self._asker.tell(asking.not_signed(why))
                self._looked()
                return
            if decision is Decision.APPROVE and not self._still(signed):
                return
            comment = self._comments.get(digest, "").strip()
            if self.filing.opened is not None:
                self.filing.decide(decision, comment, signed)
                return
            self._sign(
                _("Your decision is being signed."),
                lambda client: client.decide(
                    digest, decision, comment, preview=kept_for(client, signed)
                ),
            )

        self._asker.confirm(question, answered)

    def _still(self, signed: ToSign | None) -> bool:
        """Whether what was asked about is what would be signed now; else the officer is told."""
        case = self.case()
        now = None if case is None else self.previewing.to_sign(case)
        digests = [None if each is None else each.digest for each in (signed, now)]
        if digests[0] == digests[1] and not (now is not None and now.wait):
            return True
        self._asker.tell(asking.preview_changed(now))
        self._looked()
        return False

    def _sign(self, busy: str, work: Callable[[KeyturnClient], Proposal]) -> None:
        self._busy = busy
        self.changed()
        self.keep(self._desk.ask(work, done=self._answered, failed=self.failed))

    def _answered(self, proposal: Proposal) -> None:
        """A verified answer: shown at once, and until the list is newer."""
        self._busy = self._lied = ""
        self._comments.pop(proposal.digest, None)
        self._answers[proposal.digest] = (proposal, self._desk.facts.proposals)
        if proposal.status is Status.IN_FORCE:
            self._asker.toast(_("In force: log entry {index}").format(index=proposal.index))
        elif proposal.refusal is None:
            self._asker.toast(_("Signed and posted"))
        self.open(proposal.digest)
        self._desk.refresh(*_AFTER_DECIDING)

    def _show(self, digest: Digest) -> None:
        self._opened, self._comment_wanted = digest, False
        if all(each.digest != digest for each in self._cases()):
            self._desk.refresh(*_AFTER_DECIDING)
        self._want_proof()
        self.previewing.look(self.case())

    def _want_proof(self) -> None:
        """Fetch and verify the receipt of what is open, once."""
        case = self.case()
        if case is None or case.index is None or case.digest in self._proofs:
            return
        if self._desk.identity.locked or self._desk.facts.connection.link in (
            Link.OFFLINE,
            Link.STATION,
        ):
            return
        digest, index = case.digest, case.index
        self._proofs[digest] = None

        def done(entry: VerifiedEntry) -> None:
            self._proofs[digest] = entry
            self.changed()

        def failed(error: KeyturnError) -> None:
            self._proofs.pop(digest, None)
            if isinstance(error, UntrustedError):
                self.failed(error)

        self.keep(self._desk.ask(lambda client: client.receipt(index), done=done, failed=failed))

    def _place(self, shown: list[Case]) -> str:
        digests = [each.digest for each in shown]
        if self._opened not in digests or self.filing.opened is not None:
            return ""
        return _("{place} of {count}").format(
            place=digests.index(self._opened) + 1, count=len(digests)
        )

    def _want(self, wanted: Wanted) -> None:
        if wanted != self._wanted:
            self._wanted = wanted
            self.changed()

    def _told(self, topics: frozenset[Topic]) -> None:
        if Topic.IDENTITY in topics:
            self._busy, self._comment_wanted = "", False
            self.previewing.look(None)
        if Topic.PROPOSALS in topics:
            self._want_proof()
        self.previewing.look(self.case())
        known = inbox.shown_of(self._desk.facts)
        same = len(known) == len(self._known) and all(map(operator.is_, known, self._known))
        if not same or Topic.IDENTITY in topics:
            self._known = known
            self.changed()
