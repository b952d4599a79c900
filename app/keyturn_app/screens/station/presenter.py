"""The authority at an officer station, and taking in a newer bundle. No Qt in here."""

from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.offline import read_file
from keyturn.client.qrpictures import read_with_others
from keyturn.client.station import StationClient
from keyturn.quorum.bundle import Authority
from keyturn_app.actions import Action
from keyturn_app.desk import Topic
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import OpenFile, failure
from keyturn_app.screens.station.viewmodel import StationView, view_of
from keyturn_app.surroundings import Surroundings

_TOPICS = (Topic.CONNECTION, Topic.SEEN, Topic.IDENTITY)


class StationPresenter(Presenter[StationView]):
    """Nothing here changes the authority: a bundle is taken in, or refused with its reason."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__()
        self._desk, self._asker = around.desk, around.asker
        self._copy = around.copy
        self._busy = ""
        self.keep(self._desk.subscribe(lambda _: self.changed(), *_TOPICS))
        self.keep(
            around.actions.add(
                Action(
                    "station.import",
                    _("Import a newer authority bundle"),
                    self.import_bundle,
                    icon="folder-open",
                    page="officers",
                    why_not=self._why_not,
                )
            )
        )

    def view(self) -> StationView:
        desk, facts = self._desk, self._desk.facts
        return view_of(
            desk.identity.profile.fingerprint,
            facts.bundle,
            facts.connection.error,
            desk.identity.officer,
            desk.now(),
            busy=self._why_not(),
        )

    def tick(self) -> None:
        """Time went by: what is left until something expires is told anew."""
        self.changed()

    def copy_fingerprint(self) -> None:
        self._copy(self._desk.identity.profile.fingerprint)

    def import_bundle(self) -> None:
        """From a bundle's file, a proposal's file, or pictures of either."""
        kinds = (_("Bundles, proposals and pictures (*.json *.png)"), _("All files (*)"))
        self._asker.path(OpenFile(_("A newer authority bundle"), kinds), self._read)

    # ---- inside ----

    def _read(self, path: Path | None) -> None:
        if path is None or self._why_not():
            return

        def work(client: KeyturnClient) -> Authority:
            assert isinstance(client, StationClient)  # this page is a station's
            picture = path.suffix.lower() == ".png"
            return client.adopt(read_with_others(path) if picture else read_file(path))

        self._busy = _("The bundle is being verified.")
        self.changed()
        self.keep(self._desk.ask(work, done=self._taken, failed=self._refused))

    def _taken(self, _authority: Authority) -> None:
        self._busy = ""
        bundle = self._desk.facts.bundle
        version = "" if bundle is None else bundle.version
        self._asker.toast(_("Verified. Roster version {version}.").format(version=version))
        self.changed()

    def _refused(self, error: KeyturnError) -> None:
        self._busy = ""
        self._asker.tell(failure(_("This bundle is not taken in"), error))
        self.changed()

    def _why_not(self) -> str:
        if self._desk.identity.locked:
            return _("Locked: unlock your key first.")
        return self._busy
