"""The planning form as it is shown: frozen values. No Qt in here."""

from dataclasses import dataclass

from keyturn.ceremony.plan import KekProfile
from keyturn_app.screens.ceremonies.planlines import PersonLine, ProfileLine, ShareLine
from keyturn_app.screens.ceremonies.planning import Seat
from keyturn_app.screens.ceremonies.signingview import KeyView


@dataclass(frozen=True, slots=True)
class PlanView:
    """`seats`: the columns of the table of people, with their titles."""

    title: str
    does: str
    rehearsal: bool
    founds: bool
    ceremony: str
    token: str
    origin: str
    directory: str
    asks_directory: bool
    life_days: int
    roster_threshold: int
    seats: tuple[tuple[Seat, str, str], ...]
    people: tuple[PersonLine, ...]
    grouped: bool
    shares: tuple[ShareLine, ...]
    profiles: tuple[ProfileLine, ...]
    profile: KekProfile | None
    statements: tuple[tuple[str, str], ...]
    statement: str
    asks_statement: bool
    why_no_file: str
    brought: str
    concerns: str
    asks_concerns: bool
    host: str
    key: KeyView | None
    signer: str
    do: str
    why_not: str
    busy: str
    error: str
