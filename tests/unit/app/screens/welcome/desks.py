"""The first page's presenter over a scripted server, without a window."""

from dataclasses import dataclass, field
from pathlib import Path

from keyturn.client.profile import places_of
from keyturn.client.transport import Transport
from keyturn.wire.tls import Pin
from keyturn_app.live.profiles import Known, ProfileStore
from keyturn_app.screens.welcome.joining import Joiner, Reach
from keyturn_app.screens.welcome.presenter import WelcomePresenter
from keyturn_app.tasks import Door
from support.authority import Clock
from support.desks import InlineDoor, ScriptedOfficer
from unit.client.scripted_server import PIN, URL, ScriptedServer

PASSPHRASE = b"seven green bottles on a wall"


class Keyring:
    """A keyring of a test: what was put in."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[username] = password


@dataclass
class FirstPage:
    """A presenter at its first step, and what it touches."""

    directory: Path
    reach: Reach | None = None
    has_keyring: bool = True
    door: Door = field(default_factory=InlineDoor)
    officer: ScriptedOfficer = field(default_factory=ScriptedOfficer)
    server: ScriptedServer = field(default_factory=lambda: ScriptedServer(Clock()))
    keyring: Keyring = field(default_factory=Keyring)
    finished: list[Known] = field(default_factory=list)
    cancelled: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = ProfileStore(places_of(self.directory / "app", {}))
        joiner = Joiner(self.store, lambda: self.keyring, self.reach or self.scripted)
        self.presenter = WelcomePresenter(
            joiner,
            self.door,
            self.officer,
            self.server.clock,
            has_keyring=lambda: self.has_keyring,
            finished=self.finished.append,
            cancelled=lambda: self.cancelled.append(True),
        )

    def scripted(self, url: str, pin: Pin) -> Transport:
        return self.server.transport()

    def at_authority(self) -> None:
        self.presenter.set_url(URL)
        self.presenter.set_pin(PIN)
        self.presenter.next()

    def at_key(self) -> None:
        self.at_authority()
        self.presenter.compare(True)
        self.presenter.next()

    def files(self) -> list[str]:
        """Every file below the app's directory, but for an empty database."""
        root = self.directory / "app"
        if self.store.all() == ():
            self.store.close()
            self.store.path.unlink()
        return sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file())
