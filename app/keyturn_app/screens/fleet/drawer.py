"""The drawer beside the table: one node, why, its checks, what it is, what may be done."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEasingCurve, QEvent, QPropertyAnimation, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QScrollArea, QVBoxLayout, QWidget

from keyturn.quorum.kinds import TargetKind
from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.theme import colour
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.tokens import DRAWER
from keyturn_app.qtkit.widgets import Pill, button, clear, column, label, line, row
from keyturn_app.screens.fleet.buttons import spaced_button
from keyturn_app.screens.fleet.details import CheckView, DrawerView, Fact, LeaseView
from keyturn_app.screens.fleet.explained import WhyView
from keyturn_app.screens.fleet.revoking import Offer
from keyturn_app.screens.fleet.whypane import WhyCalls, WhyPane

SLIDE_MS = 120


def _text(text: str = "", *classes: str, name: str = "", selectable: bool = False) -> QLabel:
    """Wrapped; a word that is too long never makes the drawer wider."""
    made = label(text, *classes, wrap=True, name=name, selectable=selectable)
    made.setMinimumWidth(20)
    return made


class Drawer(QFrame):
    """Shows a `DrawerView`; says what was asked for."""

    closed = Signal()
    retry = Signal()
    log = Signal()
    revoke = Signal(TargetKind)
    copied = Signal(str)
    evidence = Signal()
    repaired = Signal(int)
    selected = Signal(str)
    exported = Signal()
    stopped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fleet.drawer")
        self.setProperty("class", "Drawer")
        calls = WhyCalls(
            self.repaired.emit,
            self.selected.emit,
            self.copied.emit,
            self.exported.emit,
            self.stopped.emit,
        )
        self._body = _Body(self.retry.emit, self.copied.emit, WhyPane(calls))
        self._name = label("", "H1", name="fleet.drawer.name", selectable=True)
        self._pill = Pill("", "unknown", "circle-slash", name="fleet.drawer.state")
        self._age = label("", "Muted", "Small", name="fleet.drawer.age")
        self._simulated = label(_("SIMULATED"), "Over", "Warn", name="fleet.drawer.simulated")
        self._footer = _Footer(self.revoke.emit, self.log.emit, self.evidence.emit)
        close = button(
            "",
            name="fleet.drawer.close",
            kind="ghost",
            icon_name="x",
            tip=_("Close details (Esc)"),
            clicked=self.closed.emit,
        )
        self._slid = QWidget(self)
        self._slid.setFixedWidth(DRAWER)
        inside = column(
            row(self._name, None, close),
            row(self._pill, self._age, None, self._simulated),
            4,
            line(),
            spacing=6,
            margins=(20, 16, 18, 0),
        )
        whole = column(inside, self._scrolled(), self._footer, spacing=0)
        whole.setStretch(1, 1)
        self._slid.setLayout(whole)
        self._slide = QPropertyAnimation(self, b"maximumWidth")
        self._slide.setDuration(SLIDE_MS)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._slide.finished.connect(self._arrived)
        self._open = False
        self.setMaximumWidth(0)
        self.setMinimumWidth(0)
        self.hide()

    @property
    def is_open(self) -> bool:
        return self._open

    def show_view(
        self, view: DrawerView | None, why: WhyView | None = None, *, moving: bool
    ) -> None:
        """None closes it. `why`: of a refusal. `moving`: slide."""
        if view is not None:
            self._fill(view)
            self._body.why.show_view(why)
        if (view is not None) != self._open:
            self._open = view is not None
            self._move(moving)

    def _fill(self, view: DrawerView) -> None:
        self._name.setText(view.name)
        self._pill.show_state(view.look.word, view.look.token, view.look.icon)
        self._age.setText(view.age)
        self._simulated.setVisible(view.simulated)
        self.setAccessibleName(_("Details of {name}").format(name=view.name))
        self._body.show_view(view)
        self._footer.show_offers(view.offers, entry=view.entry)

    def _scrolled(self) -> QScrollArea:
        area = QScrollArea()
        area.setObjectName("fleet.drawer.scroll")
        area.setAccessibleName(_("Details"))
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._body)
        area.viewport().setAutoFillBackground(False)
        self._body.setAutoFillBackground(False)
        return area

    # ---- opening and closing ----

    def _move(self, moving: bool) -> None:
        self._slide.stop()
        end = DRAWER if self._open else 0
        if self._open:
            self.show()
        if not moving:
            self.setMaximumWidth(end)
            self._arrived()
            return
        self.setMinimumWidth(0)
        self._slide.setStartValue(0 if self._open else DRAWER)
        self._slide.setEndValue(end)
        self._slide.start()

    def _arrived(self) -> None:
        if self._open:
            self.setFixedWidth(DRAWER)
            return
        self.hide()
        self.setMinimumWidth(0)
        self.setMaximumWidth(0)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self._slid.setFixedHeight(self.height())
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
            return
        super().keyPressEvent(event)


class _Body(QWidget):
    """What scrolls. Rows are filled in place: what one selects or reads stays where it is."""

    def __init__(
        self, retry: Callable[[], None], copied: Callable[[str], None], why: WhyPane
    ) -> None:
        super().__init__()
        self.why = why
        self._why = _text("", "Second", selectable=True, name="fleet.drawer.why")
        self._note = _text("", "Muted", "Small", name="fleet.drawer.checks_note")
        self._trouble = _text("", "Danger", "Small", name="fleet.drawer.trouble")
        self._retry = button(_("Try again"), name="fleet.drawer.retry", kind="link", clicked=retry)
        self._checks = _Checks()
        self._lease_head = label(_("LEASE"), "Over")
        self._lease = _Lease()
        self._caveats_head = label(_("CAVEATS"), "Over")
        self._caveats = _Named()
        self._facts = _Facts(copied)
        inside = column(
            label(_("WHY THIS STATE"), "Over"),
            self._why,
            self.why,
            6,
            label(_("CHECKS"), "Over"),
            self._note,
            self._trouble,
            row(self._retry, None),
            self._checks,
            6,
            self._lease_head,
            self._lease,
            line(),
            label(_("IDENTITY"), "Over"),
            self._facts,
            6,
            self._caveats_head,
            self._caveats,
            None,
            spacing=8,
            margins=(20, 10, 10, 12),
        )
        self.setLayout(inside)

    def show_view(self, view: DrawerView) -> None:
        self._why.setText(view.why)
        self._note.setText(view.checks_note)
        self._note.setVisible(bool(view.checks_note))
        self._trouble.setText(view.trouble)
        self._trouble.setVisible(bool(view.trouble))
        self._retry.setVisible(bool(view.trouble) and not view.loading)
        self._checks.show_checks(view.checks)
        self._lease.show_lease(view.lease)
        for each in (self._lease_head, self._lease):
            each.setVisible(view.lease is not None)
        self._facts.show_facts(view.identity)
        self._caveats.show_named(view.caveats)
        for head in (self._caveats_head, self._caveats):
            head.setVisible(bool(view.caveats))


class _Checks(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fleet.drawer.checks")
        self._shown: tuple[CheckView, ...] | None = None
        self._rows = column(spacing=10)
        self.setLayout(self._rows)

    def show_checks(self, checks: tuple[CheckView, ...]) -> None:
        if checks == self._shown:
            return
        self._shown = checks
        clear(self._rows)
        for place, each in enumerate(checks):
            self._rows.addWidget(_check(each, place))
        self.setVisible(bool(checks))


def _check(view: CheckView, place: int) -> QWidget:
    made = QWidget()
    made.setObjectName(f"fleet.drawer.check.{place}")
    title = _text(view.title)
    title.setToolTip(plain(view.outcome))
    texts: list[QLabel] = [title]
    texts += [_text(each, "Muted", "Small", selectable=True) for each in view.lines]
    if view.hint:
        texts.append(_text(view.hint, "Second", "Small"))
    inside = row(spacing=10)
    inside.addWidget(IconLabel(view.icon, view.token, 16), 0, Qt.AlignmentFlag.AlignTop)
    inside.addLayout(column(*texts, spacing=1), 1)
    made.setLayout(inside)
    made.setAccessibleName(f"{view.title}: {view.outcome}")
    made.setAccessibleDescription(". ".join((*view.lines, view.hint)))
    return made


class _Lease(QWidget):
    """The countdown, and a bar of what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fleet.drawer.lease")
        self._text = label("", "Small")
        self._bar = _Bar()
        self.setLayout(column(self._text, self._bar, spacing=6))

    def show_lease(self, lease: LeaseView | None) -> None:
        if lease is None:
            return
        self._text.setText(lease.text)
        self._bar.show_fraction(lease.fraction)
        self.setAccessibleName(_("Lease {text}").format(text=lease.text))


