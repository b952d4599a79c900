"""Where one person's key is, while they choose it: the same wherever one signs. No Qt here."""

from dataclasses import dataclass
from pathlib import Path

from keyturn.officerkeys.location import InFile, InKeyring, KeyLocation, parse_location
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.signingview import KeyPlace, KeyView

_ASKS = {KeyPlace.FILE, KeyPlace.CARD}


@dataclass(slots=True)
class KeyChoice:
    """`own`: the key that is open in this app is theirs."""

    own: bool = False
    place: KeyPlace = KeyPlace.FILE
    text: str = ""

    def of(self, *, own: bool) -> None:
        """It is another person's turn."""
        self.own = own
        if own:
            self.place = KeyPlace.OPEN
        elif self.place is KeyPlace.OPEN:
            self.place = KeyPlace.FILE

    def put(self, place: KeyPlace) -> None:
        self.place, self.text = place, ""

    @property
    def is_own(self) -> bool:
        return self.own and self.place is KeyPlace.OPEN

    def view(self) -> KeyView:
        places = [
            (KeyPlace.FILE, _("Key file"), ""),
            (KeyPlace.KEYRING, _("Keyring of this machine"), ""),
            (KeyPlace.CARD, _("Card"), ""),
        ]
        if self.own:
            places.insert(0, (KeyPlace.OPEN, _("The key that is open in this app"), ""))
        titles = {
            KeyPlace.FILE: _("Path of the key file"),
            KeyPlace.CARD: _("Card, as MODULE:TOKEN:KEY"),
        }
        secrets = {KeyPlace.FILE: _("Passphrase of the key"), KeyPlace.CARD: _("PIN of the card")}
        place = self.place
        return KeyView(
            tuple(places), place, self.text, titles.get(place, ""), secrets.get(place, "")
        )

    def missing(self) -> str:
        """Why no key can be opened yet."""
        if self.place in _ASKS and not self.text.strip():
            return _("Say where the key is.")
        return ""

    def location(self, officer: str) -> KeyLocation:
        """Raises MalformedError."""
        text = self.text.strip()
        if self.place is KeyPlace.FILE:
            return InFile(Path(text).expanduser())
        if self.place is KeyPlace.KEYRING:
            return InKeyring(officer)
        return parse_location(text if text.startswith("card:") else f"card:{text}")
