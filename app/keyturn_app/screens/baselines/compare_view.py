"""Two sides beside each other: what differs has a sign, a word and an underline."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QShowEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QLabel, QSizePolicy, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.theme import colour, mono, theme
from keyturn_app.qtkit.widgets import button, clear, column, frame, label, line, row
from keyturn_app.screens.baselines.comparing import ComparePresenter
from keyturn_app.screens.baselines.comparison import Change, Compared, Comparison
from keyturn_app.screens.baselines.parts import combo, explain, fill, labelled


class ComparisonView(QFrame):
    """Rows of a Comparison. It shows and decides nothing."""

    def __init__(self, *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._shown: Comparison | None = None
        self._summary = label("", "Strong", name=f"{name}.summary")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        for at, stretch in ((2, 1), (3, 1)):
            self._grid.setColumnStretch(at, stretch)
        self._grid.setColumnMinimumWidth(0, 108)
        self._grid.setColumnMinimumWidth(1, 132)
        self._more = label("", "Small", "Second", wrap=True)
        self.setLayout(column(self._summary, self._grid, self._more, spacing=8))
        theme().changed.connect(self._tint)
        self._tinted: list[tuple[QLabel, str]] = []

    def show_comparison(self, shown: Comparison | None) -> None:
        self.setVisible(shown is not None)
        if shown is None or shown == self._shown:
            return
        self._shown = shown
        self._tinted = []
        clear(self._grid)
        self._summary.setText(shown.summary)
        self._head(shown)
        for place, each in enumerate(shown.rows, 1):
            self._row(each, place)
        self._more.setText(
            n_("{count} more is not shown", "{count} more are not shown", shown.hidden)
        )
        self._more.setVisible(bool(shown.hidden))
        self._tint()

    # ---- inside ----

    def _head(self, shown: Comparison) -> None:
        if not shown.rows:
            return
        heads = (_("Change"), _("Value"), shown.left, shown.right)
        for at, text in enumerate(heads):
            head = label(text, "Small", "Strong", "Second", wrap=True)
            self._grid.addWidget(head, 0, at)

    def _row(self, each: Compared, place: int) -> None:
        top = Qt.AlignmentFlag.AlignTop
        word = label(f"{each.change.sign} {each.word}", "Small", "Strong", wrap=True)
        self._tinted.append((word, each.change.token))
        what = label(f"{each.kind} · {each.what}", "Small", wrap=True, selectable=True)
        what.setMaximumWidth(180)
        self._grid.addWidget(word, place, 0, top)
        self._grid.addWidget(what, place, 1, top)
        for at, text in ((2, each.left), (3, each.right)):
            side = label(text or "—", "Mono", wrap=True, selectable=bool(text))
            side.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            side.setAccessibleName(f"{each.what}: {text or _('nothing')}")
            if text and each.change is not Change.SAME:
                font = QFont(mono(12))
                font.setUnderline(True)
                side.setFont(font)
                side.setStyleSheet("text-decoration: underline;")
                token = "removed" if at == 2 else "added"
                self._tinted.append((side, token))
            self._grid.addWidget(side, place, at, top)

    def _tint(self) -> None:
        for which, token in self._tinted:
            under = " text-decoration: underline;" if "Mono" in which.property("class") else ""
            which.setStyleSheet(f"color: {colour(token).name()};{under}")


class CompareSheet(QFrame):
    """Lies over the page."""

    def __init__(self, presenter: ComparePresenter) -> None:
        super().__init__()
        self.setObjectName("baselines.comparing")
        self._presenter = presenter
        self._left = combo("compare.left", _("Left: a baseline"))
        self._right = combo("compare.right", _("Right: a baseline or a node"))
        for box, choose in (
            (self._left, presenter.choose_left),
            (self._right, presenter.choose_right),
        ):
            box.activated.connect(lambda at, box=box, choose=choose: choose(str(box.itemData(at))))
        self._left.setPlaceholderText(_("Choose"))
        self._right.setPlaceholderText(_("Choose"))
        self._swap = button(
            "", name="compare.swap", icon_name="arrow-up-down", tip=_("Swap the sides")
        )
        self._swap.clicked.connect(lambda: presenter.swap())  # noqa: PLW0108 - drops `checked`
        self._every = QCheckBox(_("Show what is the same too"))
        self._every.setObjectName("compare.every")
        self._every.setAccessibleName(_("Show what is the same too"))
        self._every.toggled.connect(presenter.show_every)
        self._problem = label("", "Second", wrap=True, name="compare.problem")
        self._rows = ComparisonView(name="compare.rows")
        sides = row(
            labelled(_("Left"), self._left),
            frame(column(None, self._swap)),
            labelled(_("Right"), self._right),
            spacing=12,
        )
        sides.setStretch(0, 1)
        sides.setStretch(2, 1)
        inside = QWidget()
        inside.setLayout(
            column(
                label(_("Compare"), "H1"),
                label(
                    _(
                        "With a node: what it proved must be among what the baseline allows. Its "
                        "evidence was verified on this machine."
                    ),
                    "Second",
                    wrap=True,
                ),
                sides,
                row(self._every, None),
                self._problem,
                self._rows,
                None,
                spacing=12,
                margins=(28, 22, 28, 16),
            )
        )
        self._copy = button(
            _("Copy"), name="compare.copy", icon_name="copy", clicked=presenter.copy
        )
        done = button(_("Close"), name="compare.close", clicked=presenter.cancel)
        foot = frame(row(done, None, self._copy, margins=(28, 12, 28, 12)))
        whole = column(
            Scroller(inside, name="compare.scroll", title=_("Comparison")), line(), foot, spacing=0
        )
        whole.setStretch(0, 1)
        self.setLayout(whole)
        presenter.listeners.add(self.show_view)
        self.show_view()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._right.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_view(self) -> None:
        view = self._presenter.view()
        fill(self._left, [(each.key, each.text) for each in view.lefts], view.left)
        fill(self._right, [(each.key, each.text) for each in view.rights], view.right)
        self._every.blockSignals(True)
        self._every.setChecked(view.every)
        self._every.blockSignals(False)
        self._problem.setText(view.problem)
        self._problem.setVisible(bool(view.problem))
        self._rows.show_comparison(view.shown)
        explain(self._copy, "" if view.shown else view.problem)
        node = view.right.startswith("node:")
        explain(self._swap, _("A node is always on the right.") if node else "")
