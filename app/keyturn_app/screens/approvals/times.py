"""Moments written short where many stand in a column; the full form is `wording.moment`."""

from datetime import UTC, datetime

from keyturn_app.i18n import _


def short_moment(value: datetime, now: datetime) -> str:
    """`10:02 UTC` today, `2 Oct 10:02 UTC` this year, else with the year."""
    there, here = value.astimezone(UTC), now.astimezone(UTC)
    clock = there.strftime("%H:%M UTC")
    if there.date() == here.date():
        return clock
    month = (
        _("Jan"),
        _("Feb"),
        _("Mar"),
        _("Apr"),
        _("May"),
        _("Jun"),
        _("Jul"),
        _("Aug"),
        _("Sep"),
        _("Oct"),
        _("Nov"),
        _("Dec"),
    )[there.month - 1]
    if there.year == here.year:
        return f"{there.day} {month} {clock}"
    return f"{there.day} {month} {there.year} {clock}"
