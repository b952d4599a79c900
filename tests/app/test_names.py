"""Names in one line: whole ones, and how many more there are."""

from pytestqt.qtbot import QtBot

from keyturn_app.qtkit.prose import Names

WHO = ("Hana Novak", "Ruth Osei", "Mara Okafor", "Jun Lindqvist")


def test_no_name_is_cut_while_one_fits(qtbot: QtBot) -> None:
    line = Names("by {people}", WHO)
    qtbot.addWidget(line)
    whole = "by Hana Novak, Ruth Osei, Mara Okafor, Jun Lindqvist"
    wide = line.sizeHint().width()
    assert line.text() == whole
    assert line.fitting(wide) == whole
    found = dict.fromkeys(line.fitting(width) for width in range(wide, 40, -1))
    fits = [each for each in found if "…" not in each]
    assert fits == [
        whole,
        "by Hana Novak, Ruth Osei, Mara Okafor and 1 other",
        "by Hana Novak, Ruth Osei and 2 others",
        "by Hana Novak and 3 others",
    ]


def test_what_stands_in_it_is_a_tooltip_away(qtbot: QtBot) -> None:
    line = Names("by {people}", WHO)
    qtbot.addWidget(line)
    line.resize(180, 20)
    line.grab()
    assert "Jun Lindqvist" in line.toolTip()
