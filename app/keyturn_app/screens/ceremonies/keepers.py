"""Custodians of a sealed keyholder as lines: whose share is there, whose turn it can be. No Qt."""

from collections.abc import Mapping

from keyturn.ceremony.script import Part
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.hosts import SealedSeen
from keyturn_app.screens.ceremonies.leadlines import initials
from keyturn_app.screens.ceremonies.viewmodel import PersonRow
from keyturn_app.states import Look


def keeper_rows(
    seen: SealedSeen, names: Mapping[str, str], *, busy: str = ""
) -> tuple[PersonRow, ...]:
    """At a desk that all share. `busy`: why nobody can come to the screen now."""
    rows = [_row(seen, officer, mine, names, busy) for officer, mine in seen.keepers]
    return tuple(rows)


def _row(
    seen: SealedSeen, officer: str, mine: str, names: Mapping[str, str], busy: str
) -> PersonRow:
    name = names.get(officer, "")
    there = officer in seen.entered
    look = Look(_("Waiting"), "pending", "circle-dashed")
    if there:
        look = Look(_("Entered"), "ok", "circle-check")
    why = busy
    if not name:
        why = _("The roster that is known here does not name them.")
    shown = name or officer
    return PersonRow(
        officer=officer,
        part=Part.CUSTODIAN,
        name=shown,
        initials=initials(shown),
        parts="",
        share=_("share {which}").format(which=mine),
        look=look,
        note="",
        action="" if there else _("Share of {name}…").format(name=shown.split()[0]),
        why_not="" if there else why,
        current=False,
    )
