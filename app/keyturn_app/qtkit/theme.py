"""Tokens put on: palette, style sheet, fonts. Fusion with our own sheet; switched while running."""

import re
import tempfile
from functools import cache
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from keyturn_app import resources
from keyturn_app.qtkit.sheet import SHEET
from keyturn_app.qtkit.tokens import Mode, tokens

SANS, MONO = "Inter", "JetBrains Mono"


class _Theme(QObject):
    """The mode of this process; widgets that paint themselves listen to `changed`."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.mode = Mode.DARK


@cache
def theme() -> _Theme:
    """The one theme of the process."""
    return _Theme()


def colour(token: str) -> QColor:
    """A token's colour now. Raises KeyError on a token that does not exist."""
    return QColor(tokens(theme().mode)[token])


def css(token: str) -> str:
    """The same as `#RRGGBB`."""
    return tokens(theme().mode)[token]


def apply(app: QApplication, mode: Mode) -> None:
    """Put on a mode; everything visible follows at once."""
    _load_fonts()
    theme().mode = mode
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(_palette())
    app.setFont(sans())
    app.setStyleSheet(_sheet(mode))
    theme().changed.emit()


def sans(pixels: int = 13, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    font = QFont(SANS)
    font.setPixelSize(pixels)
    font.setWeight(weight)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def mono(pixels: int = 12, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Without ligatures: digests and policies show the characters that are signed."""
    font = QFont(MONO)
    font.setPixelSize(pixels)
    font.setWeight(weight)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    for feature in ("calt", "liga"):
        font.setFeature(QFont.Tag(feature), 0)
    return font


@cache
def _load_fonts() -> None:
    for pattern in ("*.ttf", "*.otf"):
        for path in sorted((resources.directory() / "fonts").rglob(pattern)):
            QFontDatabase.addApplicationFont(str(path))


def _palette() -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for which, token in (
        (role.Window, "canvas"),
        (role.WindowText, "text"),
        (role.Base, "surface"),
        (role.AlternateBase, "raised"),
        (role.Text, "text"),
        (role.Button, "raised"),
        (role.ButtonText, "text"),
        (role.Highlight, "selected"),
        (role.HighlightedText, "text"),
        (role.ToolTipBase, "raised"),
        (role.ToolTipText, "text"),
        (role.PlaceholderText, "muted"),
        (role.Link, "accent"),
        (role.Mid, "border"),
        (role.Accent, "accent_solid"),
        (role.BrightText, "danger"),
    ):
        palette.setColor(which, colour(token))
    for which in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, colour("muted"))
    return palette


def _sheet(mode: Mode) -> str:
    known = tokens(mode)
    drawn = re.sub(r"@@([\w-]+)\|(\w+)", lambda found: _drawing(found[1], known[found[2]]), SHEET)
    return re.sub(r"@(\w+)", lambda found: known[found[1]], drawn)


@cache
def _drawings() -> tempfile.TemporaryDirectory[str]:
    """Style sheets take pictures from files only. Goes with the process."""
    return tempfile.TemporaryDirectory(prefix="keyturn-look-")


@cache
def _drawing(icon: str, tint: str) -> str:
    """The path of a Lucide icon in one colour."""
    svg = (resources.directory() / "icons" / f"{icon}.svg").read_text(encoding="utf-8")
    path = Path(_drawings().name) / f"{icon}-{tint[1:]}.svg"
    path.write_text(svg.replace("currentColor", tint), encoding="utf-8")
    return path.as_posix()
