"""Widgets found by name, with their type; the one with the focus."""

from typing import TypeVar

from PySide6.QtWidgets import QApplication, QWidget

W = TypeVar("W", bound=QWidget)


def find(below: QWidget, name: str, kind: type[W]) -> W:
    """The only child of this name. Fails the test where there is none."""
    found = below.findChild(kind, name)
    assert isinstance(found, kind), f"there is no {name}"
    return found


def focused() -> QWidget:
    """The widget that hears the keys."""
    found = QApplication.focusWidget()
    assert found is not None, "nothing has the focus"
    return found
