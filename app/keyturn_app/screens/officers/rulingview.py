"""Proposing a roster change: people on the left, rules on the right, what follows below."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.separation import Pair
from keyturn_app.i18n import _
from keyturn_app.qtkit.cells import Cell, CellRow
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.widgets import Banner, button, card, clear, column, label, over, row
from keyturn_app.screens.officers.parts import SmallTable
from keyturn_app.screens.officers.ruling import PAIRS, KeyLine, PersonLine, RulePresenter, RuleView
from keyturn_app.screens.officers.viewmodel import role_name
from keyturn_app.screens.officers.wishing import Fate
from keyturn_app.wording import kind_name

MOST = 100


class Count(QSpinBox):
    """A number; the wheel turns it only while it has the keyboard."""

    def __init__(self, name: str, title: str, low: int) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setRange(low, MOST)
        self.setFixedWidth(76)
        self.lineEdit().setTextMargins(6, 0, 0, 0)  # the sheet's padding does not reach it
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def show_value(self, value: int) -> None:
        blocker = QSignalBlocker(self)
        self.setValue(value)
        blocker.unblock()


class Tick(QCheckBox):
    def __init__(self, name: str, title: str, text: str = "") -> None:
        super().__init__(text)
        self.setObjectName(name)
        self.setAccessibleName(title)

    def show_value(self, on: bool) -> None:
        blocker = QSignalBlocker(self)
        self.setChecked(on)
        blocker.unblock()


class RulePage(QWidget):
    """Shows a `RuleView`; says what was asked for."""

    def __init__(self, presenter: RulePresenter) -> None:
        super().__init__()
        self.setObjectName("officers.change.page")
        self._presenter = presenter
        self._title = label("", "Second", "Small", name="officers.change.version")
        self._problem = Banner(name="officers.change.problem")
        self._changes = label("", wrap=True, selectable=True, name="officers.change.changes")
        self._effects = label(
            "", "Second", wrap=True, selectable=True, name="officers.change.effects"
        )
        self._why = label("", "Second", "Small", wrap=True, name="officers.change.why")
        self._propose = button(
            _("Propose…"),
            name="officers.change.propose",
            kind="primary",
            icon_name="send",
            clicked=presenter.propose,
        )
        self._person = PersonCard(presenter)
        self._people = SmallTable(
            [_("Name"), _("Roles")],
            [140, 220],
            name="officers.change.people",
            title=_("Officers, as they would be"),
            stretch=1,
            most=10,
            copied=lambda _text: None,
            chosen=lambda key: presenter.choose(OfficerId(key)),
        )
        self._thresholds = ThresholdsCard(presenter)
        self._duties = DutiesCard(presenter)
        self._build()

    def show_view(self, view: RuleView) -> None:
        self._title.setText(view.title)
        self._problem.say(view.problem, tone="danger")
        chosen = view.chosen
        self._people.show_rows([_cells(each) for each in view.people], chosen.id if chosen else "")
        self._person.setVisible(chosen is not None)
        if chosen is not None:
            self._person.show_person(chosen)
        self._thresholds.show_view(view)
        self._duties.show_view(view)
        self._changes.setText("\n".join(view.changes) or _("Nothing differs yet."))
        self._effects.setText("\n".join(view.effects))
        self._effects.setVisible(bool(view.effects))
        self._propose.setEnabled(not view.why_not)
        self._why.setText(view.why_not)

    def focus_first(self) -> None:
        self._people.setFocus()

    def _build(self) -> None:
        back = button(
            _("The roster"),
            name="officers.change.back",
            kind="ghost",
            icon_name="arrow-left",
            tip=_("Nothing of this is kept"),
            clicked=self._presenter.leave,
        )
        left = column(
            card(over(_("Officers")), self._people, name="officers.change.list"),
            self._person,
            card(
                over(_("What would change")),
                self._changes,
                self._effects,
                name="officers.change.sum",
            ),
            None,
            spacing=12,
        )
        right = column(self._thresholds, self._duties, None, spacing=12)
        inside = QWidget()
        both = row(left, right, spacing=12, margins=(20, 0, 20, 12))
        both.setStretch(0, 1)
        both.setStretch(1, 1)
        inside.setLayout(both)
        scroll = Scroller(inside, name="officers.change.scroll", title=_("The roster to propose"))
        head = row(back, label(_("Propose a roster change"), "H2"), self._title, None, spacing=10)
        foot = row(self._why, self._propose, spacing=16, margins=(20, 0, 20, 14))
        foot.setStretch(0, 1)
        whole = column(
            column(head, self._problem, spacing=8, margins=(20, 0, 20, 0)), scroll, spacing=10
        )
        whole.setStretch(1, 1)
        whole.addLayout(foot)
        self.setLayout(whole)


class PersonCard(QFrame):
    """The chosen officer: roles, whether they stay, and each key."""

    def __init__(self, presenter: RulePresenter) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName("officers.change.person")
        self._presenter = presenter
        self._name = label("", "Strong", name="officers.change.name")
        self._roles: dict[Role, Tick] = {}
        grid = QGridLayout()
        for place, role in enumerate(Role):
            tick = Tick(f"officers.change.role.{role.value}", role_name(role), role_name(role))
            tick.toggled.connect(partial(presenter.give, role))
            self._roles[role] = tick
            grid.addWidget(tick, place // 3, place % 3)
        self._removed = Tick(
            "officers.change.removed", _("Remove from the roster"), _("Remove from the roster")
        )
        self._removed.toggled.connect(presenter.remove)
        self._keys = QVBoxLayout()
        self._shown: tuple[KeyLine, ...] = ()
        self.setLayout(
            column(self._name, grid, self._removed, self._keys, margins=(16, 14, 16, 14))
        )

    def show_person(self, person: PersonLine) -> None:
        self._name.setText(f"{person.name} ({person.id})")
        for role, _word, on in person.roles:
            self._roles[role].show_value(on)
            self._roles[role].setEnabled(not person.removed)
        self._removed.show_value(person.removed)
        self._show_keys(person.keys)

    def _show_keys(self, keys: Sequence[KeyLine]) -> None:
        if [each.id for each in keys] != [each.id for each in self._shown]:
            clear(self._keys)
            for place, each in enumerate(keys):
                self._keys.addLayout(row(label(each.text, "Mono"), None, self._choice(place, each)))
        self._shown = tuple(keys)
        for place, each in enumerate(keys):
            choice = self.findChild(QComboBox, f"officers.change.key.{place}")
            if isinstance(choice, QComboBox):
                blocker = QSignalBlocker(choice)
                choice.setCurrentIndex(choice.findData(each.fate.value))
                blocker.unblock()

    def _choice(self, place: int, key: KeyLine) -> QComboBox:
        made = QComboBox()
        for old in self.findChildren(QComboBox, f"officers.change.key.{place}"):
            old.setObjectName("")  # on its way out
        made.setObjectName(f"officers.change.key.{place}")
        made.setAccessibleName(_("What becomes of key {id}").format(id=key.text))
        for fate, word in (
            (Fate.KEPT, _("stays")),
            (Fate.GONE, _("is taken away")),
            (Fate.COMPROMISED, _("is compromised")),
        ):
            made.addItem(word, fate.value)
        made.currentIndexChanged.connect(
            lambda at: self._presenter.key(key.id, Fate(made.itemData(at)))
        )
        return made


class ThresholdsCard(QFrame):
    """How many must agree to each kind, and whether its proposer may be one of them."""

    def __init__(self, presenter: RulePresenter) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName("officers.change.thresholds")
        self._counts: dict[Kind, Count] = {}
        self._may: dict[Kind, Tick] = {}
        self._most = label("", "Second", "Small", name="officers.change.approvers")
        grid = QGridLayout()
        grid.setColumnStretch(0, 1)
        grid.setHorizontalSpacing(12)
        for place, kind in enumerate(Kind):
            word = kind_name(kind)
            count = Count(
                f"officers.change.needed.{kind.value}",
                _("Approvals needed for {kind}").format(kind=word),
                1 if kind is Kind.REVOCATION else 2,
            )
            count.valueChanged.connect(partial(presenter.ask_for, kind))
            title = _("Whoever proposes {kind} may also approve").format(kind=word)
            may = Tick(f"officers.change.may.{kind.value}", title, _("its proposer too"))
            may.toggled.connect(partial(presenter.let_approve, kind))
            self._counts[kind], self._may[kind] = count, may
            for at, each in enumerate((label(word), count, may)):
                grid.addWidget(each, place, at)
        self.setLayout(
            column(over(_("Approvals needed")), self._most, grid, margins=(16, 14, 16, 14))
        )

    def show_view(self, view: RuleView) -> None:
        for each in view.kinds:
            self._counts[each.kind].show_value(each.needed)
            self._may[each.kind].show_value(each.may)
        most = max(each.most for each in view.kinds)
        self._most.setText(_("{count} would have the role approver.").format(count=most))


class DutiesCard(QFrame):
    """Roles that nobody holds together, and how many must hold one."""

    def __init__(self, presenter: RulePresenter) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName("officers.change.duties")
        self._pairs: dict[Pair, Tick] = {}
        self._demands: dict[Role, Count] = {}
        pairs = QGridLayout()
        for place, pair in enumerate(PAIRS):
            names = sorted((role for role in pair), key=list(Role).index)
            key = "-".join(role.value for role in names)
            text = " + ".join(role_name(role) for role in names)
            tick = Tick(
                f"officers.change.apart.{key}", _("Apart: {roles}").format(roles=text), text
            )
            tick.toggled.connect(partial(presenter.part, pair))
            self._pairs[pair] = tick
            pairs.addWidget(tick, place // 2, place % 2)
        demands = QGridLayout()
        demands.setColumnStretch(0, 1)
        self._held = {role: label("", "Second", "Small") for role in Role}
        for place, role in enumerate(Role):
            word = role_name(role)
            count = Count(
                f"officers.change.demand.{role.value}",
                _("How many must have the role {role}").format(role=word),
                0,
            )
            count.valueChanged.connect(partial(presenter.demand, role))
            self._demands[role] = count
            for at, each in enumerate((label(word), self._held[role], count)):
                demands.addWidget(each, place, at)
        self.setLayout(
            column(
                over(_("No officer holds both")),
                pairs,
                over(_("At least so many hold a role")),
                demands,
                margins=(16, 14, 16, 14),
            )
        )

    def show_view(self, view: RuleView) -> None:
        for pair, _words, on in view.pairs:
            self._pairs[pair].show_value(on)
        for role, _name, count, who in view.demands:
            self._demands[role].show_value(count)
            self._held[role].setText(who)


def _cells(each: PersonLine) -> CellRow:
    tint = "accent" if each.differs else "text2"
    return CellRow(each.id, (Cell(each.name), Cell(each.roles_text, tint=tint)))
