"""Unlocking the seat's key: what the page shows and does. No Qt in here."""

from dataclasses import dataclass

from keyturn.base.errors import KeyturnError
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.shell.session import Seat, Session


@dataclass(frozen=True, slots=True)
class UnlockView:
    """`error` says what was wrong the last time; `seats` are the others one could be."""

    name: str
    server: str
    passphrase: bool
    card: bool  # what is asked for is its PIN
    busy: bool
    error: str
    seats: tuple[Seat, ...]
    seat: str


class UnlockPresenter(Presenter[UnlockView]):
    """One at a time: while a passphrase is tried, another one is not taken."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._busy = False
        self._error = ""
        self.keep(session.listeners.add(self._other_seat))

    def view(self) -> UnlockView:
        seat = self._session.seat
        return UnlockView(
            seat.name,
            seat.server,
            seat.passphrase,
            seat.card,
            self._busy,
            self._error,
            self._session.seats,
            seat.id,
        )

    def unlock(self, passphrase: bytearray) -> None:
        if self._busy:
            passphrase[:] = bytes(len(passphrase))
            return
        self._busy, self._error = True, ""
        self.changed()
        self._session.unlock(passphrase, done=self._done, failed=self._failed)

    def sit(self, seat_id: str) -> None:
        if not self._busy and seat_id != self._session.seat.id:
            self._session.sit(seat_id)

    def _done(self) -> None:
        self._busy = False
        self.changed()

    def _failed(self, error: KeyturnError) -> None:
        self._busy, self._error = False, wording.error_text(error)
        self.changed()

    def _other_seat(self) -> None:
        self._error = ""
        self.changed()


def needs(view: UnlockView, typed: str) -> str:
    """Why the button cannot be pressed yet; empty when it can."""
    if view.busy:
        return _("The key is being opened…")
    if view.passphrase and not typed:
        return _("Enter your card's PIN.") if view.card else _("Enter the passphrase of your key.")
    return ""
