"""What leaves the app says of which log, filter and time it is; no cell is a formula."""

import csv
import json
import re

import pytest

from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn_app.screens.fleet.columns import COLUMNS, Column
from keyturn_app.screens.fleet.exporting import (
    Heading,
    all_cells,
    csv_bytes,
    document,
    json_bytes,
    tabbed,
)
from support import fleets
from unit.app.screens.fleet.fleetrows import row, store_of

STORE = store_of(row("=cmd|x", caveats=("simulated",), simulated=True), row("b", until=None))


def heading(checkpoint: SignedCheckpoint | None = None) -> Heading:
    return Heading("state:stale", fleets.NOW, checkpoint, simulated=True)


def test_a_csv_file_says_what_it_is_of() -> None:
    checkpoint = fleets.a_server().checkpoint()
    text = csv_bytes(heading(checkpoint), [all_cells(STORE, 0)]).decode()
    lines = text.splitlines()
    known = checkpoint.checkpoint
    assert lines[:4] == [
        "# SIMULATED",
        "# Keyturn fleet, 2026-11-29T10:00:00Z",
        "# filter: state:stale",
        f"# log: {known.size} entries, root sha256:{known.root.hex()}",
    ]
    titles, cells = csv.reader(lines[4:])
    assert len(titles) == len(cells) == len(COLUMNS)
    assert cells[0] == "'=cmd|x"


def test_a_json_file_has_numbers_and_null() -> None:
    nodes = [document(STORE, place) for place in (0, 1)]
    found = json.loads(json_bytes(heading(), nodes))
    assert (found["simulated"], found["filter"], found["log"]) == (True, "state:stale", None)
    first, second = found["nodes"]
    assert first["heard_seconds_ago"] == 2
    assert first["caveats"] == ["simulated"]
    assert second["lease_seconds_left"] is None
    assert second["state"] == "unknown"


def test_rows_for_the_clipboard_are_tabs() -> None:
    text = tabbed(STORE, [1], (Column.NAME, Column.SITE))
    assert text == "Node\tSite\nb\tfra-1"


def test_a_filter_cannot_break_out_of_its_comment() -> None:
    evil = Heading("x\n=cmd", fleets.NOW, None, simulated=False)
    lines = csv_bytes(evil, []).decode().splitlines()
    assert all(each.startswith("#") for each in lines[:-1])
    assert lines[-1].startswith("Node,")


@pytest.mark.parametrize("between", [",", ", ", ";", "; "])
def test_a_filter_is_no_formula_in_a_cell_of_its_own(between: str) -> None:
    evil = Heading(f"x{between}=cmd|' /C calc'!A0", fleets.NOW, None, simulated=False)
    lines = csv_bytes(evil, []).decode().splitlines()
    for line in lines:
        for cell in re.split("[,;]", line):
            assert not cell.strip().startswith("="), line


def test_a_row_for_the_clipboard_is_one_row() -> None:
    store = store_of(row("n", site="fra\n=cmd", rack="r\r\n-1"))
    lines = tabbed(store, [0], (Column.NAME, Column.SITE, Column.RACK)).splitlines()
    assert len(lines) == 2
    assert not any(each.startswith("=") for line in lines for each in line.split("\t"))
