"""The planning form: what is held, who takes part as what, shares, profile; and the plan's key."""

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QRadioButton,
    QSpinBox,
    QWidget,
)

from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import ShareUse
from keyturn_app.i18n import _
from keyturn_app.qtkit.prose import Elided
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.theme import sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    Pill,
    button,
    card,
    clear,
    column,
    frame,
    label,
    line,
    over,
    row,
)
from keyturn_app.screens.ceremonies.key_view import KeyForm
from keyturn_app.screens.ceremonies.planlines import PersonLine, ShareLine
from keyturn_app.screens.ceremonies.planner import PlanPresenter
from keyturn_app.screens.ceremonies.planning import SHARE_SEATS, Seat
from keyturn_app.screens.ceremonies.planparts import put, spin_box
from keyturn_app.screens.ceremonies.planview import PlanView
from keyturn_app.screens.ceremonies.what_view import WhatCard

MEASURE = 1000
_GROUPS, _COLUMN = 4, 58


class PlanPane(QFrame):
    """Esc cancels."""

    def __init__(self, presenter: PlanPresenter) -> None:
        super().__init__()
        self.setObjectName("plan")
        self.setProperty("class", "Page")
        self._presenter = presenter
        self._view: PlanView | None = None
        self._title = label("", "H1", name="plan.title")
        self._mark = Pill(_("REHEARSAL"), "rehearsal", "flag")
        self._does = label("", "Second", wrap=True)
        self._error = Banner(name="plan.error")
        self._what = WhatCard(presenter)
        self._people = PeopleCard(presenter)
        self._shares = SharesCard(presenter)
        self._profiles = ProfileCard(presenter)
        self._key = KeyForm(presenter, "plan.key", self._open)
        self._signer = label("", "Second", wrap=True)
        self._key_card = card(
            over(_("Signature of the administrator")), self._signer, self._key, spacing=10
        )
        self._build()
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        view = self._presenter.view()
        if view == self._view:
            return
        self._view = view
        self._title.setText(view.title)
        self._mark.setVisible(view.rehearsal)
        self._does.setText(view.does)
        self._error.say(view.error, tone="danger")
        self._what.show_view(view)
        self._people.show_view(view)
        self._shares.show_view(view)
        self._profiles.show_view(view)
        self._key_card.setVisible(view.key is not None)
        if view.key is not None:
            self._key.show_key(view.key, busy=bool(view.busy))
        self._signer.setText(
            _("{name} signs the plan: who, what, on which token. {host}").format(
                name=view.signer, host=view.host
            )
        )
        self._do.setText(view.do)
        self._do.setAccessibleName(view.do)
        self._do.setEnabled(not view.why_not)
        self._why.setText(view.why_not)

    def escape(self) -> None:
        self._presenter.cancel()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._what.first.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._profiles.fit(self.width())

    # ---- inside ----

    def _build(self) -> None:
        body = QWidget()
        body.setMaximumWidth(MEASURE)
        body.setLayout(
            column(
                row(self._title, self._mark, None, spacing=12),
                self._does,
                self._error,
                self._what,
                self._people,
                self._profiles,
                self._shares,
                self._key_card,
                None,
                spacing=12,
                margins=(28, 22, 28, 16),
            )
        )
        around = QWidget()
        left = row(body, None, spacing=0)
        left.setStretch(0, 1000)
        around.setLayout(left)
        self._cancel = button(_("Cancel"), name="plan.cancel", clicked=self._presenter.cancel)
        self._why = label("", "Small", "Second", wrap=True, name="plan.why")
        self._why.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._do = button("", name="plan.open", kind="primary", clicked=self._open)
        foot = row(self._cancel, self._why, self._do, spacing=12, margins=(28, 12, 28, 12))
        foot.setStretch(1, 1)
        whole = column(
            Scroller(around, name="plan.scroll", title=_("Plan")), line(), foot, spacing=0
        )
        whole.setStretch(0, 1)
        self.setLayout(whole)

    def _open(self) -> None:
        if not self._presenter.view().why_not:
            self._presenter.open(self._key.taken())


