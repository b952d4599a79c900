"""Where icons, fonts and translations lie: beside the source, or installed in `share/keyturn`."""

import sys
from functools import cache
from pathlib import Path

from keyturn.base.errors import UnreachableError


class NoResources(UnreachableError):
    """The installation is not whole."""


@cache
def directory() -> Path:
    """Raises NoResources."""
    places = (
        Path(__file__).resolve().parents[2] / "resources",
        Path(sys.prefix) / "share" / "keyturn",
    )
    for place in places:
        if (place / "icons").is_dir():
            return place
    raise NoResources(
        "the app's icons and fonts are missing",
        expected=" or ".join(map(str, places)),
        hint="Install Keyturn again.",
    )
