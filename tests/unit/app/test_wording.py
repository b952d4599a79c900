"""Values in words, and rows for elsewhere."""

import pytest

from keyturn_app import wording


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=cmd()", "\r=x", "\n=x"])
def test_a_row_for_a_spreadsheet_runs_nothing(cell: str) -> None:
    row = wording.tabbed(["n1", cell, "plain"])
    cells = row.split("\t")
    assert len(cells) == 3
    assert "\n" not in row
    assert cells[0] == "n1"
    assert cells[1][0] not in "=+-@"
