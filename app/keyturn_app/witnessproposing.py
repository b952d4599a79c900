"""Proposing this app as a witness of the log: asked, signed, posted. No Qt in here."""

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.cosigning import Hindrance
from keyturn.client.proposals import Proposal
from keyturn.client.witnesskeys import WitnessChange, with_witnesses
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId
from keyturn_app import wording
from keyturn_app.desk import Desk, Topic
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, Confirm, Confirmed, failure


class WitnessProposing:
    """For one desk. `copy` puts a text on the clipboard."""

    def __init__(self, desk: Desk, asker: Asker) -> None:
        self._desk = desk
        self._asker = asker

    def why_not(self) -> str:
        """Why this app cannot be proposed now; empty where it can."""
        facts, identity = self._desk.facts, self._desk.identity
        own = None if facts.witnesses is None else facts.witnesses.own
        if identity.locked:
            return _("Unlock first: your key signs the proposal.")
        if facts.seen is None or own is None:
            return _("This app's cosigning key is not known yet.")
        if not facts.trusted:
            return _("This server is not believed.")
        if own.hindrance is not Hindrance.NOT_A_WITNESS:
            return _("The roster in force names this app already.")
        officer = facts.seen.roster.officers.get(OfficerId(identity.officer))
        if officer is None or Role.PROPOSER not in officer.roles:
            return _("You do not have the role proposer.")
        return ""

    def propose(self) -> None:
        """Ask first: what changes, and what it takes."""
        facts = self._desk.facts
        own = None if facts.witnesses is None else facts.witnesses.own
        if self.why_not() or own is None or facts.seen is None:
            return
        witnesses = facts.seen.roster.witnesses
        question = Confirm(
            _("Propose this app as a witness?"),
            _(
                "You sign a proposal for the roster in force with exactly this key added to its "
                "witnesses. The key is this profile's alone: it cosigns the log while your key "
                "is open, and approves nothing."
            ),
            _("Propose"),
            (
                _("Witness {name}").format(name=own.witness.name),
                _("Key {algorithm} {id}").format(
                    algorithm=own.witness.key.algorithm.value,
                    id=wording.grouped(own.witness.key.key_id),
                ),
                _("A release needs {k} of {n}, none older than {t} s").format(
                    k=witnesses.k, n=len(witnesses.keys) + 1, t=witnesses.t_seconds
                ),
            ),
            comment=_("Reason; every officer will read it"),
            comment_required=True,
        )
        key = own.witness.key
        self._asker.confirm(question, lambda answer: self._asked(WitnessChange((key,)), answer))

    def _asked(self, change: WitnessChange, answer: Confirmed | None) -> None:
        if answer is None:
            return

        def work(client: KeyturnClient) -> Proposal:
            body = with_witnesses(client.state(), change)
            return client.propose_change(Kind.ROSTER, "roster", body, reason=answer.comment)

        self._desk.ask(work, done=self._proposed, failed=self._failed)

    def _proposed(self, _proposal: Proposal) -> None:
        self._asker.toast(_("Proposed: other officers approve it on the Approvals page."))
        self._desk.refresh(Topic.PROPOSALS)

    def _failed(self, error: KeyturnError) -> None:
        self._asker.tell(failure(_("The witness was not proposed"), error))
