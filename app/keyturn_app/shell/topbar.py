"""The header: where one is, how fresh it is, search, time to lock, news, authority, officer."""

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QWidget

from keyturn_app.i18n import _, n_
from keyturn_app.qtkit.icons import pixmap
from keyturn_app.qtkit.theme import colour, sans, theme
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.tokens import TOP_BAR
from keyturn_app.qtkit.widgets import Pill, button, label, row
from keyturn_app.shell.viewmodel import OfficerView, ShellView
from keyturn_app.states import Look

_SHORT_BELOW = 1180
"""Pixels of window below which what can be had otherwise goes."""


class TopBar(QFrame):
    """Shows; and says what was asked for."""

    search = Signal()
    news = Signal()
    authority = Signal()
    officer = Signal()
    retry = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("topbar")
        self.setFixedHeight(TOP_BAR)
        self._title = label("", "H1", name="topbar.title")
        self._link = Pill("", "pending", "circle-dashed", name="topbar.link")
        self._age = label("", "Muted", "Small", name="topbar.age")
        self._witnesses = Pill("", "unknown", "circle", name="topbar.witnesses")
        self._witnesses.hide()
        self._witnessed = self._urgent = False
        self._roomy = True
        self._search = SearchButton()
        self._lock = label("", "Muted", "Small", name="topbar.idle")
        self._bell = BellButton()
        self._authority = button("", name="topbar.authority", kind="ghost", icon_name="fingerprint")
        self._officer = OfficerButton()
        for each, signal in (
            (self._search, self.search),
            (self._bell, self.news),
            (self._authority, self.authority),
            (self._officer, self.officer),
        ):
            each.clicked.connect(lambda _checked=False, signal=signal: signal.emit())
        inside = row(
            self._title,
            8,
            self._link,
            self._age,
            self._witnesses,
            None,
            self._search,
            6,
            self._lock,
            self._bell,
            self._authority,
            self._officer,
            margins=(20, 0, 12, 0),
        )
        self.setLayout(inside)

    @property
    def anchors(self) -> "Anchors":
        return Anchors(self._authority, self._officer)

    def show_title(self, title: str) -> None:
        self._title.setText(title)

    def show_idle(self, text: str) -> None:
        if self._lock.text() != text:
            self._lock.setText(text)

    def show_view(self, view: ShellView) -> None:
        self._link.show_state(view.link.word, view.link.token, view.link.icon)
        self._age.setText(view.age)
        self._show_witnesses(view.witnesses)
        self._bell.show_count(view.unread)
        digits = view.fingerprint.rpartition(":")[2]
        self._authority.setText(f"{digits[:4]} {digits[4:8]}")
        self._authority.setToolTip(_("Authority fingerprint: compare it with another officer"))
        self._authority.setAccessibleName(
            _("Authority fingerprint {start}").format(start=f"{digits[:4]} {digits[4:8]}")
        )
        self._officer.show_officer(view.officer)

    def fit(self, window_width: int) -> None:
        """What can be had otherwise goes when the window is small."""
        short = window_width < _SHORT_BELOW
        self._roomy = not short
        self._fit_witnesses()
        self._search.setFixedWidth(200 if short else 264 if window_width < 1500 else 320)
        self._lock.setVisible(window_width >= 1020)
        self._officer.set_short(short)

    def _show_witnesses(self, look: Look | None) -> None:
        self._urgent = look is not None and look.token == "danger"  # noqa: S105 - a colour
        self._witnessed = look is not None
        if look is not None:
            self._witnesses.show_state(look.word, look.token, look.icon)
        self._fit_witnesses()

    def _fit_witnesses(self) -> None:
        """In a small window only what is wrong is said here; the log page says all of it."""
        self._witnesses.setVisible(self._witnessed and (self._roomy or self._urgent))


@dataclass(frozen=True, slots=True)
class Anchors:
    """Below which widgets popovers open."""

    authority: QWidget
    officer: QWidget


class SearchButton(QPushButton):
    """Looks like a field, opens the palette."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("topbar.search")
        self.setAccessibleName(_("Search or run a command"))
        self.setFixedSize(248, 32)
        theme().changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = "focus" if self.hasFocus() else "border_strong" if self.underMouse() else "border"
        painter.setPen(colour(edge))
        painter.setBrush(colour("field"))
        area = self.rect().adjusted(0, 0, -1, -1)
        painter.drawRoundedRect(area, 6, 6)
        painter.drawPixmap(12, (self.height() - 16) // 2, pixmap("search", "muted", 16))
        keys = area.adjusted(self.width() - 58, 7, -8, -6)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(colour("border"))
        painter.drawRoundedRect(keys, 4, 4)
        painter.setPen(colour("muted"))
        painter.setFont(sans(11))
        painter.drawText(keys, Qt.AlignmentFlag.AlignCenter, "Ctrl K")
        painter.setFont(sans(13))
        room = area.adjusted(38, 0, -64, 0)
        text = painter.fontMetrics().elidedText(
            _("Search or run a command"), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)


class BellButton(QPushButton):
    """News, and how much of it was not read."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self.setObjectName("topbar.news")
        self.setProperty("kind", "ghost")
        self.setFixedSize(36, 32)
        self.show_count(0)
        theme().changed.connect(self.update)

    def show_count(self, count: int) -> None:
        self._count = count
        unread = n_("{count} unread", "{count} unread", count)
        self.setAccessibleName(_("Notifications, {unread}").format(unread=unread))
        self.setToolTip(plain(self.accessibleName()))
        self.update()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(36, 32)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawPixmap(10, 8, pixmap("bell", "text2", 16))
        if not self._count:
            return
        text = str(self._count) if self._count < 100 else "99+"
        painter.setFont(sans(10, sans().Weight.Bold))
        width = max(15, painter.fontMetrics().horizontalAdvance(text) + 7)
        area = self.rect()
        area.setRect(min(18, 36 - width), 2, width, 15)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("accent_solid"))
        painter.drawRoundedRect(area, 7, 7)
        painter.setPen(colour("on_accent"))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)


class OfficerButton(QPushButton):
    """Who sits here; a menu to change that."""

    def __init__(self) -> None:
        super().__init__()
        self._view = OfficerView("", "?", "")
        self._short = False
        self.setObjectName("topbar.officer")
        self.setProperty("kind", "ghost")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def show_officer(self, view: OfficerView) -> None:
        if view == self._view:
            return
        self._view = view
        self.setAccessibleName(
            _("Officer {name}, {roles}").format(name=view.name, roles=view.roles)
        )
        self.setToolTip(plain(f"{view.name}\n{view.roles}"))
        self.updateGeometry()
        self.update()

    def set_short(self, short: bool) -> None:
        self._short = short
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(44 if self._short else 172, 44)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        circle = self.rect()
        circle.setRect(5, (self.height() - 34) // 2, 34, 34)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("quarantined_bg"))
        painter.drawEllipse(circle)
        painter.setPen(colour("quarantined"))
        painter.setFont(sans(12, sans().Weight.DemiBold))
        painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, self._view.initials)
        if self._short:
            return
        room = self.width() - 52
        for text, font, tint, top in (
            (self._view.name, sans(12, sans().Weight.Medium), "text", 5),
            (self._view.roles, sans(12), "muted", 21),
        ):
            painter.setFont(font)
            painter.setPen(colour(tint))
            line = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
            painter.drawText(48, top, room, 17, Qt.AlignmentFlag.AlignVCenter, line)
