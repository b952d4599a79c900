"""Small widgets that the parts of this page share."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QWidget,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Button, Item, button, column, frame, label, over, row


def section(title: str, *items: Item, name: str = "", right: QWidget | None = None) -> QFrame:
    """A heading and what stands under it; `right` at the other end of the heading."""
    head = row(over(title), None, *((right,) if right else ()))
    return frame(column(head, *items, spacing=6), name=name)


def labelled(title: str, *items: Item, hint: str = "") -> QFrame:
    """A title over a field, and a hint below."""
    below = [label(hint, "Small", "Second", wrap=True)] if hint else []
    return frame(column(label(title, "Small", "Strong"), *items, *below, spacing=6))


def combo(name: str, title: str, *, width: int = 200) -> QComboBox:
    made = QComboBox()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setMinimumWidth(width)
    made.setMinimumContentsLength(8)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return made


def fill(box: QComboBox, choices: Sequence[tuple[str, str]], value: str) -> None:
    """Choices as (value, text); nothing is said to whoever listens."""
    box.blockSignals(True)
    found = [(box.itemData(at), box.itemText(at)) for at in range(box.count())]
    if found != list(choices):
        box.clear()
        for data, text in choices:
            box.addItem(text, data)
    box.setCurrentIndex(box.findData(value))
    box.blockSignals(False)


def line_edit(name: str, title: str, changed: Callable[[str], object]) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.textEdited.connect(changed)
    return made


def lines_edit(name: str, title: str, changed: Callable[[str], object]) -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setTabChangesFocus(True)
    made.setFixedHeight(84)
    made.textChanged.connect(lambda: changed(made.toPlainText()))
    return made


def set_text(into: QLineEdit | QPlainTextEdit, text: str) -> None:
    """Never while the same stands there: the cursor would jump."""
    if isinstance(into, QLineEdit):
        if into.text() != text:
            into.setText(text)
    elif into.toPlainText() != text:
        into.blockSignals(True)
        into.setPlainText(text)
        into.blockSignals(False)


def copy_button(name: str, what: str, copy: Callable[[], object]) -> Button:
    made = button("", name=name, kind="ghost", icon_name="copy", tip=_("Copy"), clicked=copy)
    made.setFixedWidth(28)
    made.setAccessibleName(_("Copy {value}").format(value=what))
    return made


def value_row(
    what: str, grouped: str, whole: str, *, name: str, copy: Callable[[str], object], note: str = ""
) -> QHBoxLayout:
    """A value in groups, as wide as there is room, and a button that copies it whole."""
    title = label(what, "Small", "Muted", wrap=True)
    title.setFixedWidth(108)
    text = label(grouped, "Mono", wrap=True, selectable=True, name=name)
    text.setAccessibleName(f"{what}: {whole}")
    text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    beside: list[Item] = [title, text]
    if note:
        beside.append(label(note, "Small", "Danger", "Strong"))
    made = row(*beside, copy_button(f"{name}.copy", what, lambda: copy(whole)), spacing=8)
    made.setStretch(1, 1)
    return made


def explain(which: QWidget, why_not: str) -> None:
    """Enabled where nothing speaks against it; the tooltip says what does."""
    which.setEnabled(not why_not)
    which.setToolTip(plain(why_not))
