"""Which token a pre-flight report is about, and whether that is one like the open one. No Qt.

Initialising a token may give it another serial number, and a report is made before: another
serial alone says little. Another module, maker, model or firmware says that what was tried is
not what runs.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.ceremony.tokeninventory import TokenInventory
from keyturn.ceremony.tokenreport import Level, PreflightReport, TokenAssurance
from keyturn_app import wording
from keyturn_app.i18n import _

OLD_REPORT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Notice:
    """`tone`: info, warn or danger. No text: nothing is to be said."""

    text: str = ""
    tone: str = "info"


NOTHING_TO_SAY = Notice()


def notice_of(report: PreflightReport, here: TokenInventory | None, now: datetime) -> Notice:
    """`here`: the token that is open; None where nobody knows it."""
    said: list[Notice] = []
    if here is not None:
        said.append(_about(report, here))
    if report.level is Level.RED:
        said.append(Notice(_("Red: Keyturn must not run on this token."), "danger"))
    if now - report.time > OLD_REPORT:
        said.append(Notice(_("This report is old: run keyturn hsm preflight again."), "warn"))
    said = [each for each in said if each.text]
    tones = {each.tone for each in said}
    tone = next((each for each in ("danger", "warn") if each in tones), "info")
    return Notice(" ".join(each.text for each in said), tone)


def _about(report: PreflightReport, here: TokenInventory) -> Notice:
    unlike = _unlike(report, here)
    if unlike:
        text = _("This report is of another kind of token: {differences}. Run it again here.")
        return Notice(text.format(differences="; ".join(unlike)), "danger")
    if report.token.serial == here.token.serial and report.assurance is here.assurance:
        return NOTHING_TO_SAY
    about = _("This report is of the token {label}, serial {serial}, tried {time}.").format(
        label=report.token.label, serial=report.token.serial, time=wording.moment(report.time)
    )
    if report.token.serial != here.token.serial:
        about += " " + _(
            "The open token has serial {serial}, and the same module, maker, model and firmware."
        ).format(serial=here.token.serial)
    if report.assurance is here.assurance:
        both = {
            TokenAssurance.SOFTWARE: _("Both are software."),
            TokenAssurance.HARDWARE: _("Both call themselves hardware."),
        }
        return Notice(f"{about} {both[here.assurance]}", "info")
    one = {
        TokenAssurance.SOFTWARE: _("The report calls its token software, this one is not."),
        TokenAssurance.HARDWARE: _("The report calls its token hardware, this one is software."),
    }
    return Notice(f"{about} {one[report.assurance]}", "warn")


def _unlike(report: PreflightReport, here: TokenInventory) -> list[str]:
    """What was tried and what is open differ in, found and expected."""
    rows = (
        (_("module"), report.module, here.module),
        (_("maker"), report.token.manufacturer, here.token.manufacturer),
        (_("model"), report.token.model, here.token.model),
        (_("firmware"), report.token.firmware, here.token.firmware),
    )
    text = _("{what} {found}, here {expected}")
    return [
        text.format(what=what, found=found or "–", expected=expected or "–")
        for what, found, expected in rows
        if found != expected
    ]
