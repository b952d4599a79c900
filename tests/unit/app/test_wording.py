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


def test_a_session_of_the_keyholder_is_named_by_few_digits() -> None:
    session = "unseal-" + "0123456789abcdef" * 2
    assert wording.ceremony_id(session) == wording.digest("0123456789abcdef" * 2)
    assert len(wording.ceremony_id(session)) < len(session)
    assert wording.ceremony_id("backup-2026") == "backup-2026"
