"""A draft's impact on screen: tiles first, then every node by group with what decides it."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHeaderView,
    QProgressBar,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from keyturn.policy.impact import Group
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.impact import (
    GroupLines,
    ImpactTile,
    ImpactView,
    Phase,
    Simulation,
)
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.icons import IconLabel, icon
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.theme import colour, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Banner, button, clear, column, label, row

TILE = 78
ACROSS = 780
"""So wide must it be for four tiles in a row."""
_OPENED = 20
"""Groups of at most so many nodes stand open."""


class ImpactTileCard(QFrame):
    """One figure with its sign: never colour alone."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("class", "Card")
        self.setFixedHeight(TILE)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._icon = IconLabel("circle-dashed", "unknown", 20)
        self._figure = label("—", "Figure")
        self._text = OneLine("", "Small", "Second")
        self._detail = OneLine("", "Small", "Muted")
        right = column(self._figure, self._text, self._detail, spacing=0)
        inside = row(self._icon, spacing=10, margins=(12, 6, 8, 6))
        inside.addLayout(right, 1)
        self.setLayout(inside)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(160, TILE)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(96, TILE)

    def show_tile(self, tile: ImpactTile | None) -> None:
        if tile is None:
            self._icon.show_icon("circle-dashed", "unknown")
            self._figure.setText("—")
            self._text.setText(_("not simulated"))
            self._detail.setText("")
            self.setAccessibleName(_("not simulated"))
            return
        self._icon.show_icon(tile.icon, tile.token)
        self._figure.setText(tile.figure)
        self._text.setText(tile.short)
        self._detail.setText(tile.detail)
        self.setAccessibleName(f"{tile.figure} {tile.text}. {tile.detail}".strip())


