"""The shortcut sheet is what is registered."""

from keyturn_app.actions import Action
from keyturn_app.shell.sheet_of_shortcuts import groups

ACTIONS = [
    Action("a", "Lock", lambda: None, "Ctrl+L"),
    Action("b", "No key", lambda: None),
    Action("c", "Mark", lambda: None, "Ctrl+M", page="fleet"),
    Action("d", "Other", lambda: None, "Ctrl+O", page="log"),
]


def test_everywhere_first_then_the_page_in_front() -> None:
    found = [(each.title, each.rows) for each in groups(ACTIONS, "fleet", "Fleet")]
    assert found == [("Everywhere", (("Ctrl+L", "Lock"),)), ("Fleet", (("Ctrl+M", "Mark"),))]


def test_without_a_page_there_is_no_group_of_it() -> None:
    assert [each.title for each in groups(ACTIONS, "", "")] == ["Everywhere"]
