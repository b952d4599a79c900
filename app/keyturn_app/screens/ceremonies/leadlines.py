"""Small lines of the wizard: the script at its foot, time, initials. No Qt in here."""

from datetime import datetime

from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.reading import Reading


def script_rows(reading: Reading, now: datetime) -> tuple[tuple[str, str, bool], ...]:
    script = reading.script
    assert script is not None  # the caller looked
    last = reading.records[-1]
    over = reading.over
    seconds = int(((last.time if over else now) - reading.records[0].time).total_seconds())
    return (
        (
            _("Version"),
            _("{kind} rev {revision}").format(kind=script.kind.value, revision=script.revision),
            False,
        ),
        (_("Digest"), wording.digest(script.digest)[7:16] + " …", True),
        (_("Elapsed"), clock(max(0, seconds)), True),
    )


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def initials(name: str) -> str:
    words = [each for each in name.replace("-", " ").split() if each[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()
