"""The settings page's presenter: each choice is kept at once. No Qt in here."""

from dataclasses import replace

from keyturn_app.presenting import Presenter
from keyturn_app.screens.settings.viewmodel import SettingsView, about
from keyturn_app.settings import Appearance, Density, Settings


class SettingsPresenter(Presenter[SettingsView]):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._about = about()
        self.keep(settings.listeners.add(self.changed))

    def view(self) -> SettingsView:
        return SettingsView(self._settings.choices, self._about)

    def choose_appearance(self, value: Appearance) -> None:
        self._settings.choose(replace(self._settings.choices, appearance=value))

    def choose_density(self, value: Density) -> None:
        self._settings.choose(replace(self._settings.choices, density=value))

    def choose_idle_minutes(self, value: int) -> None:
        self._settings.choose(replace(self._settings.choices, idle_minutes=value))

    def choose_clipboard_seconds(self, value: int) -> None:
        self._settings.choose(replace(self._settings.choices, clipboard_seconds=value))

    def choose_reduce_motion(self, value: bool) -> None:
        self._settings.choose(replace(self._settings.choices, reduce_motion=value))

    def choose_language(self, value: str) -> None:
        self._settings.choose(replace(self._settings.choices, language=value))
