"""The impact preview of the proposal that is open: when it is computed, and what is signed. No Qt.

A preview is about the fleet of a moment. It is signed while the rules in force are those that it
was computed from, and for a few minutes; what is older is computed anew before anybody signs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keyturn.base.encoding import Digest
from keyturn.client.client import KeyturnClient
from keyturn.client.inventory import NodeState
from keyturn.keyrelease.decision import caveats_owed
from keyturn.policy.drafts import Draft, draft_of
from keyturn.policy.impact_reading import SaidPreview
from keyturn.policy.lint import lint
from keyturn.policy.observed import Observed
from keyturn.policy.preview import PREVIEWED
from keyturn.policy.remarks import LintRemark
from keyturn.quorum.state import AuthorityState
from keyturn_app.desk import Desk
from keyturn_app.facts import Facts, Link, Seen
from keyturn_app.i18n import _
from keyturn_app.impact import ImpactService, ImpactView, Phase, Simulation, simulated_text
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.signedpreviews import Held

SIGNABLE = timedelta(minutes=5)
"""So old may a preview be that is signed."""
SETTLED = timedelta(seconds=30)
"""So long one stands whatever nodes do: in a large fleet one of them always does something."""
_SERVING = frozenset({NodeState.ATTESTED, NodeState.STALE})
_CONNECTED = frozenset({Link.LIVE, Link.STALE})
Fleet = frozenset[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class ToSign:
    """What of the impact an approval would name.

    `digest` None: no preview is signed, and `text` says so and why. `wait`: why nothing can be
    signed at this moment.
    """

    text: str
    outcome: tuple[str, ...] = ()  # who would get or lose keys, in words
    digest: Digest | None = None
    document: bytes = field(default=b"", repr=False)
    wait: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Impacts:
    """What is known of the open proposal's impact. `told`: when, or why not, in words.

    `fresh`: as it may be signed. `why_not`: why none is computed; empty where one is or was.
    """

    simulation: Simulation
    told: str
    fresh: bool
    why_not: str
    remarks: tuple[LintRemark, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Linted:
    """What it was told of, by identity: comparing them would take longer than the lint."""

    digest: Digest
    state: AuthorityState
    observed: tuple[Observed, ...] | None
    found: tuple[LintRemark, ...]

    def of(
        self, digest: Digest, state: AuthorityState, observed: tuple[Observed, ...] | None
    ) -> bool:
        return digest == self.digest and state is self.state and observed is self.observed


class Previewing:
    """One proposal's preview at a time, computed by itself where it is wanted and can be."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed
        self._held: dict[Digest, SaidPreview | None] = {}
        self._dropping: list[Callable[[], None]] = []
        self.asking = False
        """Whether a question about what is shown stands: then it is not exchanged."""
        self._of: Digest | None = None
        self._service = ImpactService(desk, self._moved)
        self._rules: list[frozenset[Digest]] = []
        self._fleet: Fleet | None = None
        self._linted: _Linted | None = None

    # ---- what is open ----

    def look(self, case: Case | None) -> None:
        """Called whenever something may have changed: computes what is due."""
        if case is not None:
            self._want_signed(case)
        due = case is not None and self._possible(case)
        if case is None or not due or self._of != case.digest:
            self._forget()
        if case is None or not due or self.asking:
            return
        if self._of is None or (self._service.simulation.phase is Phase.DONE and self._stale()):
            self._start(case)

    def again(self, case: Case | None) -> None:
        """Also before it is due."""
        if case is not None and self._possible(case):
            self._start(case)

    def cancel(self) -> None:
        self._service.cancel()

    def poll(self) -> None:
        self._service.poll()

    def close(self) -> None:
        self._service.close()
        for drop in self._dropping:
            drop()
        self._dropping.clear()

    # ---- what is known ----

    def impacts(self, case: Case) -> Impacts | None:
        """None where there is nothing to preview: another kind, or decided already."""
        if not undecided_kind(case, self._desk.now()):
            return None
        why = why_not(case, self._desk)
        if why or self._of != case.digest:
            return Impacts(Simulation(), "", fresh=False, why_not=why, remarks=self._lint(case))
        found = self._service.simulation
        told = simulated_text(found, self._desk.now())
        return Impacts(found, told, self._fresh(), "", self._lint(case))

    def to_sign(self, case: Case) -> ToSign | None:
        """None for a kind that has no preview."""
        impacts = self.impacts(case)
        if impacts is None:
            return None
        found = impacts.simulation
        if impacts.why_not:
            return ToSign(_("No impact preview is signed. {why}").format(why=impacts.why_not))
        if found.running or (found.phase is Phase.DONE and not impacts.fresh):
            wait = _("The impact is being simulated. Stop it to sign without a preview.")
            return ToSign("", wait=wait)
        if found.phase is Phase.DONE and found.view is not None:
            text = _("Impact preview, {when}").format(when=impacts.told)
            return ToSign(text, _figures(found.view), found.view.digest, found.document)
        why = found.error or _("The simulation was stopped.")
        return ToSign(_("No impact preview is signed. {why}").format(why=why))

    def held(self, case: Case) -> Held:
        """To tell previews that others signed from the one that is shown."""
        found = self._service.simulation if self._of == case.digest else Simulation()
        own = found.view.digest if found.view is not None else None
        documents = {digest: said for digest, said in self._held.items() if said is not None}
        return Held(own, found.document, documents)

    # ---- inside ----

    def _possible(self, case: Case) -> bool:
        return undecided_kind(case, self._desk.now()) and not why_not(case, self._desk)

    def _start(self, case: Case) -> None:
        statement, rules = case.statement, self._rules
        self._of = case.digest
        self._fleet = fleet_of(self._desk.facts)

        def make(state: AuthorityState, _now: datetime) -> Draft:
            rules[:] = [rules_of(state)]  # on the network thread
            return draft_of(statement)

        self._service.simulate(make)

    def _forget(self) -> None:
        if self._of is not None:
            self._of = None
            self._service.close()
            self._service = ImpactService(self._desk, self._moved)
            self._rules, self._fleet = [], None

    def _fresh(self) -> bool:
        """As it may be signed, also while it is asked about."""
        return self._service.simulation.phase is Phase.DONE and not (
            self._old(SIGNABLE) or self._other_rules()
        )

    def _stale(self) -> bool:
        moved = self._old(SETTLED) and fleet_of(self._desk.facts) != self._fleet
        return moved or not self._fresh()

    def _old(self, limit: timedelta) -> bool:
        impact = self._service.simulation.impact
        return impact is None or self._desk.now() - impact.time > limit

    def _other_rules(self) -> bool:
        """By a log that is longer than the one it was computed from: it is told later."""
        seen, impact = self._desk.facts.seen, self._service.simulation.impact
        if seen is None or impact is None:
            return False
        longer = _size(seen) > impact.position.size
        return longer and [rules_of(seen.state)] != self._rules

    def _lint(self, case: Case) -> tuple[LintRemark, ...] | None:
        """None while no log is known: it is about what is in force."""
        state = case.state
        if state is None:
            return None
        observed = self._service.simulation.observed if self._of == case.digest else None
        known, statement = self._linted, case.statement
        if known is None or not known.of(case.digest, state, observed):
            found = lint(
                statement.kind,
                statement.subject,
                statement.body,
                state,
                self._desk.now(),
                observed=observed or (),
                owed=caveats_owed(state, self._desk.now()),
                expires=statement.expires,
            )
            known = self._linted = _Linted(case.digest, state, observed, found)
        return known.found

    def _want_signed(self, case: Case) -> None:
        """Of the previews that approvals name, those that are kept on this machine."""
        named = {each.preview for each in case.approvals if each.preview is not None}
        missing = sorted(each for each in named if each not in self._held)
        if not missing or self._desk.identity.locked:
            return
        self._held.update(dict.fromkeys(missing))

        def work(client: KeyturnClient) -> dict[Digest, SaidPreview | None]:
            return {each: client.kept_preview(each) for each in missing}

        def done(found: dict[Digest, SaidPreview | None]) -> None:
            self._held.update(found)
            self._changed()

        self._dropping.append(self._desk.ask(work, done=done, failed=lambda _error: None))

    def _moved(self) -> None:
        self._changed()


