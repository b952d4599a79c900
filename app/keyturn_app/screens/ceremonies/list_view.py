"""The list: hosts, what runs, what is due, what was held; and the chooser of what to begin."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QStackedWidget, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.prose import Elided
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.theme import mono, sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    EmptyState,
    Pill,
    button,
    clear,
    column,
    frame,
    label,
    over,
    row,
)
from keyturn_app.screens.ceremonies.due import Due
from keyturn_app.screens.ceremonies.listing import (
    Choice,
    HistoryRow,
    HostLine,
    ListPhase,
    ListView,
    RunningRow,
)
from keyturn_app.screens.ceremonies.presenter import CeremoniesPresenter

CALENDAR = 348
ROOM_FOR_CALENDAR = 900
WHAT = 172


class ListPane(QFrame):
    """Shows a `ListView`."""

    def __init__(self, presenter: CeremoniesPresenter) -> None:
        super().__init__()
        self.setObjectName("ceremonies.list")
        self._presenter = presenter
        self._shown: ListView | None = None
        self._lines: list[HistoryLine] = []
        self._new = button(
            _("New ceremony…"),
            name="ceremonies.new",
            kind="primary",
            icon_name="plus",
            clicked=lambda: presenter.choose(True),
        )
        self._join = button(
            _("Take part at this machine…"),
            name="ceremonies.join",
            icon_name="log-in",
            clicked=presenter.join,
        )
        self._export = button(
            _("Export calendar…"),
            name="ceremonies.calendar",
            icon_name="calendar",
            clicked=presenter.export_calendar,
        )
        self._banner = Banner(name="ceremonies.banner")
        self._stack = QStackedWidget()
        self._chooser = Chooser(presenter)
        self._empty = EmptyState(
            "key-round",
            _("No ceremony yet"),
            _(
                "A ceremony makes, backs up, rotates, restores or destroys the keys that matter: "
                "by a script that this page leads through, under a quorum, with a record that "
                "everybody signs. Rehearse it first."
            ),
        )
        self._other = EmptyState("circle-dashed", "", "")
        self._body = self._make_body()
        for each in (self._body, self._empty, self._other, self._chooser):
            self._stack.addWidget(each)
        whole = column(
            row(self._new, self._join, None, self._export),
            self._banner,
            self._stack,
            spacing=12,
            margins=(24, 18, 24, 16),
        )
        whole.setStretch(2, 1)
        self.setLayout(whole)

    def focus_first(self) -> None:
        self._new.setFocus(Qt.FocusReason.OtherFocusReason)

    def fit(self, width: int) -> None:
        self._chooser.fit(width - 56)

    def show_view(self, view: ListView, *, wide: bool) -> None:
        self._calendar.setVisible(bool(view.due))
        self._calendar.setFixedWidth(CALENDAR if wide else 280)
        if view == self._shown:
            self._fit_history(wide=wide)
            return
        self._shown = view
        self._banner.say(view.banner or view.error, tone=view.tone)
        self._new.setVisible(not view.choosing)
        self._join.setVisible(not view.choosing)
        self._export.setVisible(not view.choosing)
        self._export.setEnabled(not view.why_no_export)
        self._export.setToolTip(plain(view.why_no_export))
        self._show_hosts(view.hosts)
        self._show_running(view.running)
        self._show_history(view.history)
        self._fit_history(wide=wide)
        self._show_due(view.due)
        self._chooser.show_choices(view.choices)
        self._stack.setCurrentWidget(self._current(view))

    # ---- inside ----

    def _current(self, view: ListView) -> QWidget:
        if view.choosing:
            return self._chooser
        if view.phase is ListPhase.DISTRUSTED:
            self._other.say(
                _("The server is not believed"),
                _("It was caught at a lie or at rewriting history. Nothing that it says is shown."),
            )
            return self._other
        if view.phase is ListPhase.LOADING:
            self._other.say(_("Reading the log"), _("Each entry is checked first."))
            return self._other
        if view.phase is ListPhase.EMPTY and not view.hosts:
            return self._empty
        return self._body

    def _make_body(self) -> QWidget:
        self._hosts, self._running = column(spacing=8), column(spacing=8)
        self._history, self._due = column(spacing=0), column(spacing=8)
        self._running_title = over(_("Running"))
        self._history_title = over(_("Held"))
        inside = QWidget()
        inside.setLayout(
            column(
                self._hosts,
                self._running_title,
                self._running,
                8,
                self._history_title,
                self._history,
                None,
                spacing=10,
                margins=(0, 0, 12, 8),
            )
        )
        due = QWidget()
        due.setLayout(column(self._due, None, spacing=0, margins=(0, 0, 4, 8)))
        self._calendar = frame(
            column(
                over(_("Calendar")),
                Scroller(due, name="ceremonies.due", title=_("Calendar")),
                spacing=8,
            ),
            name="ceremonies.calendar.pane",
        )
        made = QWidget()
        both = row(
            Scroller(inside, name="ceremonies.scroll", title=_("Ceremonies")),
            self._calendar,
            spacing=16,
        )
        both.setStretch(0, 1)
        made.setLayout(both)
        return made

    def _show_hosts(self, hosts: Sequence[HostLine]) -> None:
        clear(self._hosts)
        for each in hosts:
            self._hosts.addWidget(HostCard(each, self._presenter))

    def _show_running(self, rows: Sequence[RunningRow]) -> None:
        clear(self._running)
        for each in rows:
            self._running.addWidget(RunningCard(each, self._presenter.open_ceremony))
        if not rows:
            self._running.addWidget(label(_("No ceremony is running."), "Second"))

    def _show_history(self, rows: Sequence[HistoryRow]) -> None:
        clear(self._history)
        presenter = self._presenter
        self._lines = [HistoryLine(e, presenter.open_ceremony, presenter.copy) for e in rows]
        for each in self._lines:
            self._history.addWidget(each)
        if not rows:
            self._history.addWidget(
                label(_("None was held here, and none is in the log."), "Second")
            )

    def _fit_history(self, *, wide: bool) -> None:
        state = max((each.pill_width for each in self._lines), default=0)
        for each in self._lines:
            each.fit(state, wide=wide)

    def _show_due(self, rows: Sequence[Due]) -> None:
        clear(self._due)
        for each in rows:
            self._due.addWidget(DueCard(each, self._presenter.follow))


class HostCard(QFrame):
    """A host: what it is, how it stands, its fingerprint to compare aloud."""

    def __init__(self, shown: HostLine, presenter: CeremoniesPresenter) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName(f"ceremonies.host.{shown.id}")
        inside = column(
            row(
                IconLabel("hard-drive", "text2", 18),
                label(shown.title, "H2"),
                Pill(shown.look.word, shown.look.token, shown.look.icon),
                None,
                *self._unseal(shown, presenter),
                spacing=10,
            ),
            spacing=6,
            margins=(14, 10, 14, 10),
        )
        if shown.text:
            inside.addWidget(label(shown.text, "Second", wrap=True))
        if shown.fingerprint:
            digest = DigestLabel(presenter.copy, name=f"ceremonies.host.{shown.id}.key")
            digest.show_digest(shown.fingerprint)
            inside.addLayout(row(label(_("Key of this host"), "Small", "Second"), digest, None))
        if shown.caution:
            inside.addWidget(label(shown.caution, "Small", "Warn", wrap=True))
        self.setLayout(inside)
        self.setAccessibleName(f"{shown.title}: {shown.look.word}")

    def _unseal(self, shown: HostLine, presenter: CeremoniesPresenter) -> tuple[QWidget, ...]:
        if not shown.unseal:
            return ()
        made = button(
            _("Unseal…"),
            name=f"ceremonies.unseal.{shown.id}",
            icon_name="lock-open",
            clicked=lambda: presenter.unseal(shown.id),
        )
        return (made,)


class RunningCard(QFrame):
    """A ceremony that is not over."""

    def __init__(self, shown: RunningRow, opened: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName(f"ceremonies.running.{shown.key}")
        title = Elided(shown.title, font=sans(13, sans().Weight.DemiBold))
        text = Elided(shown.text, "text2", sans(12))
        do = button(
            shown.action,
            name=f"ceremonies.open.{shown.key.split()[-1]}",
            icon_name="arrow-right",
            clicked=lambda: opened(shown.key),
        )
        inside = row(spacing=12, margins=(14, 10, 14, 10))
        inside.addLayout(column(title, text, spacing=2), 1)
        if shown.rehearsal:
            inside.addWidget(Pill(_("REHEARSAL"), "rehearsal", "flag"))
        inside.addWidget(Pill(shown.look.word, shown.look.token, shown.look.icon))
        inside.addWidget(do)
        self.setLayout(inside)
        self.setAccessibleName(f"{shown.title}: {shown.look.word}")


class HistoryLine(QFrame):
    """A ceremony that is over: what, how it ended, by whom, when, and what vouches for it."""

    def __init__(
        self, shown: HistoryRow, opened: Callable[[str], None], copy: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.setProperty("class", "HistoryLine")
        name = shown.key.split()[-1]
        what = QWidget()
        what.setLayout(
            row(
                column(
                    None,
                    Elided(shown.kind, font=sans(13, sans().Weight.DemiBold)),
                    _id_of(shown),
                    None,
                    spacing=2,
                ),
                *_copy_of(shown, name, copy),
                spacing=4,
            )
        )
        what.setFixedWidth(WHAT)
        pill = Pill(shown.look.word, shown.look.token, shown.look.icon)
        self.pill_width = pill.sizeHint().width()
        self._state = QWidget()
        self._state.setLayout(row(pill, None))
        who = _("by {people}").format(people=shown.who) if shown.who else ""
        by = column(spacing=2)
        if who:
            by.addWidget(Elided(who, "text", sans(12)))
        by.addWidget(label(shown.proof, "Small", "Second", wrap=True))
        self._day = label(shown.day, "Small", "Muted")
        when = QWidget()
        when.setLayout(column(label(shown.when, "Small", "Second"), self._day, spacing=2))
        when.setToolTip(plain(shown.day))
        do = button(
            _("Record"),
            name=f"ceremonies.record.{name}",
            kind="link",
            clicked=lambda: opened(shown.key),
        )
        inside = row(spacing=12, margins=(2, 6, 2, 6))
        for each in (what, self._state):
            inside.addWidget(each)
        inside.addLayout(by, 1)
        inside.addWidget(when)
        inside.addWidget(do)
        self.setLayout(inside)
        self.setMinimumHeight(48)
        said = (f"{shown.title}: {shown.look.word}", who, shown.when)
        self.setAccessibleName(", ".join(each for each in said if each))

    def fit(self, state: int, *, wide: bool) -> None:
        """`state`: the width of the widest one, so that they stand below each other."""
        self._state.setFixedWidth(state)
        self._day.setVisible(wide and bool(self._day.text()))


def _id_of(shown: HistoryRow) -> QWidget:
    if not shown.is_short:
        return Elided(shown.id, "text2", mono(12))
    made = label(shown.id, "Mono", "Second", selectable=True)
    made.setToolTip(plain(shown.ceremony))
    made.setAccessibleName(shown.ceremony)
    return made


def _copy_of(
    shown: HistoryRow, name: str, copy: Callable[[str], None]
) -> tuple[QWidget | None, ...]:
    """What is shown in part is copied whole."""
    if not shown.is_short:
        return ()
    made = button(
        "",
        name=f"ceremonies.copy.{name}",
        kind="ghost",
        icon_name="copy",
        tip=_("Copy"),
        clicked=lambda: copy(shown.ceremony),
    )
    made.setFixedWidth(28)
    made.setAccessibleName(_("Copy {value}").format(value=shown.ceremony[:24]))
    return (made, None)


class DueCard(QFrame):
    """One date of the calendar."""

    def __init__(self, shown: Due, follow: Callable[[Due], None]) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        do = button(
            _("Open"),
            name=f"ceremonies.due.{shown.target[:40]}",
            kind="link",
            clicked=lambda: follow(shown),
        )
        do.setAccessibleName(_("Open {title}").format(title=shown.title))
        title = label(shown.title, "Strong", wrap=True)
        self.setLayout(
            column(
                row(Pill(shown.look.word, shown.look.token, shown.look.icon), None, do),
                title,
                label(shown.text, "Small", "Second", wrap=True),
                label(f"{shown.at:%Y-%m-%d} · {shown.when}", "Small", "Muted"),
                spacing=4,
                margins=(14, 10, 14, 10),
            )
        )
        self.setAccessibleName(f"{shown.title}, {shown.when}: {shown.look.word}")


class Chooser(QFrame):
    """Every kind of ceremony: what it does, who is needed, how long, and why not now."""

    def __init__(self, presenter: CeremoniesPresenter) -> None:
        super().__init__()
        self.setObjectName("ceremonies.chooser")
        self._presenter = presenter
        self._shown: tuple[Choice, ...] = ()
        self._cards: list[ChoiceCard] = []
        self._columns = 0
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
        self.fit(self.width())

    def fit(self, width: int) -> None:
        """As many columns as stay readable."""
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
