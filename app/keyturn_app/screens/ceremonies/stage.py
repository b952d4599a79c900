"""Where the app itself gets its hosts: through the server, and processes on this machine."""

from collections.abc import Callable
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.officerkeys.signer import Signer
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor


class NoStage:
    """A `Stage` without any host."""

    def doors(self) -> tuple[CeremonyDoor, ...]:
        return ()

    def own_signer(self) -> Signer | None:
        return None

    def why_no_host(self) -> str:
        return _("This installation has no host for ceremonies.")

    def start(
        self,
        directory: Path | None,
        *,
        rehearsal: bool,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        failed(KeyturnError(self.why_no_host()))

    def join(
        self,
        socket: Path,
        *,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        failed(KeyturnError(self.why_no_host()))

    def close(self) -> None:
        pass
