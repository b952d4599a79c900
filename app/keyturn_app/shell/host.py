"""Where pages are shown: each built on its first visit, kept until the desk changes."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QStackedWidget, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.pages import Page, PageContext, PageSpec
from keyturn_app.qtkit.theme import colour
from keyturn_app.qtkit.widgets import column, label


class PageHost(QWidget):
    """`built` is told each page once, before it is shown."""

    def __init__(self, built: Callable[[Page], None]) -> None:
        super().__init__()
        self.setObjectName("host")
        self._stack = QStackedWidget()
        self._stack.setObjectName("host.stack")
        self._pages: dict[str, Page] = {}
        self._built = built
        self.setLayout(column(self._stack, spacing=0))
        self._veil = _Veil(self)
        self._denied = _Denied(self)
        self._lacking: Mapping[str, str] = {}
        self._needs = ""

    def show_page(self, spec: PageSpec, context: PageContext) -> Page:
        page = self._pages.get(spec.id)
        if page is None:
            page = spec.build(context)
            self._pages[spec.id] = page
            self._stack.addWidget(page)
            self._built(page)
        self._stack.setCurrentWidget(page)
        self._needs = spec.needs
        self._show_denied()
        return page

    @property
    def pages(self) -> tuple[Page, ...]:
        return tuple(self._pages.values())

    def close_pages(self) -> None:
        """The desk is going away, and with it everything that was shown of it."""
        pages, self._pages = self._pages, {}
        for page in pages.values():
            page.close_page()
            self._stack.removeWidget(page)
            page.hide()
            page.setParent(None)
            page.deleteLater()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The window's size is the officer's: no page makes it larger."""
        return QSize(320, 240)

    def set_dimmed(self, dimmed: bool) -> None:
        """What comes from the server is not of now."""
        page = self._stack.currentWidget()
        self._veil.setVisible(dimmed and isinstance(page, Page) and page.of_the_server)

    def set_denied(self, denied: Mapping[str, str]) -> None:
        """What the officer's roles do not include, by what a page needs; and whose do."""
        self._lacking = denied
        self._show_denied()

    def _show_denied(self) -> None:
        why = self._lacking.get(self._needs, "")
        self._denied.say(why)
        self._stack.setVisible(not why)


class _Denied(QFrame):
    """In place of a page that the officer's roles do not include."""

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self._host = host
        self.setObjectName("host.denied")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = label(_("Your roles do not include this"), "H1", name="host.denied.title")
        self._why = label("", "Muted", wrap=True, name="host.denied.why")
        icon = IconLabel("lock", "muted", 24)
        self.setLayout(column(icon, self._title, self._why, None, margins=(24, 24, 24, 24)))
        host.installEventFilter(self)
        self.hide()

    def say(self, why: str) -> None:
        self._why.setText(why)
        self.setAccessibleName(f"{self._title.text()}. {why}" if why else "")
        self.setGeometry(self._host.rect())
        self.setVisible(bool(why))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._host.rect())
        return super().eventFilter(watched, event)


class _Veil(QWidget):
    """Dims what lies below it and lets every click through.

    Not a QGraphicsEffect: that paints the whole page into a picture at each change.
    """

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self._host = host
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setObjectName("host.veil")
        host.installEventFilter(self)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._host.rect())
        return super().eventFilter(watched, event)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        tint = colour("canvas")
        tint.setAlpha(90)
        QPainter(self).fillRect(self.rect(), tint)
