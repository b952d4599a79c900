"""`keyturn-app`: reads the command line, puts the parts together, runs the window.

What is heavy and not needed for the first paint is imported where it is used.
"""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from keyturn.base.errors import KeyturnError
from keyturn.client.profile import Places, places_of, write_atomically
from keyturn.officerkeys.location import InFile
from keyturn.officerkeys.passphrase import read_passphrase
from keyturn.vault.hygiene import harden_process
from keyturn_app import i18n, resources
from keyturn_app.desk import Identity
from keyturn_app.facts import Link
from keyturn_app.i18n import _
from keyturn_app.live.desk import LiveDesk
from keyturn_app.live.profiles import Environment, Known, ProfileStore, imported
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.settings import Appearance, Choices, MemoryPreferences, Preferences, Settings
from keyturn_app.shell import crashes
from keyturn_app.shell.appearance import follow
from keyturn_app.shell.seats import Chair, Seats
from keyturn_app.shell.session import Seat
from keyturn_app.shell.soundness import check_qt
from keyturn_app.shell.window import MainWindow

_log = logging.getLogger("keyturn_app")
