"""The node in the drawer: its examination is asked for, and what the officer does about it. No Qt.

A newer grant or refusal of the node has it examined again; what was found before stays shown.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import NotFound
from keyturn.client.examination import Examination
from keyturn.client.inventory import Node
from keyturn.client.proposals import Proposal
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn_app.desk import Desk
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, Confirmed, failure
from keyturn_app.screens.fleet import revoking
from keyturn_app.screens.fleet.revoking import Offer

LAPSES = timedelta(hours=72)


class Selected:
    """At most one node. `changed` is called when more became known of it."""

    def __init__(
        self, desk: Desk, asker: Asker, go: Callable[[str, str], None], changed: Callable[[], None]
    ) -> None:
        self._desk, self._asker, self._go, self._changed = desk, asker, go, changed
        self._drop: Callable[[], None] | None = None
        self.name: str | None = None
        self.examination: Examination | None = None
        self.error: KeyturnError | None = None
        self.loading = False
        self._asked_of: int | None = None

    def choose(self, node: Node | None) -> None:
        """Another node, or none."""
        self._leave()
        self.name = None if node is None else node.name
        self.examination, self.error, self._asked_of = None, None, None
        if node is not None:
            self.follow(node)

    def follow(self, node: Node) -> None:
        """The node as it is now; examined when the log has a newer word on it than was asked of."""
        newest = newest_entry(node)
        if newest is None or newest == self._asked_of:
            return
        self._asked_of = newest
        self._ask(node.name)

    def retry(self) -> None:
        if self.name is not None and not self.loading:
            self._ask(self.name)

    def close(self) -> None:
        self._leave()

    def _ask(self, name: str) -> None:
        self._leave()
        self.loading, self.error = True, None

        def work(client: KeyturnClient) -> Examination:
            return client.examine(name)

        self._drop = self._desk.ask(work, done=self._examined, failed=self._failed)
        self._changed()

    def _examined(self, found: Examination) -> None:
        self.loading, self.examination, self.error = False, found, None
        self._changed()

    def _failed(self, error: KeyturnError) -> None:
        self.loading = False
        self.error = None if isinstance(error, NotFound) else error
        if not isinstance(error, NotFound):
            self.examination = None  # what is contradicted is not shown beside the contradiction
        self._changed()

    def _leave(self) -> None:
        if self._drop is not None:
            self._drop()
            self._drop = None
        self.loading = False

    # ---- revoking ----

    def revoke(self, offer: Offer, node: Node, also: Sequence[str]) -> None:
        """Ask, with all that it will do spelled out; then propose. Nothing without a yes."""
        facts = self._desk.facts
        if offer.why_not or facts.seen is None:
            return
        already = revoking.open_proposal(offer, facts)
        if already is not None:
            self._asker.toast(_("A proposal to revoke it gathers approvals already."))
            self._go("approvals", already.digest)
            return
        question = revoking.question(offer, node, facts.seen.roster, tuple(also))

        def answered(answer: Confirmed | None) -> None:
            if answer is not None:
                self._propose(offer, answer.comment.strip())

        self._asker.confirm(question, answered)

    def _propose(self, offer: Offer, reason: str) -> None:
        def work(client: KeyturnClient) -> Proposal:
            return client.propose_change(
                Kind.REVOCATION, offer.subject, offer.body, reason=reason, life=None, lapses=LAPSES
            )

        def failed(error: KeyturnError) -> None:
            title = _("The revocation of {target} was not proposed").format(target=offer.target)
            self._asker.tell(failure(title, error))

        self._desk.ask(work, done=lambda made: self._proposed(offer, made), failed=failed)

    def _proposed(self, offer: Offer, made: Proposal) -> None:
        what = _("node") if offer.kind is TargetKind.NODE else _("platform")
        text = _("Proposed to revoke the {what} {target}. Not in force yet.")
        self._asker.toast(text.format(what=what, target=offer.target))
        self._go("approvals", made.digest)


def newest_entry(node: Node) -> int | None:
    return max((each[0] for each in (node.granted, node.refused) if each), default=None)
