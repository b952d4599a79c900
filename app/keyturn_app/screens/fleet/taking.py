"""Rows on their way out of the app: to the clipboard, or into a file that is not there yet."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.offline import write_new_file
from keyturn_app.i18n import _, n_
from keyturn_app.questions import Asker, Notice, SaveFile
from keyturn_app.screens.fleet import exporting
from keyturn_app.screens.fleet.columns import Column
from keyturn_app.screens.fleet.exporting import Heading
from keyturn_app.screens.fleet.store import FleetStore
from keyturn_app.tasks import Door, Job, Progress


class Taking:
    def __init__(
        self, store: FleetStore, door: Door, asker: Asker, copy: Callable[[str], None]
    ) -> None:
        self._store, self._door, self._asker, self._copy = store, door, asker, copy

    def copy_rows(
        self, heading: Heading, names: Iterable[str], *, as_json: bool, shown: Sequence[Column]
    ) -> None:
        """`shown`: the columns for tab-separated text; JSON has all of them."""
        places = [self._store.place[name] for name in names if name in self._store.place]
        if not places:
            return
        if as_json:
            nodes = [exporting.document(self._store, place) for place in places]
            self._copy(exporting.json_bytes(heading, nodes).decode())
        else:
            self._copy(exporting.tabbed(self._store, places, shown))
        self._asker.toast(n_("{count} row copied", "{count} rows copied", len(places)))

    def export(self, heading: Heading, *, as_json: bool) -> None:
        """What the table shows when it is asked for, whatever happens until a file is named."""
        suffix = "json" if as_json else "csv"
        pattern = _("JSON files (*.json)") if as_json else _("CSV files (*.csv)")
        data, count = self._exported(heading, as_json), len(self._store.order)
        suggested = f"fleet-{heading.time:%Y%m%d-%H%M%S}.{suffix}"

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._write(path, data, count)

        self._asker.path(SaveFile(_("Export the fleet"), suggested, (pattern,)), chosen)

    def _exported(self, heading: Heading, as_json: bool) -> bytes:
        places = self._store.order.tolist()
        if as_json:
            nodes = [exporting.document(self._store, place) for place in places]
            return exporting.json_bytes(heading, nodes)
        rows = (exporting.all_cells(self._store, place) for place in places)
        return exporting.csv_bytes(heading, rows)

    def _write(self, path: Path, data: bytes, count: int) -> None:
        def work(_job: Job, _progress: Callable[[Progress], None]) -> None:
            write_new_file(path, data)

        def done(_nothing: None) -> None:
            text = n_("{count} node exported to", "{count} nodes exported to", count)
            self._asker.toast(f"{text} {path.name}")

        def failed(error: KeyturnError) -> None:
            hint = error.hint or _("Choose a file that is not there yet.")
            self._asker.tell(Notice(_("Nothing was exported"), str(error), hint=hint))

        self._door.run(_("Export the fleet"), work, done=done, failed=failed)
