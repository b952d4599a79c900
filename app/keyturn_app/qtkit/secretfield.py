"""Fields for what must not be read over a shoulder, remembered or copied."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from keyturn_app.qtkit.widgets import restyle


def secret_field(name: str, title: str) -> QLineEdit:
    """Masked, and without the menu and the completions that remember texts.

    Whether something stands in it is asked of `displayText`: each `text()` is one more copy.
    """
    made = QLineEdit()
    made.setEchoMode(QLineEdit.EchoMode.Password)
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
    made.setInputMethodHints(
        Qt.InputMethodHint.ImhHiddenText
        | Qt.InputMethodHint.ImhSensitiveData
        | Qt.InputMethodHint.ImhNoPredictiveText
    )
    return made


def taken_secret(field: QLineEdit) -> bytearray:
    """What is in the field, which is empty afterwards."""
    found = bytearray(field.text().encode())
    forget_secret(field)
    return found


def forget_secret(field: QLineEdit) -> None:
    """Not `clear`: that keeps the text in the field's history of changes."""
    field.setText("")


def mark_error(field: QLineEdit, wrong: bool) -> None:
    field.setProperty("state", "error" if wrong else "")
    restyle(field)
