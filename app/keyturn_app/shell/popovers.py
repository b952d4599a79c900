"""Small panels over the window: the authority's fingerprint, and the shortcut sheet."""

from collections.abc import Callable, Sequence
from textwrap import wrap

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.widgets import button, column, label, row
from keyturn_app.shell.sheet_of_shortcuts import Group


def authority_panel(
    fingerprint: str, words: Sequence[str], copy: Callable[[str], None], close: Callable[[], None]
) -> QFrame:
    """The whole fingerprint, to be compared with another officer by eye or read aloud."""
    digits = fingerprint.rpartition(":")[2]
    lines = wrap(" ".join(wrap(digits, 4)), 39)
    panel = _panel("authority", _("Authority fingerprint"), 420)
    shown = label("\n".join(lines), "Mono", selectable=True, name="authority.hex")
    shown.setAccessibleName(fingerprint)
    said = _("It pins the roster's first version. Compare it with another officer before you act.")
    items: list[QWidget] = [
        label(_("Authority fingerprint"), "H2"),
        label(said, "Second", "Small", wrap=True),
        shown,
    ]
    if words:
        items.append(label(_("Read aloud"), "Over"))
        text = "\n".join(" ".join(words[at : at + 4]) for at in range(0, len(words), 4))
        items.append(label(text, "Mono", selectable=True, name="authority.words"))
    copying = button(
        _("Copy"), name="authority.copy", icon_name="copy", clicked=lambda: copy(fingerprint)
    )
    closing = button(_("Close"), name="authority.close", clicked=close)
    panel.setLayout(
        column(*items, row(None, copying, closing), spacing=10, margins=(20, 16, 20, 16))
    )
    return panel


def shortcuts_panel(groups: Sequence[Group], close: Callable[[], None]) -> QFrame:
    """Keys on the left, what they do on the right."""
    panel = _panel("shortcuts", _("Keyboard shortcuts"), 560)
    inside = QWidget()
    inside.setLayout(column(*(_group(each) for each in groups), None, spacing=16))
    area = QScrollArea()
    area.setObjectName("shortcuts.area")
    area.setAccessibleName(_("Keyboard shortcuts"))
    area.setWidgetResizable(True)
    area.setWidget(inside)
    area.viewport().setAutoFillBackground(False)
    inside.setAutoFillBackground(False)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumHeight(min(480, inside.sizeHint().height() + 4))
    closing = button(_("Close"), name="shortcuts.close", clicked=close)
    panel.setLayout(
        column(
            label(_("Keyboard shortcuts"), "H2"),
            area,
            row(None, closing),
            spacing=12,
            margins=(20, 16, 20, 16),
        )
    )
    return panel


def _group(group: Group) -> QWidget:
    made = QWidget()
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.addWidget(label(group.title.upper(), "Over"), 0, 0, 1, 2)
    for at, (keys, text) in enumerate(group.rows, 1):
        shown = label(keys.replace("+", " + "), "Mono", "Second")
        shown.setMinimumWidth(130)
        grid.addWidget(shown, at, 0)
        grid.addWidget(label(text), at, 1)
    grid.setColumnStretch(1, 1)
    made.setLayout(grid)
    return made


def _panel(name: str, title: str, width: int) -> QFrame:
    made = QFrame()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setProperty("class", "Sheet")
    made.setFixedWidth(width)
    return made
