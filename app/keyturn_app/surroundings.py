"""What the window gives a page, for the page's presenter: no Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass

from keyturn_app.actions import Actions
from keyturn_app.desk import Desk
from keyturn_app.questions import Asker
from keyturn_app.tasks import Door


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the page was given; `PageContext` without what only widgets need."""

    desk: Desk
    door: Door
    asker: Asker
    actions: Actions
    copy: Callable[[str], None]
    go: Callable[[str, str], None]