class PeopleCard(QFrame):
    """A line for each person, a column for each part."""

    def __init__(self, presenter: PlanPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._shape: object = None
        self._cells: dict[tuple[str, Seat], QCheckBox | QComboBox] = {}
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(4)
        self._none = label(
            _("Nobody yet. Add key files, of which only the public half is read, or requests."),
            "Second",
            wrap=True,
        )
        self._add = button(
            _("Add people…"), name="plan.add", icon_name="user-plus", clicked=presenter.add_people
        )
        self._grouped = QCheckBox(_("Shares in groups"))
        self._grouped.setObjectName("plan.grouped")
        self._grouped.setAccessibleName(_("Shares in groups"))
        self._grouped.toggled.connect(presenter.group)
        self.setLayout(
            column(
                card(
                    row(over(_("Who")), None, self._grouped, self._add, spacing=14),
                    self._none,
                    self._grid,
                    spacing=10,
                ),
                spacing=0,
            )
        )

    def show_view(self, view: PlanView) -> None:
        self._none.setVisible(not view.people)
        self._add.setVisible(view.founds)
        self._grouped.setVisible(bool(view.shares))
        shape = (
            tuple(each.id for each in view.people),
            tuple(seat for seat, _title, _tip in view.seats),
            view.grouped,
            view.founds,
        )
        if shape != self._shape:
            self._shape = shape
            self._rebuild(view)
        for person in view.people:
            for cell in person.cells:
                self._show_cell(person.id, cell.seat, cell.group)

    def _rebuild(self, view: PlanView) -> None:
        clear(self._grid)
        self._cells = {}
        seats = view.seats if view.people else ()
        for at in range(1, self._grid.columnCount()):
            self._grid.setColumnMinimumWidth(at, 0)
        for at, (_seat, title, tip) in enumerate(seats, 1):
            self._grid.setColumnMinimumWidth(at, _COLUMN)
            head = label(title, "Small", "Muted")
            head.setToolTip(plain(tip))
            head.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._grid.addWidget(head, 0, at)
        tips = {seat: tip for seat, _title, tip in view.seats}
        for place, person in enumerate(view.people, 1):
            self._grid.addLayout(self._person(person), place, 0)
            for at, cell in enumerate(person.cells, 1):
                made = self._cell(person, cell.seat, tips[cell.seat], grouped=view.grouped)
                self._cells[person.id, cell.seat] = made
                self._grid.addWidget(made, place, at, Qt.AlignmentFlag.AlignHCenter)
            if view.founds:
                gone = button(
                    "",
                    name=f"plan.remove.{person.id}",
                    kind="ghost",
                    icon_name="x",
                    tip=_("Take {name} off the list").format(name=person.name),
                    clicked=partial(self._presenter.remove, person.id),
                )
                gone.setFixedWidth(30)
                self._grid.addWidget(gone, place, len(person.cells) + 1)
        self._grid.setColumnStretch(0, 1)

    def _person(self, person: PersonLine) -> QGridLayout:
        inside = QGridLayout()
        inside.setSpacing(0)
        inside.addWidget(Elided(person.name, font=sans(13, sans().Weight.DemiBold)), 0, 0)
        inside.addWidget(Elided(f"{person.id} · {person.source}", "text2", sans(12)), 1, 0)
        return inside

    def _cell(
        self, person: PersonLine, seat: Seat, tip: str, *, grouped: bool
    ) -> QCheckBox | QComboBox:
        name = f"plan.seat.{person.id}.{seat.value}"
        presenter = self._presenter
        made: QCheckBox | QComboBox
        if grouped and seat in SHARE_SEATS:
            made = QComboBox()
            made.addItem("—", 0)
            for at in range(1, _GROUPS + 1):
                made.addItem(str(at), at)
            made.setFixedWidth(64)
            made.activated.connect(
                lambda _at, box=made: presenter.seat(person.id, seat, int(box.currentData()))
            )
        else:
            made = QCheckBox()
            made.toggled.connect(lambda on: presenter.seat(person.id, seat, 1 if on else 0))
        made.setObjectName(name)
        made.setAccessibleName(f"{person.name}: {tip}")
        made.setToolTip(plain(tip))
        return made

    def _show_cell(self, officer: str, seat: Seat, group: int) -> None:
        cell = self._cells[officer, seat]
        cell.blockSignals(True)
        if isinstance(cell, QCheckBox):
            cell.setChecked(bool(group))
        else:
            cell.setCurrentIndex(cell.findData(group))
        cell.blockSignals(False)


class SharesCard(QFrame):
    """M of N for each secret that is split."""

    def __init__(self, presenter: PlanPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._shape: object = None
        self._spins: dict[tuple[ShareUse, int], QSpinBox] = {}
        self._totals: dict[tuple[ShareUse, int], QWidget] = {}
        self._lines = column(spacing=10)
        self.setLayout(column(card(over(_("Shares")), self._lines, spacing=10), spacing=0))

    def show_view(self, view: PlanView) -> None:
        self.setVisible(bool(view.shares))
        if view.shares != self._shape:
            focused = next((key for key, each in self._spins.items() if each.hasFocus()), None)
            self._shape = view.shares
            clear(self._lines)
            self._spins = {}
            for each in view.shares:
                self._lines.addLayout(self._line(each))
            if focused in self._spins:
                self._spins[focused].setFocus(Qt.FocusReason.OtherFocusReason)

    def _line(self, shown: ShareLine) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.addWidget(label(shown.title, "Strong"), 0, 0)
        grid.addWidget(label(shown.hint, "Small", "Second", wrap=True), 1, 0)
        inside = row(spacing=8)
        for group in shown.groups:
            spin = spin_box(
                f"plan.least.{shown.use.value}.{group.group}",
                _("{title}: how many are needed").format(title=shown.title),
                1,
                max(1, group.members),
            )
            put(spin, group.least)
            spin.valueChanged.connect(partial(self._presenter.need, shown.use, group.group))
            self._spins[shown.use, group.group] = spin
            if len(shown.groups) > 1:
                inside.addWidget(label(_("group {group}:").format(group=group.group), "Second"))
            inside.addWidget(spin)
            inside.addWidget(label(_("of {n}").format(n=group.members), "Second"))
        if len(shown.groups) > 1:
            spin = spin_box(
                f"plan.groups.{shown.use.value}",
                _("{title}: how many groups are needed").format(title=shown.title),
                1,
                len(shown.groups),
            )
            put(spin, shown.group_least)
            spin.valueChanged.connect(partial(self._presenter.need_groups, shown.use))
            self._spins[shown.use, 0] = spin
            inside.addSpacing(8)
            inside.addWidget(spin)
            inside.addWidget(label(_("of {n} groups").format(n=len(shown.groups)), "Second"))
        inside.addStretch(1)
        grid.addLayout(inside, 0, 1, 2, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 2)
        return grid


class ProfileCard(QFrame):
    """Whether the KEK can ever leave its token: chosen openly, with what follows."""

    def __init__(self, presenter: PlanPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._group = QButtonGroup(self)
        self._radios: dict[KekProfile, QRadioButton] = {}
        self._lines = QGridLayout()
        self._lines.setSpacing(12)
        self._cells: list[QWidget] = []
        self.setLayout(column(card(over(_("The KEK")), self._lines, spacing=10), spacing=0))

    def show_view(self, view: PlanView) -> None:
        self.setVisible(bool(view.profiles))
        if not self._radios:
            for each in view.profiles:
                radio = QRadioButton(each.title)
                radio.setObjectName(f"plan.profile.{each.profile.value}")
                radio.setAccessibleName(f"{each.title}. {each.text}")
                radio.clicked.connect(
                    lambda _on, chosen=each.profile: self._presenter.choose_profile(chosen)
                )
                self._group.addButton(radio)
                self._radios[each.profile] = radio
                cell = frame(
                    column(
                        radio,
                        label(each.text, "Small", "Second", wrap=True),
                        None,
                        spacing=6,
                        margins=(12, 10, 12, 10),
                    ),
                    "Raised",
                )
                self._cells.append(cell)
            self.fit(self.width())
        for profile, radio in self._radios.items():
            if view.profile is profile:
                radio.setChecked(True)

    def fit(self, width: int) -> None:
        columns = 2 if width >= 620 else 1
        for at, each in enumerate(self._cells):
            self._lines.addWidget(each, at // columns, at % columns)
        self._lines.setColumnStretch(0, 1)
        self._lines.setColumnStretch(1, 1 if columns == 2 else 0)
