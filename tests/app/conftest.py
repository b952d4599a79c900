"""The app's tests draw on no display; set before the first import of Qt."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
