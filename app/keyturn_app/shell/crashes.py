"""What is written when something breaks: which error and where, never a value (I8)."""

import faulthandler
import logging
import sys
import threading
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

_log = logging.getLogger("keyturn_app")
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_OFFSCREEN = "This plugin does not support propagateSizeHints()"
"""Said without a display for each window that has a smallest size."""


def install() -> None:
    """For the whole process; before the first window."""
    faulthandler.enable()
    sys.excepthook = _unhandled
    sys.unraisablehook = lambda told: _log.error("%s", described(told.exc_type, told.exc_traceback))
    threading.excepthook = lambda told: _log.error(
        "%s", described(told.exc_type, told.exc_traceback)
    )
    qInstallMessageHandler(_from_qt)


def described(kind: type[BaseException], trace: TracebackType | None) -> str:
    """The error's type and the places that led to it, innermost last."""
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        name = code.co_filename.rpartition("/")[2]
        places.append(f"{name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{kind.__module__}.{kind.__qualname__} at {' > '.join(places[-12:]) or 'nowhere'}"


def of_qt(message: str) -> str:
    """A message of Qt up to where values may begin: the function that complains."""
    return message.partition(": ")[0][:120]


def _unhandled(
    kind: type[BaseException], _error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _log.error("%s", described(kind, trace))


def _from_qt(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    if message == _OFFSCREEN:
        return
    _log.log(_LEVELS.get(kind, logging.WARNING), "Qt %s: %s", context.category, of_qt(message))