def _figures(view: ImpactView) -> tuple[str, ...]:
    """Like *+3 nodes would newly get keys*; what is not so is left out."""
    told = [*(each for each in view.tiles if each.figure != "0")]
    return (" · ".join(f"{each.figure} {each.text}" for each in told),) if told else ()


def kept_for(client: KeyturnClient, signed: ToSign | None) -> Digest | None:
    """On the network thread: keep what is about to be signed, so that later previews can be told
    from it; its digest. Raises FileUnusable, and then nothing is signed."""
    if signed is None or signed.digest is None:
        return None
    return client.keep_preview(signed.document)


def undecided_kind(case: Case, now: datetime) -> bool:
    """Whether its impact is still of use."""
    return case.statement.kind in PREVIEWED and case.index is None and case.undecided(now)


def why_not(case: Case, desk: Desk) -> str:
    """Why no impact can be computed here, in words; empty where it can."""
    facts = desk.facts
    link = facts.connection.link
    if link is Link.STATION:
        return _("An officer station has no evidence of nodes.")
    if desk.identity.locked:
        return _("Keyturn is locked.")
    if link is Link.DISTRUSTED:
        return _("The server is not believed: what it says of nodes is no evidence.")
    if link not in _CONNECTED:
        return _("There is no connection, and so no evidence of nodes.")
    if case.state is None or facts.seen is None:
        return _("What is in force is not known yet.")
    return ""


def rules_of(state: AuthorityState) -> frozenset[Digest]:
    """All that came into force, and all that was withdrawn."""
    return frozenset(state.by_digest) | frozenset(state.withdrawn)


def fleet_of(facts: Facts) -> Fleet | None:
    """Who serves, as the server says: it decides only when a preview is computed anew."""
    if facts.nodes is None:
        return None
    return frozenset((each.name, each.state in _SERVING) for each in facts.nodes.all)


def _size(seen: Seen) -> int:
    return seen.checkpoint.checkpoint.size
