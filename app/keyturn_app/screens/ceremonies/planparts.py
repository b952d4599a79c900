"""What the cards of the planning form have in common."""

from PySide6.QtWidgets import QSpinBox


def spin_box(name: str, title: str, low: int, high: int) -> QSpinBox:
    made = QSpinBox()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setRange(low, high)
    made.setFixedWidth(84)
    made.lineEdit().setTextMargins(6, 0, 0, 0)
    return made


def put(spin: QSpinBox, value: int) -> None:
    if spin.value() != value:
        spin.blockSignals(True)
        spin.setValue(value)
        spin.blockSignals(False)
