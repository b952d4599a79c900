"""The officers page of a station: who may decide, by the newest bundle; and a newer bundle."""

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    KeyValues,
    Pill,
    button,
    card,
    column,
    label,
    over,
    row,
)
from keyturn_app.screens.station.presenter import StationPresenter
from keyturn_app.screens.station.viewmodel import StationView
from keyturn_app.surroundings import Surroundings

TICK_MS = 30_000
_RIGHT = 332


class StationPage(Page):
    """Ticks twice a minute while it is seen."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("page.station")
        self.setProperty("class", "Page")
        self._presenter = StationPresenter(
            Surroundings(
                context.desk,
                context.door,
                context.asker,
                context.actions,
                context.copy,
                context.go,
            )
        )
        self._banner = Banner(name="station.banner")
        inside = QWidget()
        both = row(self._left(), self._right(), spacing=12, margins=(20, 0, 20, 16))
        both.setStretch(0, 1)
        inside.setLayout(both)
        scroll = Scroller(inside, name="station.scroll", title=_("The authority"))
        whole = column(
            column(self._banner, margins=(20, 0, 20, 0)),
            scroll,
            spacing=12,
            margins=(0, 16, 0, 0),
        )
        whole.setStretch(1, 1)
        self.setLayout(whole)
        self._shown: StationView | None = None
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._presenter.tick)
        self._presenter.listeners.add(self._show)
        self._show()

    @property
    def of_the_server(self) -> bool:
        return False

    def shown(self) -> None:
        self._import.setFocus()

    def close_page(self) -> None:
        self._clock.stop()
        self._presenter.close()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        self._clock.stop()
        super().hideEvent(event)

    # ---- inside ----

    def _left(self) -> QWidget:
        self._officers = KeyValues(width=150, name="station.officers")
        self._bundle = KeyValues(width=112, name="station.bundle")
        self._pill = Pill("", "ok", "shield-check", name="station.look")
        self._import = button(
            _("Import bundle…"),
            name="station.import",
            kind="primary",
            icon_name="folder-open",
            clicked=self._presenter.import_bundle,
        )
        self._cannot = label("", "Second", "Small", wrap=True, name="station.cannot")
        return _stacked(
            card(
                row(over(_("Authority bundle")), self._pill, None, self._import),
                self._bundle,
                self._cannot,
                name="station.authority",
            ),
            card(over(_("Officers by this bundle")), self._officers, name="station.roster"),
        )

    def _right(self) -> QWidget:
        self._words = label("", "Strong", name="station.words", wrap=True, selectable=True)
        self._hex = label("", "Mono", name="station.hex", wrap=True, selectable=True)
        copy = button(
            _("Copy"),
            name="station.copy",
            icon_name="copy",
            clicked=self._presenter.copy_fingerprint,
        )
        copy.setAccessibleName(_("Copy fingerprint"))
        self._thresholds = KeyValues(width=124, name="station.thresholds")
        self._witnesses = KeyValues(width=124, name="station.witnesses")
        read = label(
            _("Read the words aloud to another officer: both see the same, or something is wrong."),
            "Second",
            "Small",
            wrap=True,
            name="station.read",
        )
        made = _stacked(
            card(row(over(_("Authority fingerprint")), None, copy), self._words, read, self._hex),
            card(over(_("Approvals needed")), self._thresholds),
            card(over(_("Witnesses")), self._witnesses),
        )
        made.setFixedWidth(_RIGHT)
        return made

    def _show(self) -> None:
        view = self._presenter.view()
        if view == self._shown:
            return
        self._shown = view
        self._banner.say(view.standing, tone="warn")
        self._pill.show_state(view.look.word, view.look.token, view.look.icon)
        self._words.setText(view.words)
        self._words.setAccessibleName(_("In words: {words}").format(words=view.words))
        self._hex.setText(view.grouped)
        self._hex.setAccessibleName(view.fingerprint)
        self._bundle.show_rows(view.bundle)
        self._officers.show_rows(view.officers)
        self._thresholds.show_rows(view.thresholds)
        self._witnesses.show_rows(view.witnesses)
        self._cannot.setText(view.cannot_know)
        self._import.setEnabled(not view.import_why_not)
        self._import.setToolTip(plain(view.import_why_not))


def _stacked(*cards: QWidget) -> QWidget:
    made = QWidget()
    made.setLayout(column(*cards, None, spacing=12))
    return made


def build(context: PageContext) -> Page:
    return StationPage(context)
