"""Comparing: versions of one baseline, two baselines, or one with a node's evidence. No Qt."""

from collections.abc import Callable
from datetime import datetime

from keyturn.policy.comparing import compare, compare_node
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.state import AuthorityState
from keyturn_app.desk import Desk, Topic
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.screens.baselines.comparison import Comparison, compared, copied
from keyturn_app.screens.baselines.newview import node_choice
from keyturn_app.screens.baselines.observing import Evidence
from keyturn_app.screens.baselines.standing import KIND, baselines, values_of, versions
from keyturn_app.screens.baselines.viewmodel import ComparingView, Side

NODE = "node:"


class ComparePresenter(Presenter[ComparingView]):
    """A side's key is a statement's digest, or `node:NAME` on the right."""

    def __init__(
        self,
        desk: Desk,
        evidence: Evidence,
        copy: Callable[[str], None],
        *,
        closed: Callable[[], None],
        subject: str = "",
        version: str = "",
    ) -> None:
        super().__init__()
        self._desk, self._evidence, self._copy, self._closed = desk, evidence, copy, closed
        self._every = False
        mine = [s.key for s in self._sides(subject)] if subject else []
        others = [each.key for each in self._sides()]
        newest = mine[0] if mine else next(iter(others), "")
        older = version or next((each for each in mine[1:]), "")
        self._left = older or newest
        self._right = newest if older and older != newest else ""
        self.keep(desk.subscribe(lambda _topics: self.changed(), Topic.SEEN, Topic.PROPOSALS))
        evidence.want()

    def view(self) -> ComparingView:
        lefts = self._sides()
        shown, problem = self._compared({each.key: each.text for each in lefts})
        return ComparingView(
            lefts,
            (*lefts, *self._nodes()),
            self._left,
            self._right,
            self._every,
            shown,
            problem,
        )

    def choose_left(self, key: str) -> None:
        self._left = key
        self.changed()

    def choose_right(self, key: str) -> None:
        self._right = key
        self.changed()

    def show_every(self, every: bool) -> None:
        self._every = every
        self.changed()

    def swap(self) -> None:
        """Only two baselines: a node is always on the right."""
        if not self._right.startswith(NODE) and self._right:
            self._left, self._right = self._right, self._left
            self.changed()

    def copy(self) -> None:
        shown = self.view().shown
        if shown is not None:
            self._copy(copied(shown))

    def cancel(self) -> None:
        self.close()
        self._closed()

    # ---- inside ----

    def _sides(self, subject: str = "") -> tuple[Side, ...]:
        """Every version that was in force, and what is proposed; of one subject, or of all."""
        state = self._state()
        if state is None:
            return ()
        now = self._desk.now()
        found: list[Side] = []
        for each in baselines(self._desk.facts, now):
            if subject and each.subject != subject:
                continue
            for version in versions(state, each.subject):
                found.append(_side(state, version.statement.digest, version.statement.version, now))
            found += [
                Side(
                    one.digest,
                    _("{name} · version {version}, proposed").format(
                        name=each.subject, version=one.statement.version
                    ),
                )
                for one in each.open
            ]
        return tuple(found)

    def _nodes(self) -> tuple[Side, ...]:
        return tuple(
            Side(f"{NODE}{each.node}", _("Node {name}").format(name=node_choice(each).text))
            for each in self._evidence.fleet.all
        )

    def _compared(self, names: dict[str, str]) -> tuple[Comparison | None, str]:
        left = self._values(self._left)
        if left is None:
            return None, _("Choose a baseline on the left.")
        name = names.get(self._left, "")
        if self._right.startswith(NODE):
            return self._with_node(left, name, self._right.removeprefix(NODE))
        right = self._values(self._right)
        if right is None:
            return None, _("Choose a version, another baseline or a node on the right.")
        rows = compare(left, right)
        return compared(name, names.get(self._right, ""), rows, every=self._every), ""

    def _with_node(
        self, left: ReferenceValues, name: str, node: str
    ) -> tuple[Comparison | None, str]:
        observed = self._evidence.fleet.observed.get(node)
        if observed is None:
            return None, _("The evidence of {name} is not known.").format(name=node)
        why_not = node_choice(observed).why_not
        if why_not or observed.shown is None:
            return None, _("The evidence of {name} is not genuine, or not kept: {why}").format(
                name=node, why=why_not
            )
        rows = compare_node(left, observed.shown)
        title = _("Node {name}").format(name=node)
        return compared(name, title, rows, node=True, every=self._every), ""

    def _values(self, key: str) -> ReferenceValues | None:
        state = self._state()
        if state is None or not key:
            return None
        found = next((each for digest, each in state.by_digest.items() if digest == key), None)
        if found is not None:
            return values_of(found.statement.body)
        proposals = self._desk.facts.proposals
        for each in proposals.all if proposals else ():
            if each.digest == key and each.statement.kind is KIND:
                return values_of(each.statement.body)
        return None

    def _state(self) -> AuthorityState | None:
        facts = self._desk.facts
        return facts.seen.state if facts.seen is not None and facts.trusted else None


def _side(state: AuthorityState, digest: str, version: int, now: datetime) -> Side:
    statement = next(e.statement for d, e in state.by_digest.items() if d == digest)
    current = state.in_force(KIND, statement.subject, now)
    text = _("{name} · version {version}").format(name=statement.subject, version=version)
    if current is not None and current.statement.digest == digest:
        text = _("{name} · version {version}, in force").format(
            name=statement.subject, version=version
        )
    return Side(digest, text)
