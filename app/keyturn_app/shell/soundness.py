"""Whether this PySide6 and this Python belong together; asked before any window is made.

PySide6 6.12 built for Python 3.12 installs on 3.11 too, and there gives back references to True
and None that it does not own, until the process aborts.
"""

import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from keyturn.base.errors import KeyturnError
from keyturn_app.i18n import _

_CALLS = 100
_NOISE = 20


class UnsoundQt(KeyturnError):
    """The app would die in the middle of its work."""


class _Bell(QObject):
    rang = Signal(bool)


def check_qt() -> None:
    """Raises UnsoundQt."""
    bell = _Bell()
    for value, call in ((True, lambda: bell.rang.emit(True)), (None, lambda: _touch(bell))):
        lost = _lost(value, call)
        if lost > _NOISE:
            raise UnsoundQt(
                _("PySide6 does not fit this Python: it loses references"),
                found=_("{count} lost in {calls} calls").format(count=lost, calls=_CALLS),
                expected="0",
                hint=_("Install PySide6 6.11.3, or use Python 3.12 or newer."),
            )


def _touch(bell: QObject) -> None:
    bell.setObjectName("bell")
    bell.blockSignals(False)


def _lost(value: object, call: Callable[[], object]) -> int:
    before = sys.getrefcount(value)
    for _each in range(_CALLS):
        call()
    return before - sys.getrefcount(value)
