"""Light or dark: as chosen, or as the desktop has it."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from keyturn_app.qtkit import theme
from keyturn_app.qtkit.tokens import Mode
from keyturn_app.settings import Appearance


def mode_of(appearance: Appearance) -> Mode:
    """A desktop that does not say gets dark."""
    if appearance is Appearance.SYSTEM:
        light = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Light
        return Mode.LIGHT if light else Mode.DARK
    return Mode.LIGHT if appearance is Appearance.LIGHT else Mode.DARK


def follow(appearance: Appearance) -> None:
    """Put it on, if it is not on already."""
    app = QApplication.instance()
    mode = mode_of(appearance)
    if isinstance(app, QApplication) and (mode is not theme.theme().mode or not app.styleSheet()):
        theme.apply(app, mode)
