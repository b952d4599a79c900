"""The list: hosts, what runs, what is due, what was held; and the chooser of what to begin."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QStackedWidget, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.digests import CopyButton, DigestLabel
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.prose import Elided, Names, Prose
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
from keyturn_app.screens.ceremonies.chooser_view import Chooser
from keyturn_app.screens.ceremonies.due import Due
from keyturn_app.screens.ceremonies.listing import (
    AuthorityLine,
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
        self._none_held = ""
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
        self._pin = button(
            _("Authority…"),
            name="ceremonies.authority",
            icon_name="shield-check",
            tip=_("Load the bundle of the authority that this machine serves"),
            clicked=presenter.pinning.ask,
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
            row(self._new, self._join, self._pin, None, self._export),
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
        self._pin.setVisible(view.pins and not view.choosing)
        self._export.setVisible(not view.choosing)
        self._export.setEnabled(not view.why_no_export)
        self._export.setToolTip(plain(view.why_no_export))
        self._show_hosts(view.hosts, view.authority)
        self._show_running(view.running)
        self._none_held = view.none_held
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
        if view.phase is ListPhase.EMPTY and not view.hosts and view.authority is None:
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

    def _show_hosts(self, hosts: Sequence[HostLine], authority: AuthorityLine | None) -> None:
        clear(self._hosts)
        if authority is not None:
            self._hosts.addWidget(AuthorityCard(authority, self._presenter.copy))
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
            self._history.addWidget(label(self._none_held, "Second"))

    def _fit_history(self, *, wide: bool) -> None:
        state = max((each.pill_width for each in self._lines), default=0)
        for each in self._lines:
            each.fit(state, wide=wide)

    def _show_due(self, rows: Sequence[Due]) -> None:
        clear(self._due)
        for each in rows:
            self._due.addWidget(DueCard(each, self._presenter.follow))


class AuthorityCard(QFrame):
    """The authority that this machine was told of; nothing of another is proved here."""

    def __init__(self, shown: AuthorityLine, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName("ceremonies.authority.card")
        digest = DigestLabel(copy, name="ceremonies.authority.fingerprint")
        digest.show_digest(shown.fingerprint)
        self.setLayout(
            column(
                row(
                    IconLabel("shield-check", "ok", 18),
                    label(shown.origin, "H2", name="ceremonies.authority.origin"),
                    None,
                    spacing=10,
                ),
                label(shown.text, "Second", wrap=True),
                row(label(_("Fingerprint"), "Small", "Second"), digest, None),
                spacing=6,
                margins=(14, 10, 14, 10),
            )
        )
        self.setAccessibleName(_("Authority {origin}").format(origin=shown.origin))


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
            digest.show_digest(shown.fingerprint, whole=True)
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
        title = Prose(shown.title, font=sans(13, sans().Weight.DemiBold))
        text = Prose(shown.text, "text2", sans(12))
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
        who = _("by {people}").format(people=", ".join(shown.who)) if shown.who else ""
        by = column(spacing=2)
        if who:
            by.addWidget(Names(_("by {people}"), shown.who, sans(12)))
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
    """What is shown in part is copied whole, and shown whole to who comes there by the keyboard."""
    if not shown.is_short:
        return ()
    made = CopyButton(f"ceremonies.copy.{name}")
    made.clicked.connect(lambda: copy(shown.ceremony))
    made.whole = shown.ceremony
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
