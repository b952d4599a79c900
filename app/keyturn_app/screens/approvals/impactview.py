"""What a proposal would change for every node, above the text of its changes."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QFrame, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.impact import ImpactView, Phase
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.impactpane import ImpactStatus, ImpactTiles, NodeTree
from keyturn_app.qtkit.prose import Prose
from keyturn_app.qtkit.widgets import Banner, button, clear, column, label, row
from keyturn_app.screens.approvals.previewing import Impacts

_NAME = "approvals.impact"
_TREE = 280
_MODELS = 6


@dataclass(frozen=True, slots=True)
class ImpactCalls:
    simulate: Callable[[], None]
    stop: Callable[[], None]
    export: Callable[[], None]
    copy: Callable[[str], None]


class ImpactCard(QFrame):
    """Figures always, nodes on demand; or one line that says why neither is known."""

    def __init__(self, calls: ImpactCalls) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName(f"{_NAME}.card")
        self._view: ImpactView | None = None
        self._why = Prose("", "text2", name=f"{_NAME}.why")
        mark = IconLabel("circle-question-mark", "unknown", 16)
        why = row(mark, spacing=8)
        why.addWidget(self._why, 1)
        self._unknown = QWidget()
        self._unknown.setLayout(why)
        self._status = ImpactStatus(_NAME, calls.simulate, calls.stop)
        self._error = Banner(name=f"{_NAME}.error")
        self._tiles = ImpactTiles(_NAME)
        self._none = Prose(
            _("No node has asked for a key yet: there is no evidence to simulate with."),
            "text2",
            name=f"{_NAME}.none",
        )
        self._models = column(spacing=4)
        self._nodes = button(
            "",
            name=f"{_NAME}.open",
            kind="ghost",
            icon_name="chevron-down",
            checkable=True,
            clicked=self._open,
        )
        self._export = button(
            _("Export…"),
            name=f"{_NAME}.export",
            kind="ghost",
            icon_name="download",
            tip=_("Write the impact preview: an approval names its digest"),
            clicked=calls.export,
        )
        self._tree = NodeTree(f"{_NAME}.nodes", calls.copy)
        self._tree.setFixedHeight(_TREE)
        self._tree.hide()
        self._none.hide()
        known = column(
            self._error,
            self._tiles,
            self._none,
            self._models,
            row(self._nodes, None, self._export, spacing=8),
            self._tree,
            spacing=8,
        )
        self._known = QWidget()
        self._known.setLayout(known)
        head = row(label(_("IMPACT IF APPLIED NOW"), "Over"), self._status, spacing=10)
        head.setStretch(1, 1)
        whole = column(head, self._unknown, self._known, spacing=4, margins=(14, 12, 14, 12))
        self.setLayout(whole)

    def show_view(self, impacts: Impacts | None) -> None:
        self.setVisible(impacts is not None)
        if impacts is None:
            return
        why = impacts.why_not
        self._why.setText(_("Not known. {why}").format(why=why))
        self._unknown.setVisible(bool(why))
        self._status.setVisible(not why)
        self._known.setVisible(not why)
        if not why:
            self._show(impacts)

    # ---- inside ----

    def _show(self, impacts: Impacts) -> None:
        simulation = impacts.simulation
        self._status.show_state(simulation, impacts.told, "")
        failed = simulation.phase is Phase.FAILED
        self._error.say(simulation.error if failed else "", tone="danger")
        view = simulation.view
        if view is self._view:
            return
        self._view = view
        self._tiles.show_view(view)
        self._tree.show_view(view)
        empty = view is not None and not view.nodes
        self._none.setVisible(empty)
        self._tiles.setVisible(not empty)
        for each in (self._nodes, self._export):
            each.setVisible(view is not None and not empty)
        self._show_models(view)
        self._open()

    def _show_models(self, view: ImpactView | None) -> None:
        clear(self._models)
        for model in () if view is None else view.models[:_MODELS]:
            line = row(IconLabel(model.icon, model.token, 14), spacing=8)
            words = Prose(model.text)
            words.setAccessibleName(model.text)
            line.addWidget(words, 1)
            self._models.addLayout(line)

    def _open(self) -> None:
        """Its nodes, or no longer."""
        count = 0 if self._view is None else self._view.nodes
        opened = self._nodes.isChecked() and self._view is not None
        text = n_("{count} node, and what decides", "{count} nodes, and what decides", count)
        self._nodes.setText(text)
        self._nodes.setAccessibleName(_("Hide the nodes") if opened else text)
        self._tree.setVisible(opened)
