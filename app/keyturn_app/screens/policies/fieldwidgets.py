"""One field of the form on screen: how it is written, what is seen now, what the lint says."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.prose import Prose
from keyturn_app.qtkit.theme import mono, sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, clear, column, label, row
from keyturn_app.screens.policies.bodies import ANY
from keyturn_app.screens.policies.editing import EditorPresenter
from keyturn_app.screens.policies.form import Field, Remark, Shape, said
from keyturn_app.screens.policies.seen import Offered

_LINES = 3
_SPIN = 72


class Number(QSpinBox):
    """The wheel scrolls the form: it changes no number by the way."""

    def __init__(self, name: str, title: str, low: int, high: int) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setRange(low, high)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lineEdit().setTextMargins(6, 0, 0, 0)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        event.ignore()


class Choice(QComboBox):
    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        event.ignore()


class Remarks(QWidget):
    """Icon and words of each; gone where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Remark, ...] = ()
        self._inside = column(spacing=2)
        self.setLayout(self._inside)
        self.hide()

    def show_remarks(self, remarks: tuple[Remark, ...]) -> None:
        if remarks == self._shown:
            return
        self._shown = remarks
        clear(self._inside)
        for each in remarks:
            words = Prose(each.text, each.look.token, sans(12))
            words.setAccessibleName(f"{each.look.word}: {each.text}")
            mark = IconLabel(each.look.icon, each.look.token, 14)
            line = row(spacing=6)
            line.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
            line.addWidget(words, 1)
            self._inside.addLayout(line)
        self.setVisible(bool(remarks))


