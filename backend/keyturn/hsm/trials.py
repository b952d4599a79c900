"""What the trials of a pre-flight share: where they are tried, what they answer, how they refuse.

A trial returns an outcome, or raises KeyturnError, which is red. Whatever it makes is a
throw-away key or object, and gone at its end.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.tokenreport import Check, Level
from keyturn.hsm.ckstructs import Template
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.hardening import Hardened
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import Label, PairProfile, for_a_session, named
from keyturn.hsm.tokeninfo import ModuleInfo, TokenInfo
from keyturn.hsm.vendors import VendorProfile

Outcome = tuple[Level, str]


@dataclass(frozen=True, slots=True)
class Place:
    """A session on the token, logged in as user, and what is known around it."""

    session: Session
    token: TokenInfo
    module: ModuleInfo
    vendor: VendorProfile
    hardened: Hardened
    now: datetime
    pin: bytearray
    """The user PIN, of the caller, who wipes it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One line of the report before it is tried."""

    name: str
    expected: str
    hint: str
    """What to do when it is not green."""
    run: Callable[[Place], Outcome]

    def tried(self, place: Place) -> Check:
        try:
            level, found = self.run(place)
        except KeyturnError as error:
            level, found = Level.RED, str(error)
        hint = "" if level is Level.GREEN else self.hint
        return Check(self.name, level, found, self.expected, hint)


def refused(what: str, attempt: Callable[[], object]) -> None:
    """Raises TokenError when the token lets it happen."""
    try:
        attempt()
    except HsmError:
        return
    raise TokenError(f"the token allows what it must refuse: {what}")


@contextmanager
def destroyed_after(session: Session, *handles: Handle) -> Iterator[None]:
    try:
        yield
    finally:
        for handle in handles:
            session.destroy(handle)


def trial_pair(session: Session, profile: PairProfile) -> tuple[Handle, Handle]:
    """(public, private) of a profile, as session objects."""
    public = Template(profile.public.items + profile.parameters.items)
    return session.generate_pair(
        profile.generator,
        for_a_session(named(public, Label.TRIAL)),
        for_a_session(named(profile.private, Label.TRIAL)),
    )
