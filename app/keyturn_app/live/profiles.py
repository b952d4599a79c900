"""Officers at servers, as this machine knows them, and what they prefer: one small database.

It says where keys lie and what is pinned; no key, passphrase or session is ever in it. Profiles
of `keyturn connect` are used where they lie.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from keyturn.base.encoding import parse_digest, sha256
from keyturn.base.errors import MalformedError
from keyturn.base.times import format_time, parse_time
from keyturn.client.profile import Places, Profile, read_profile
from keyturn.officerkeys.location import parse_location
from keyturn.wire.tls import Pin, parse_pin
from keyturn_app.i18n import _
from keyturn_app.live.errors import ProfilesTooNew, ProfilesUnusable, UnknownSeat

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, RowMapping

T = TypeVar("T")
FILE = "app.sqlite"


class Environment(Enum):
    """What the officer says that the server is for; it colours the header."""

    PROD = "prod"
    STAGING = "staging"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Known:
    """One officer at one server. `places`: the memory of what was seen there lies in it."""

    id: str
    label: str
    environment: Environment
    profile: Profile
    name: str  # the officer's, as the roster had it; empty before it was seen
    places: Places
    last_used: datetime | None = None


def seat_id(profile: Profile) -> str:
    """The same for the same officer, server and authority, wherever it came from."""
    text = f"{profile.server}\n{profile.fingerprint}\n{profile.officer}"
    return sha256(text.encode()).hex()[:16]


def imported(places: Places, label: str, environment: Environment) -> Known:
    """A profile of `keyturn connect`, with its own memory. Raises NoProfile, MalformedProfile."""
    profile = read_profile(places)
    return Known(seat_id(profile), label, environment, profile, "", places)


class ProfileStore:
    """Opened when first needed. Raises ProfilesUnusable, ProfilesTooNew. One thread at a time."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._engine: Engine | None = None

    @property
    def path(self) -> Path:
        return self._places.config / FILE

    # ---- officers at servers ----

    def places_for(self, seat: str) -> Places:
        """Where a seat of the app's own keeps its memory."""
        directory = self._places.config / "seats" / seat
        return Places(directory, self._places.state / "seats" / seat)

    def all(self) -> tuple[Known, ...]:
        """The last used first."""

        def work(connection: "Connection") -> list["RowMapping"]:
            from keyturn_app.live.profiletables import seats

            order = (seats.c.last_used.desc().nulls_last(), seats.c.label, seats.c.officer)
            return list(connection.execute(seats.select().order_by(*order)).mappings())

        return tuple(self._known(row) for row in self._in_transaction(work))

    def keep(self, known: Known) -> None:
        """Add it, or change what is kept of it."""
        profile, own = known.profile, self.places_for(known.id)
        values = {
            "label": known.label,
            "environment": known.environment.value,
            "url": profile.server,
            "pin": profile.pin,
            "fingerprint": profile.fingerprint,
            "officer": profile.officer,
            "name": known.name,
            "key": str(profile.key),
            "directory": None if known.places == own else str(known.places.config),
            "last_used": None if known.last_used is None else format_time(known.last_used),
        }

        def work(connection: "Connection") -> None:
            from keyturn_app.live.profiletables import seats

            found = connection.execute(seats.update().where(seats.c.id == known.id).values(values))
            if found.rowcount == 0:
                connection.execute(seats.insert().values(id=known.id, **values))

        self._in_transaction(work)

    def used(self, seat: str, at: datetime, name: str = "") -> None:
        """It was opened; `name` is the officer's, when the roster told it."""
        known = self.find(seat)
        self.keep(replace(known, last_used=at, name=name or known.name))

    def find(self, seat: str) -> Known:
        """Raises UnknownSeat."""
        for each in self.all():
            if each.id == seat:
                return each
        raise UnknownSeat(_("this machine knows no such officer and server"), found=seat)

    def forget(self, seat: str) -> None:
        """Its settings too. Keys, and the memory of what was seen, stay where they are."""

        def work(connection: "Connection") -> None:
            from keyturn_app.live.profiletables import seats, settings

            connection.execute(seats.delete().where(seats.c.id == seat))
            connection.execute(settings.delete().where(settings.c.scope == seat))

        self._in_transaction(work)

    # ---- settings: texts by key, saved views and the window's state among them ----

    def get(self, key: str) -> str | None:
        return self._get("", key)

    def set(self, key: str, text: str) -> None:
        self._set("", key, text)

    def of_seat(self, seat: str) -> "SeatPreferences":
        """Texts that hold for one officer at one server only."""
        return SeatPreferences(self, seat)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    # ---- inside ----

    def _get(self, scope: str, key: str) -> str | None:
        def work(connection: "Connection") -> str | None:
            from keyturn_app.live.profiletables import settings

            where = (settings.c.scope == scope) & (settings.c.key == key)
            found: str | None = connection.execute(
                settings.select().with_only_columns(settings.c.value).where(where)
            ).scalar_one_or_none()
            return found

        return self._in_transaction(work)

    def _set(self, scope: str, key: str, text: str) -> None:
        def work(connection: "Connection") -> None:
            from keyturn_app.live.profiletables import settings

            where = (settings.c.scope == scope) & (settings.c.key == key)
            found = connection.execute(settings.update().where(where).values(value=text))
            if found.rowcount == 0:
                connection.execute(settings.insert().values(scope=scope, key=key, value=text))

        self._in_transaction(work)

    def _known(self, row: "RowMapping") -> Known:
        try:
            return self._read(row)
        except (MalformedError, ValueError) as error:
            raise ProfilesUnusable(
                _("a row of {path} is not what was written").format(path=self.path),
                found=ascii(row["id"])[:80],
                hint=_("Restore the file from a copy, or remove it and connect again."),
            ) from error

    def _read(self, row: "RowMapping") -> Known:
        """Raises MalformedError, ValueError. The id is of what else stands there, and a name in a
        path: one that does not fit was not written by us."""
        directory = row["directory"]
        if not all(isinstance(each, str | None) for each in row.values()):
            raise ValueError("not texts")
        profile = Profile(
            row["url"],
            parse_pin(row["pin"]) if row["url"] else Pin(""),
            parse_digest(row["fingerprint"], what="fingerprint"),
            row["officer"],
            parse_location(row["key"]),
        )
        if row["id"] != seat_id(profile):
            raise ValueError("another officer, server or authority")
        own = self.places_for(row["id"])
        return Known(
            row["id"],
            row["label"],
            Environment(row["environment"]),
            profile,
            row["name"],
            own if directory is None else Places(Path(directory), Path(directory) / "state"),
            row["last_used"] and parse_time(row["last_used"], what="last used"),
        )

    def _in_transaction(self, work: "Callable[[Connection], T]") -> T:
        with self._failures_named(), self._opened().begin() as connection:
            return work(connection)

    def _opened(self) -> "Engine":
        if self._engine is not None:
            return self._engine
        from sqlalchemy import NullPool, create_engine

        from keyturn_app.live.profiletables import FORMAT, bring_up_to_date

        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
        engine = create_engine(f"sqlite:///{self.path}", poolclass=NullPool)
        with engine.begin() as connection:
            newer = bring_up_to_date(connection)
        if newer is not None:
            raise ProfilesTooNew(
                _("{path} was written by a newer version of this app").format(path=self.path),
                found=f"format {newer}",
                expected=f"format {FORMAT} or older",
                hint=_("Update the app, or start it with another --profile-dir."),
            )
        self._engine = engine
        return engine

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        from sqlalchemy.exc import SQLAlchemyError

        from keyturn_app.live.profiletables import UnknownFormat

        try:
            yield
        except (SQLAlchemyError, OSError, UnknownFormat) as error:
            raise ProfilesUnusable(
                _("cannot use {path}: {why}").format(path=self.path, why=_why(error)),
                hint=_("Check that the directory can be written and the file is a database."),
            ) from error


def _why(error: Exception) -> str:
    """What the database or the disk says: that it is locked, full, no database; no statement."""
    import sqlite3

    cause = getattr(error, "orig", None) or error
    said = cause.strerror if isinstance(cause, OSError) else str(cause)
    told = isinstance(cause, OSError | sqlite3.Error)
    return said if told and said else type(error).__name__


@dataclass(frozen=True, slots=True)
class SeatPreferences:
    """`settings.Preferences` of one seat."""

    store: ProfileStore
    seat: str

    def get(self, key: str) -> str | None:
        return self.store._get(self.seat, key)

    def set(self, key: str, text: str) -> None:
        self.store._set(self.seat, key, text)
