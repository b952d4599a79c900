"""The chooser of what to begin: every kind of ceremony, and why it cannot be begun."""

from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, column, label, row
from keyturn_app.screens.ceremonies.listing import Choice
from keyturn_app.screens.ceremonies.presenter import CeremoniesPresenter


class Chooser(QFrame):
    """Every kind of ceremony: what it does, who is needed, how long, and why not now."""

    def __init__(self, presenter: CeremoniesPresenter) -> None:
        super().__init__()
        self.setObjectName("ceremonies.chooser")
        self._presenter = presenter
        self._shown: tuple[Choice, ...] = ()
        self._cards: list[ChoiceCard] = []
        self._columns = self._room = 0
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        inside = QWidget()
        inside.setLayout(column(self._grid, None, spacing=0, margins=(0, 0, 8, 8)))
        back = button(
            _("Back to the list"),
            name="ceremonies.chooser.back",
            icon_name="arrow-left",
            clicked=lambda: presenter.choose(False),
        )
        whole = column(
            row(label(_("New ceremony"), "H1"), None, back),
            Scroller(inside, name="ceremonies.chooser.scroll", title=_("Kinds of ceremonies")),
            spacing=12,
        )
        whole.setStretch(1, 1)
        self.setLayout(whole)

    def show_choices(self, choices: tuple[Choice, ...]) -> None:
        if choices == self._shown:
            return
        self._shown = choices
        for each in self._cards:
            each.hide()
            each.deleteLater()
        self._cards = [ChoiceCard(each, self._presenter) for each in choices]
        self._columns = 0
        self.fit(self._room or self.width())

    def fit(self, width: int) -> None:
        """As many columns as stay readable; a page that is not shown yet has no width itself."""
        self._room = width
        columns = max(1, min(3, width // 320))
        if columns == self._columns:
            return
        self._columns = columns
        for each in self._cards:
            self._grid.removeWidget(each)
        for at, each in enumerate(self._cards):
            self._grid.addWidget(each, at // columns, at % columns)
        for at in range(3):
            self._grid.setColumnStretch(at, 1 if at < columns else 0)


class ChoiceCard(QFrame):
    """One kind; it says itself why it cannot be begun."""

    def __init__(self, shown: Choice, presenter: CeremoniesPresenter) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName(f"ceremonies.choice.{shown.kind.value}")
        kind = shown.kind
        begin = button(
            _("Plan…"),
            name=f"ceremonies.plan.{kind.value}",
            clicked=lambda: presenter.plan(kind, rehearsal=False),
        )
        begin.setEnabled(not shown.why_not)
        begin.setToolTip(plain(shown.why_not))
        begin.setAccessibleName(_("Plan: {title}").format(title=shown.title))
        rehearse = button(
            _("Rehearse…"),
            name=f"ceremonies.rehearse.{kind.value}",
            kind="ghost",
            clicked=lambda: presenter.plan(kind, rehearsal=True),
        )
        rehearse.setEnabled(not shown.why_no_rehearsal)
        rehearse.setToolTip(plain(shown.why_no_rehearsal))
        rehearse.setAccessibleName(_("Rehearse: {title}").format(title=shown.title))
        what_lets = (
            ("triangle-alert", shown.why_not) if shown.why_not else ("stamp", shown.statement)
        )
        facts = column(spacing=4)
        for icon, text in (("users", shown.who), what_lets):
            warns = bool(shown.why_not) and text == shown.why_not
            inside = row(
                IconLabel(icon, "stale" if warns else "muted", 14),
                label(text, "Small", "Warn" if warns else "Second", wrap=True),
            )
            inside.setStretch(1, 1)
            facts.addLayout(inside)
        self.setLayout(
            column(
                row(
                    IconLabel(shown.icon, "accent", 20),
                    label(shown.title, "H2"),
                    None,
                    IconLabel("timer", "muted", 14),
                    label(shown.takes, "Small", "Second"),
                ),
                label(shown.does, "Second", wrap=True),
                facts,
                None,
                row(begin, rehearse, None, *self._propose(shown, presenter)),
                spacing=8,
                margins=(16, 10, 16, 10),
            )
        )
        self.setAccessibleName(f"{shown.title}: {shown.why_not or shown.does}")

    def _propose(self, shown: Choice, presenter: CeremoniesPresenter) -> tuple[QWidget, ...]:
        if not shown.propose:
            return ()
        made = button(
            _("Propose statement…"),
            name=f"ceremonies.propose.{shown.kind.value}",
            kind="link",
            clicked=lambda: presenter.propose(shown.kind),
        )
        return (made,)