class FieldWidget(QWidget):
    """`built` is the field as its widgets were made; only values change after that."""

    def __init__(self, field: Field, presenter: EditorPresenter) -> None:
        super().__init__()
        self.setObjectName(f"policy.row.{field.place}")
        self._presenter, self._place = presenter, field.place
        self._field = field
        self._offered_now: tuple[Offered, ...] | None = None
        self._update: Callable[[Field], None] = lambda _field: None
        self._whole = column(spacing=4)
        self._offers = row(spacing=4)
        self._remarks = Remarks()
        self._make(field)
        self._whole.addLayout(self._offers)
        self._whole.addWidget(self._remarks)
        self.setLayout(self._whole)
        self.show_field(field)

    def show_field(self, field: Field) -> None:
        self._field = field
        self._update(field)
        if field.offered != self._offered_now:
            self._offered_now = field.offered
            self._show_offers(field)
        self._remarks.show_remarks(field.remarks)

    # ---- one for each shape ----

    def _make(self, field: Field) -> None:
        make = {
            Shape.FLAG: self._flag,
            Shape.NUMBER: self._number,
            Shape.ONE: self._one,
            Shape.MANY: self._many,
            Shape.NAMES: self._names,
            Shape.TEXT: self._text,
            Shape.FLOOR: self._floor,
        }[field.shape]
        if field.shape is not Shape.FLAG:
            self._whole.addWidget(label(field.name, "Small", "Strong"))
        make(field)
        if field.hint:
            self._whole.addWidget(Prose(field.hint, "muted", sans(12)))

    def _id(self, more: str = "") -> str:
        return f"policy.{self._place}{'.' if more else ''}{more}"

    def _flag(self, field: Field) -> None:
        box = QCheckBox(field.name)
        box.setObjectName(self._id())
        box.setAccessibleName(field.name)
        box.clicked.connect(lambda: self._presenter.set(self._place, box.isChecked()))
        self._whole.addWidget(box)
        self._update = lambda now: box.setChecked(now.value is True)

    def _number(self, field: Field) -> None:
        spin = Number(self._id(), field.name, field.low, field.high)
        spin.setFixedWidth(140)
        spin.valueChanged.connect(
            lambda value: self._presenter.set(self._place, value, typing=True)
        )
        self._whole.addLayout(row(spin, None))
        self._update = lambda now: _set_number(spin, now.value)

    def _one(self, field: Field) -> None:
        combo = Choice()
        combo.setObjectName(self._id())
        combo.setAccessibleName(field.name)
        combo.setFixedWidth(140)
        for each in field.options:
            combo.addItem(each.text, each.value)
        combo.activated.connect(lambda: self._presenter.set(self._place, combo.currentData()))
        self._whole.addLayout(row(combo, None))

        def update(now: Field) -> None:
            with QSignalBlocker(combo):
                combo.setCurrentIndex(combo.findData(str(now.value)))

        self._update = update

    def _many(self, field: Field) -> None:
        any_box = self._any(field)
        noted = any(each.note for each in field.options)
        long = max((len(each.text) for each in field.options), default=0)
        across = 1 if noted else 8 if long <= 2 else 4 if long <= 14 else 2
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        boxes: dict[str, QCheckBox] = {}
        for at, each in enumerate(field.options):
            text = f"{each.text} — {each.note}" if each.note else each.text
            box = QCheckBox(text)
            box.setObjectName(self._id(each.value))
            box.setAccessibleName(f"{field.name}: {text}")
            box.setToolTip(plain(text))
            box.clicked.connect(partial(self._toggle, box, each.value))
            boxes[each.value] = box
            grid.addWidget(box, at // across, at % across)
        grid.setColumnStretch(across, 1)
        self._whole.addLayout(grid)

        def update(now: Field) -> None:
            chosen = now.value if isinstance(now.value, tuple) else ()
            for value, box in boxes.items():
                box.setChecked(value in chosen)
                box.setEnabled(not now.any_chosen)
            if any_box is not None:
                any_box.setChecked(now.any_chosen)

        self._update = update

    def _toggle(self, box: QCheckBox, value: str) -> None:
        self._presenter.toggle(self._place, value, box.isChecked())

    def _any(self, field: Field) -> QCheckBox | None:
        if not field.may_be_any:
            return None
        box = QCheckBox(_("Any, in writing"))
        box.setObjectName(self._id(ANY))
        box.setAccessibleName(f"{field.name}: {box.text()}")
        box.clicked.connect(lambda: self._presenter.choose_any(self._place, box.isChecked()))
        self._whole.addWidget(box)
        return box

    def _names(self, field: Field) -> None:
        any_box = self._any(field)
        edit = QPlainTextEdit()
        edit.setObjectName(self._id())
        edit.setAccessibleName(_("{field}, one a line").format(field=field.name))
        edit.setPlaceholderText(_("One a line"))
        edit.setTabChangesFocus(True)
        edit.setFont(mono(12))
        edit.setFixedHeight(edit.fontMetrics().lineSpacing() * _LINES + 18)
        edit.textChanged.connect(
            lambda: self._presenter.set(self._place, _lines(edit), typing=True)
        )
        self._whole.addWidget(edit)

        def update(now: Field) -> None:
            value = now.value if isinstance(now.value, tuple) else ()
            if _lines(edit) != value:
                with QSignalBlocker(edit):
                    edit.setPlainText("\n".join(str(each) for each in value))
            edit.setEnabled(not now.any_chosen)
            edit.setAccessibleDescription(said(now))
            if any_box is not None:
                any_box.setChecked(now.any_chosen)

        self._update = update

    def _text(self, field: Field) -> None:
        edit = QLineEdit()
        edit.setObjectName(self._id())
        edit.setAccessibleName(field.name)
        edit.setMaximumWidth(240)
        edit.textEdited.connect(
            lambda text: self._presenter.set(self._place, text.strip(), typing=True)
        )
        self._whole.addWidget(edit)

        def update(now: Field) -> None:
            if edit.text().strip() != str(now.value):
                edit.setText(str(now.value))

        self._update = update

    def _floor(self, field: Field) -> None:
        parts = ("FMC", _("bootloader"), "TEE", "SNP", _("microcode"))
        spins: list[Number] = []
        inside = row(spacing=6)
        for at, part in enumerate(parts):
            spin = Number(self._id(str(at)), f"{field.name}: {part}", field.low, field.high)
            spin.setFixedWidth(_SPIN)
            spin.valueChanged.connect(
                lambda _value: self._presenter.set(
                    self._place, tuple(each.value() for each in spins), typing=True
                )
            )
            spins.append(spin)
            inside.addLayout(column(label(part, "Small", "Muted"), spin, spacing=2))
        inside.addStretch(1)
        self._whole.addLayout(inside)

        def update(now: Field) -> None:
            values = now.value if isinstance(now.value, tuple) else ()
            for spin, value in zip(spins, values, strict=False):
                _set_number(spin, value)

        self._update = update

    def _show_offers(self, field: Field) -> None:
        clear(self._offers)
        if not field.offered:
            return
        self._offers.addWidget(label(_("As seen now:"), "Small", "Muted"))
        for at, each in enumerate(field.offered[:3]):
            taken = button(
                each.text,
                name=self._id(f"seen.{at}"),
                kind="chip",
                tip=_("Take over: {value}").format(value=each.text),
                clicked=partial(self._presenter.take, self._place, each.value),
            )
            taken.setMaximumWidth(230)
            self._offers.addWidget(taken)
        self._offers.addStretch(1)


def _lines(edit: QPlainTextEdit) -> tuple[str, ...]:
    texts = (each.strip() for each in edit.toPlainText().split("\n"))
    return tuple(dict.fromkeys(each for each in texts if each))


def _set_number(spin: QSpinBox, value: object) -> None:
    if isinstance(value, int) and spin.value() != value:
        with QSignalBlocker(spin):
            spin.setValue(value)
