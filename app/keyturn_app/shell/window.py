"""The window: one session's frame and pages, and what lies over them. It decides nothing."""

from PySide6.QtWidgets import QMainWindow

TITLE = "Keyturn"


class MainWindow(QMainWindow):
    pass
