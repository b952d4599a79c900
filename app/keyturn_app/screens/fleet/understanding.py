"""The selected node's explanation and evidence viewer, and where its repairs lead. No Qt."""

from collections.abc import Callable
from dataclasses import replace

from keyturn_app import wording
from keyturn_app.desk import Desk
from keyturn_app.i18n import _
from keyturn_app.questions import Asker
from keyturn_app.screens.fleet.explained import WhyView, destination, why_not_propose, why_view
from keyturn_app.screens.fleet.explaining import Explaining
from keyturn_app.screens.fleet.selected import Selected
from keyturn_app.screens.fleet.viewing import EvidenceView, Viewing
from keyturn_app.states import Look
from keyturn_app.tasks import Door


class Understanding:
    """Follows the node that is selected."""

    def __init__(
        self,
        desk: Desk,
        door: Door,
        asker: Asker,
        copy: Callable[[str], None],
        go: Callable[[str, str], None],
        changed: Callable[[], None],
    ) -> None:
        self._desk, self._asker, self._go = desk, asker, go
        self.explaining = Explaining(desk, door, asker, changed)
        self.viewing = Viewing(copy, changed)
        self._name: str | None = None

    def follow(self, selected: Selected, *, troubled: bool) -> None:
        """Another node, or more that became known of it. `troubled`: it is explained unasked."""
        if selected.name != self._name:
            self._name = selected.name
            self.explaining.leave()
        if selected.name is None:
            self.viewing.hide()
        elif selected.examination is None:
            self.explaining.leave()  # not known, or contradicted
        elif troubled or self.viewing.open:
            self.explaining.explain(selected.examination)

    def why(self, selected: Selected) -> WhyView | None:
        """None: there is nothing to explain."""
        held = self.explaining.held
        if selected.name is None:
            return None
        if held is None:
            error = self.explaining.error
            text = _("It could not be explained: {why}")
            note = "" if error is None else text.format(why=wording.error_text(error))
            return WhyView(note=note, loading=self.explaining.loading or selected.loading)
        found, desk = held.explained.explanation, self._desk
        made = why_view(found, desk.facts, desk.identity, self.explaining.note)
        return replace(made, comparing=self.explaining.comparing)

    def evidence(self, selected: Selected, look: Look) -> EvidenceView | None:
        if not self.viewing.open or selected.name is None:
            return None
        now = self._desk.now()
        return self.viewing.view(selected.name, look, self.explaining, selected, now)

    def repair(self, place: int) -> None:
        """Open what a repair leads to; nothing is signed by that."""
        held = self.explaining.held
        repairs = () if held is None else held.explained.explanation.repairs
        if held is None or place >= len(repairs):
            return
        repair, facts = repairs[place], self._desk.facts
        why_not = why_not_propose(facts, self._desk.identity) if repair.draft else ""
        if why_not:
            self._asker.toast(why_not)
            return
        to = destination(repair, held.explained.explanation, facts)
        if to is not None:
            self._go(*to)

    def close(self) -> None:
        self.explaining.leave()
