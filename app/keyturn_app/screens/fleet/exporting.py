"""The table as a file or for the clipboard: CSV, JSON or tabs, with a header that says of what."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.times import format_time
from keyturn.client.inventory import NodeState
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.fleet.columns import COLUMNS, Column, cell, title
from keyturn_app.screens.fleet.store import STATES, FleetStore

_FORMULA_INSIDE = re.compile(r"([,;]\s*)(?=[=+@-])")
"""Where a spreadsheet would begin a cell with one in a line that is a comment to others."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a table was made of."""

    filter: str
    time: datetime
    checkpoint: SignedCheckpoint | None
    simulated: bool

    def lines(self) -> tuple[str, ...]:
        found = (
            _("Keyturn fleet, {time}").format(time=format_time(self.time)),
            _("filter: {filter}").format(filter=self.filter or _("none")),
            *((_("log: {size} entries, root {root}").format(**self.log()),) if self.log() else ()),
        )
        return (*(("SIMULATED",) if self.simulated else ()), *found)

    def log(self) -> dict[str, object]:
        if self.checkpoint is None:
            return {}
        known = self.checkpoint.checkpoint
        return {"origin": known.origin, "size": known.size, "root": f"sha256:{known.root.hex()}"}


def csv_bytes(heading: Heading, rows: Iterable[Sequence[str]]) -> bytes:
    """Comment lines, then a row of titles, then `rows` with a cell for each column."""
    out = io.StringIO()
    for each in heading.lines():
        out.write(f"# {_FORMULA_INSIDE.sub(_quoted, ' '.join(each.split()))}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([title(column) for column in COLUMNS])
    writer.writerows([[wording.harmless(each) for each in row] for row in rows])
    return out.getvalue().encode()


def json_bytes(heading: Heading, nodes: Sequence[dict[str, object]]) -> bytes:
    document = {
        "simulated": heading.simulated,
        "time": format_time(heading.time),
        "filter": heading.filter,
        "log": heading.log() or None,
        "nodes": nodes,
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def tabbed(store: FleetStore, places: Iterable[int], shown: Sequence[Column]) -> str:
    """Rows for the clipboard, with their titles."""
    lines = ["\t".join(title(column) for column in shown)]
    for place in places:
        lines.append(wording.tabbed(cell(store, place, column) for column in shown))
    return "\n".join(lines)


def all_cells(store: FleetStore, place: int) -> tuple[str, ...]:
    return tuple(cell(store, place, column) for column in COLUMNS)


def document(store: FleetStore, place: int) -> dict[str, object]:
    """One node as JSON: seconds as numbers, null where nothing is known."""
    state: NodeState = STATES[store.state[place]]
    return {
        "name": store.names[place],
        "state": state.value,
        "heard_seconds_ago": _number(store.age[place]),
        "site": store.site[place],
        "rack": store.rack[place],
        "model": store.model[place],
        "policy": store.policy[place],
        "platform": store.platform[place],
        "evidence_age_seconds": _number(store.now - store.attested[place]),
        "lease_seconds_left": _number(store.lease_of(place)),
        "caveats": [each for each in store.caveats[place].split(", ") if each],
        "simulated": bool(store.simulated[place]),
    }


def _number(value: float) -> int | None:
    return None if value != value else int(value)


def _quoted(found: re.Match[str]) -> str:
    return f"{found[1]}'"