class ImpactTiles(QWidget):
    """Four, or two by two where it is narrow."""

    def __init__(self, name: str, *, narrow: bool = False) -> None:
        super().__init__()
        self._cards = [ImpactTileCard(f"{name}.tile.{each}") for each in range(4)]
        self._narrow, self._across = narrow, 0
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8 if narrow else 12)
        self.setLayout(self._grid)
        self._place(2 if narrow else 4)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """No word of a tile may be cut off."""
        super().resizeEvent(event)
        self._place(2 if self._narrow or self.width() < ACROSS else 4)

    def _place(self, across: int) -> None:
        if across == self._across:
            return
        self._across = across
        for at, each in enumerate(self._cards):
            self._grid.addWidget(each, at // across, at % across)
        for at in range(4):
            self._grid.setColumnStretch(at, 1 if at < across else 0)
        self.setFixedHeight(TILE if across == 4 else 2 * TILE + self._grid.spacing())

    def show_view(self, view: ImpactView | None) -> None:
        tiles: Sequence[ImpactTile | None] = (None,) * 4 if view is None else view.tiles
        for card, tile in zip(self._cards, tiles, strict=True):
            card.show_tile(tile)


class ImpactStatus(QWidget):
    """When it was simulated; a bar and a way to stop while it runs."""

    def __init__(self, name: str, simulate: Callable[[], None], stop: Callable[[], None]) -> None:
        super().__init__()
        self._text = OneLine("", "Over", name=f"{name}.age")
        self._bar = QProgressBar()
        self._bar.setObjectName(f"{name}.progress")
        self._bar.setAccessibleName(_("Progress of the simulation"))
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(120, 6)
        self._stop = button(_("Stop"), name=f"{name}.stop", kind="ghost", clicked=stop)
        self._again = button(
            _("Simulate again"),
            name=f"{name}.simulate",
            icon_name="refresh-cw",
            clicked=simulate,
        )
        inside = row(self._text, self._bar, self._stop, self._again, spacing=8)
        inside.setStretch(0, 1)
        self.setLayout(inside)

    def show_state(self, simulation: Simulation, text: str, why_not: str) -> None:
        running = simulation.running
        self._text.setText(text)
        self._text.setAccessibleName(text)
        self._bar.setVisible(running)
        self._bar.setRange(0, simulation.total if running else 1)
        self._bar.setValue(simulation.done)
        self._stop.setVisible(running)
        self._again.setVisible(not running)
        self._again.setText(_("Simulate") if simulation.view is None else _("Simulate again"))
        self._again.setEnabled(not why_not)
        self._again.setToolTip(plain(why_not))


class NodeTree(QTreeWidget):
    """Groups, their nodes, and of each node what decides: found beside expected."""

    def __init__(self, name: str, copied: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(_("Nodes by what would become of them"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMinimumHeight(140)
        self.setColumnCount(3)
        self.setHeaderLabels([_("Node · check"), _("Place · found"), _("Model · expected")])
        self.setUniformRowHeights(True)
        self.setTabKeyNavigation(False)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._copied = copied
        self._shown: ImpactView | None = None
        theme().changed.connect(self._draw)

    def show_view(self, view: ImpactView | None) -> None:
        if view is not self._shown:
            self._shown = view
            self._draw()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        item = self.currentItem()
        if event.matches(QKeySequence.StandardKey.Copy) and item is not None:
            self._copied(wording.tabbed(item.text(at) for at in range(3)))
            return
        super().keyPressEvent(event)

    def _draw(self) -> None:
        self.clear()
        for group in () if self._shown is None else self._shown.groups:
            self._add(group)

    def _add(self, group: GroupLines) -> None:
        top = QTreeWidgetItem([f"{group.title} · {group.count:,}"])
        top.setIcon(0, icon(group.icon, group.token, 16))
        top.setForeground(0, colour(group.token))
        self.addTopLevelItem(top)
        top.setFirstColumnSpanned(True)
        for node in group.nodes:
            item = QTreeWidgetItem([node.node, node.where, node.model])
            item.setForeground(1, colour("text2"))
            item.setForeground(2, colour("text2"))
            top.addChild(item)
            for check in node.checks:
                line = QTreeWidgetItem([check.check, check.found, check.expected])
                told = f"{check.check}. {check.hint}" if check.hint else check.check
                for at, text in enumerate((told, check.found, check.expected)):
                    line.setData(at, Qt.ItemDataRole.ToolTipRole, plain(text))
                line.setForeground(0, colour("text2"))
                item.addChild(line)
        if group.left:
            more = n_(
                "and {count} more node: see the document",
                "and {count} more nodes: see the document",
                group.left,
            )
            top.addChild(QTreeWidgetItem([more]))
        top.setExpanded(group.count <= _OPENED)
        decides = group.group in {Group.NEWLY, Group.LOSES}
        for at in range(3):
            first = top.child(at)
            if first is not None:
                first.setExpanded(decides)


class ImpactPane(QWidget):
    """All of it. `export` writes the document, `copy` gets texts."""

    def __init__(
        self,
        name: str,
        *,
        simulate: Callable[[], None],
        stop: Callable[[], None],
        export: Callable[[], None],
        copy: Callable[[str], None],
        narrow: bool = False,
    ) -> None:
        super().__init__()
        self.setObjectName(name)
        self._status = ImpactStatus(name, simulate, stop)
        self._old = Banner(name=f"{name}.old")
        for each in (self._status, self._old):
            each.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._tiles = ImpactTiles(name, narrow=narrow)
        self._models = column(spacing=4)
        self._sites = label("", "Small", "Second", wrap=True, name=f"{name}.sites")
        self._tree = NodeTree(f"{name}.nodes", copy)
        self._digest = DigestLabel(copy, name=f"{name}.digest")
        self._digest_name = label(_("Preview"), "Small", "Muted")
        self._export = button(
            _("Export…"), name=f"{name}.export", kind="ghost", icon_name="download", clicked=export
        )
        foot = row(self._digest_name, self._digest, None, self._export, spacing=8)
        whole = column(
            self._status,
            self._old,
            self._tiles,
            self._models,
            self._sites,
            self._tree,
            foot,
            spacing=8,
        )
        whole.setStretchFactor(self._tree, 1)
        self._nothing = QWidget()  # takes the room of the tree while there is none
        whole.addWidget(self._nothing, 1)
        self.setLayout(whole)
        self._shown: ImpactView | None = None

    def show_state(self, simulation: Simulation, text: str, why_not: str, old: str) -> None:
        """`old`: why what is shown is not of what is looked at; empty when it is."""
        view = simulation.view
        self._status.show_state(simulation, text, why_not)
        error = simulation.error if simulation.phase is Phase.FAILED else ""
        self._old.say(error or old, tone="danger" if error else "warn")
        self._tiles.show_view(view)
        self._tree.show_view(view)
        self._tree.setVisible(view is not None)
        self._nothing.setVisible(view is None)
        for each in (self._digest, self._digest_name, self._export):
            each.setVisible(view is not None)
        if view is self._shown:
            return
        self._shown = view
        self._digest.show_digest("" if view is None else view.digest)
        clear(self._models)
        for model in () if view is None else view.models[:6]:
            mark, words = IconLabel(model.icon, model.token, 14), OneLine(model.text, "Small")
            words.setAccessibleName(model.text)
            line = row(mark, words, spacing=8)
            line.setStretch(1, 1)
            self._models.addLayout(line)
        sites = [] if view is None or len(view.sites) < 2 else view.sites
        self._sites.setText(
            " · ".join(f"{each.site}: {each.counts[0]} / {each.counts[1]}" for each in sites)
        )
        self._sites.setVisible(bool(sites))
