"""What a proposal would change for every node, above the text of its changes."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QFrame

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.impactpane import ImpactPane
from keyturn_app.qtkit.prose import Prose
from keyturn_app.qtkit.widgets import column, label, row
from keyturn_app.screens.approvals.previewing import Impacts

_TREE = 210
"""Height that leaves the changes in sight below it."""


@dataclass(frozen=True, slots=True)
class ImpactCalls:
    simulate: Callable[[], None]
    stop: Callable[[], None]
    export: Callable[[], None]
    copy: Callable[[str], None]


class ImpactCard(QFrame):
    """The pane that all pages share, or one line that says why there is none."""

    def __init__(self, calls: ImpactCalls) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName("approvals.impact.card")
        self._pane = ImpactPane(
            "approvals.impact",
            simulate=calls.simulate,
            stop=calls.stop,
            export=calls.export,
            copy=calls.copy,
        )
        self._why = Prose("", "text2", name="approvals.impact.why")
        self._mark = IconLabel("circle-question-mark", "unknown", 16)
        why = row(self._mark, spacing=8)
        why.addWidget(self._why, 1)
        head = label(_("IMPACT IF APPLIED NOW"), "Over")
        self.setLayout(column(head, why, self._pane, spacing=8, margins=(14, 12, 14, 12)))

    def show_view(self, impacts: Impacts | None) -> None:
        self.setVisible(impacts is not None)
        if impacts is None:
            return
        why = impacts.why_not
        self._why.setText(_("Not known. {why}").format(why=why))
        for each in (self._why, self._mark):
            each.setVisible(bool(why))
        self._pane.setVisible(not why)
        if not why:
            self._pane.setMinimumHeight(_TREE + 200 if impacts.simulation.view else 0)
            self._pane.show_state(impacts.simulation, impacts.told, "", "")
