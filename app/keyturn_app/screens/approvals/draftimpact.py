"""What a draft would change for every node, asked for while it is written. No Qt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.base.encoding import digest_of
from keyturn.base.strictjson import JsonObject, dump
from keyturn.policy import drafts as policy_drafts
from keyturn.policy.drafts import LIFE, draft_of_body
from keyturn.policy.preview import PREVIEWED
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app.desk import Desk
from keyturn_app.facts import Link
from keyturn_app.i18n import _
from keyturn_app.impact import ImpactService, Simulation, simulated_text

_CONNECTED = frozenset({Link.LIVE, Link.STALE})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is written now, as far as it can be read. `life` None: without end."""

    kind: Kind
    subject: str
    body: JsonObject | None
    life: timedelta | None


@dataclass(frozen=True, slots=True, eq=False)
class DraftImpactView:
    """`old`: why what is shown is not of what is written now; empty when it is."""

    simulation: Simulation
    told: str
    why_not: str
    old: str


class DraftImpact:
    """Of the draft that is open, when it is asked for: at each letter it would be of nothing."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed
        self._service = ImpactService(desk, changed)

    def view(self, meant: Meaning) -> DraftImpactView | None:
        """None for a kind that has no preview."""
        if meant.kind not in PREVIEWED:
            return None
        simulation = self._service.simulation
        told = simulated_text(simulation, self._desk.now())
        old = ""
        if simulation.impact is not None and not _same(simulation.impact.draft, meant):
            old = _("The draft has changed since: simulate again.")
        return DraftImpactView(simulation, told, self._why_not(meant), old)

    def simulate(self, meant: Meaning) -> None:
        body = meant.body
        if body is None or meant.kind not in PREVIEWED or self._why_not(meant):
            return

        def make(state: AuthorityState, now: datetime) -> policy_drafts.Draft:
            return draft_of_body(meant.kind, meant.subject, body, state, now, meant.life or LIFE)

        self._service.simulate(make)

    def stop(self) -> None:
        self._service.cancel()

    def poll(self) -> None:
        self._service.poll()

    def forget(self) -> None:
        """Another draft."""
        self._service.close()
        self._service = ImpactService(self._desk, self._changed)

    def close(self) -> None:
        self._service.close()

    # ---- inside ----

    def _why_not(self, meant: Meaning) -> str:
        if self._desk.identity.locked:
            return _("Keyturn is locked.")
        if self._desk.facts.connection.link not in _CONNECTED:
            return _("There is no connection, and so no evidence of nodes.")
        if meant.body is None:
            return _("The body cannot be read yet: see the message over it.")
        return "" if meant.subject else _("It needs a subject.")


def _same(simulated: policy_drafts.Draft, meant: Meaning) -> bool:
    if meant.body is None or (simulated.kind, simulated.subject) != (meant.kind, meant.subject):
        return False
    return simulated.body_digest == digest_of(dump(meant.body))