class _Bar(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._fraction = 0.0
        self.setFixedHeight(5)

    def show_fraction(self, fraction: float) -> None:
        if fraction != self._fraction:
            self._fraction = fraction
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        area = QRectF(self.rect())
        painter.setBrush(colour("border"))
        painter.drawRoundedRect(area, 2.5, 2.5)
        if self._fraction > 0:
            area.setWidth(max(area.height(), area.width() * self._fraction))
            painter.setBrush(colour("stale" if self._fraction < 0.1 else "accent"))
            painter.drawRoundedRect(area, 2.5, 2.5)


class _Named(QWidget):
    """Caveats: the name, and what it means."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fleet.drawer.caveats")
        self._shown: tuple[tuple[str, str], ...] | None = None
        self._rows = column(spacing=8)
        self.setLayout(self._rows)

    def show_named(self, named: tuple[tuple[str, str], ...]) -> None:
        if named == self._shown:
            return
        self._shown = named
        clear(self._rows)
        for name, meaning in named:
            texts = column(label(name), _text(meaning, "Muted", "Small"), spacing=1)
            inside = row(spacing=10)
            icon = IconLabel("triangle-alert", "stale", 16)
            inside.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
            inside.addLayout(texts, 1)
            self._rows.addLayout(inside)


class _Facts(QWidget):
    """Names on the left, values on the right, a copy button where a value is long."""

    def __init__(self, copied: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("fleet.drawer.identity")
        self._copied = copied
        self._names: tuple[tuple[str, bool], ...] = ()
        self._values: list[QLabel] = []
        self._facts: tuple[Fact, ...] = ()
        self._rows: QVBoxLayout = column(spacing=2)
        self.setLayout(self._rows)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        self._facts = tuple(facts)
        names = tuple((each.label, bool(each.copied)) for each in facts)
        if names != self._names:
            self._names = names
            clear(self._rows)
            self._values = [self._add(each, place) for place, each in enumerate(facts)]
        for shown, fact in zip(self._values, facts, strict=True):
            if shown.text() != fact.value:
                shown.setText(fact.value)
            shown.setToolTip(plain(fact.copied))
            shown.setAccessibleName(f"{fact.label}: {fact.copied or fact.value}")

    def _add(self, fact: Fact, place: int) -> QLabel:
        name = label(fact.label, "Muted", "Small")
        name.setFixedWidth(92)
        value = label(fact.value, *(("Mono",) if fact.mono else ()), selectable=True)
        value.setMinimumWidth(20)
        inside = row(name, value, spacing=8)
        inside.setStretch(1, 1)
        if fact.copied:
            copy = button(
                "",
                name=f"fleet.drawer.copy.{place}",
                kind="ghost",
                icon_name="copy",
                tip=_("Copy {name}").format(name=fact.label),
                clicked=lambda: self._copied(self._facts[place].copied),
            )
            copy.setFixedSize(28, 24)
            copy.setStyleSheet("min-height: 20px; padding: 0;")
            inside.addWidget(copy)
        holder = QWidget()
        holder.setMinimumHeight(26)
        holder.setLayout(inside)
        self._rows.addWidget(holder)
        return value


class _Footer(QFrame):
    """What may be done; what may not says why in a line above."""

    def __init__(
        self,
        revoke: Callable[[TargetKind], None],
        log: Callable[[], None],
        evidence: Callable[[], None],
    ) -> None:
        super().__init__()
        self._offers: dict[TargetKind, Offer] = {}
        self._why_not = _text("", "Muted", "Small", name="fleet.drawer.why_not")
        self._evidence = button(
            _("Evidence"),
            name="fleet.drawer.evidence",
            tip=_("Everything that it showed, field by field (E)"),
            clicked=evidence,
        )
        self._log = button(
            "",
            name="fleet.drawer.log",
            icon_name="scroll-text",
            tip=_("Log entry"),
            clicked=log,
        )
        self._log.setFixedWidth(30)
        self._node = spaced_button(
            _("Quarantine…"),
            name="fleet.drawer.revoke_node",
            kind="danger",
            icon_name="shield-off",
            clicked=lambda: revoke(TargetKind.NODE),
        )
        self._more = button(
            "", name="fleet.drawer.more", icon_name="ellipsis", tip=_("More actions")
        )
        self._more.setFixedWidth(30)
        self._more.setStyleSheet("padding: 0;")
        menu = QMenu(self._more)
        menu.setObjectName("fleet.drawer.menu")
        self._platform = menu.addAction(_("Revoke its platform…"))
        self._platform.triggered.connect(lambda: revoke(TargetKind.PLATFORM))
        self._more.setMenu(menu)
        self._log.setStyleSheet("padding: 0;")
        for each in (self._evidence, self._node):
            each.setStyleSheet("padding: 0 6px;")
        buttons = row(self._evidence, self._log, None, self._node, self._more, spacing=5)
        self.setLayout(column(line(), self._why_not, buttons, spacing=8, margins=(20, 0, 18, 14)))

    def show_offers(self, offers: tuple[Offer, ...], *, entry: int | None) -> None:
        self._offers = {each.kind: each for each in offers}
        node, platform = self._offers[TargetKind.NODE], self._offers[TargetKind.PLATFORM]
        self._node.setEnabled(not node.why_not)
        self._node.setToolTip(plain(node.why_not))
        self._why_not.setText(node.why_not)
        self._why_not.setVisible(bool(node.why_not))
        self._platform.setEnabled(not platform.why_not)
        self._platform.setToolTip(plain(platform.why_not))
        for each in (self._log, self._evidence):
            each.setEnabled(entry is not None)
