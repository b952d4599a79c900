"""The window: one session's frame and pages, and what lies over them. It decides nothing."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget

from keyturn_app.actions import Actions
from keyturn_app.i18n import _
from keyturn_app.news import News
from keyturn_app.qtkit.clipboard import Clipboard
from keyturn_app.qtkit.pages import Page, PageContext, PageSpec
from keyturn_app.settings import Settings
from keyturn_app.shell.frame import Frame
from keyturn_app.shell.pages import FOOT, PAGES, available
from keyturn_app.shell.presenter import ShellPresenter
from keyturn_app.shell.session import Session
from keyturn_app.tasks import Door

TITLE = "Keyturn"


class MainWindow(QMainWindow):
    pass
