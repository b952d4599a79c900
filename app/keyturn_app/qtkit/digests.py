"""A digest as one sees it: groups of four, the middle left out; copied and spoken whole."""

from collections.abc import Callable

from PySide6.QtWidgets import QSizePolicy, QWidget

from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, label, row


class DigestLabel(QWidget):
    """`copy` is given the whole value."""

    def __init__(self, copy: Callable[[str], None], *, name: str) -> None:
        super().__init__()
        self._value = ""
        self._text = label("", "Mono", selectable=True)
        self._copy = button(
            "",
            name=f"{name}.copy",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy"),
            clicked=lambda: copy(self._value),
        )
        self._copy.setFixedWidth(28)
        self.setObjectName(name)
        self.setLayout(row(self._text, self._copy, None, spacing=4))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_digest(self, value: str) -> None:
        self._value = value
        self._text.setText(wording.digest(value) if value else "—")
        self._text.setToolTip(plain(wording.grouped(value)))
        self._text.setAccessibleName(value)
        self._copy.setVisible(bool(value))
        self._copy.setAccessibleName(_("Copy {value}").format(value=value[:24]))
