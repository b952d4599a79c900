"""The settings page. It shows a SettingsView and says what was chosen."""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QScrollArea, QWidget

from keyturn_app import resources
from keyturn_app.i18n import _
from keyturn_app.qtkit.pages import Page, PageContext
from keyturn_app.qtkit.widgets import KeyValues, button, card, column, label, row
from keyturn_app.screens.settings.presenter import SettingsPresenter
from keyturn_app.screens.settings.viewmodel import (
    Option,
    about_text,
    appearances,
    clipboard_times,
    densities,
    idle_times,
    languages,
)

V = TypeVar("V")
_WIDTH = 560


class SettingsPage(Page):
    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("settings")
        self._presenter = presenter = SettingsPresenter(context.settings)
        self._look = _Choice(
            "settings.appearance", _("Appearance"), appearances(), presenter.choose_appearance
        )
        self._density = _Choice(
            "settings.density", _("Table rows"), densities(), presenter.choose_density
        )
        self._idle = _Choice(
            "settings.idle", _("Lock after"), idle_times(), presenter.choose_idle_minutes
        )
        self._clipboard = _Choice(
            "settings.clipboard",
            _("Clear the clipboard after"),
            clipboard_times(),
            presenter.choose_clipboard_seconds,
        )
        known = languages(resources.directory() / "translations")
        self._language = _Choice(
            "settings.language", _("Language"), known, presenter.choose_language
        )
        self._motion = QCheckBox(_("Reduce motion"))
        self._motion.setObjectName("settings.motion")
        self._motion.setAccessibleName(_("Reduce motion"))
        self._motion.toggled.connect(presenter.choose_reduce_motion)
        self._about = KeyValues(width=140, name="settings.about.rows")
        copying = button(
            _("Copy"),
            name="settings.about.copy",
            icon_name="copy",
            clicked=lambda: context.copy(about_text(presenter.view().about)),
        )
        look = card(
            label(_("Look"), "H2"),
            self._look,
            self._density,
            self._language,
            label(_("Another language is used from the next start on."), "Muted", "Small"),
            self._motion,
            spacing=12,
        )
        safety = card(
            label(_("Safety"), "H2"),
            self._idle,
            label(
                _("It also locks with the desktop, and when the machine goes to sleep."),
                "Muted",
                "Small",
            ),
            self._clipboard,
            spacing=12,
        )
        about = card(label(_("About"), "H2"), self._about, row(copying, None), spacing=12)
        inside = QWidget()
        inside.setObjectName("settings.inside")
        for each in (look, safety, about):
            each.setMaximumWidth(_WIDTH)
        inside.setLayout(column(look, safety, about, None, spacing=16, margins=(20, 16, 20, 16)))
        area = QScrollArea()
        area.setObjectName("settings.area")
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inside)
        self.setLayout(column(area))
        presenter.listeners.add(self._show)
        self._show()

    def _show(self) -> None:
        view = self._presenter.view()
        chosen = view.choices
        for choice, value in (
            (self._look, chosen.appearance),
            (self._density, chosen.density),
            (self._idle, chosen.idle_minutes),
            (self._clipboard, chosen.clipboard_seconds),
            (self._language, chosen.language),
        ):
            choice.show_value(value)
        self._motion.setChecked(chosen.reduce_motion)
        self._about.show_rows([(name, value, False) for name, value in view.about])

    def shown(self) -> None:
        self._look.box.setFocus()

    def close_page(self) -> None:
        self._presenter.close()


class _Choice(QWidget):
    """A label, and a list to choose one of."""

    def __init__(
        self, name: str, title: str, options: Sequence[Option], chosen: Callable[[V], None]
    ) -> None:
        super().__init__()
        self._options = tuple(options)
        self.box = QComboBox()
        self.box.setObjectName(name)
        self.box.setAccessibleName(title)
        self.box.setFixedWidth(220)
        for each in options:
            self.box.addItem(each.text)
        self.box.activated.connect(lambda at: chosen(cast(V, options[at].value)))
        text = label(title)
        text.setBuddy(self.box)
        self.setLayout(row(text, None, self.box))

    def show_value(self, value: object) -> None:
        for at, each in enumerate(self._options):
            if each.value == value:
                self.box.setCurrentIndex(at)


def build(context: PageContext) -> Page:
    return SettingsPage(context)
