"""Two sides of a diff that scroll together; one where nothing is replaced."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.diffpane import DiffPane, left_of, right_of
from keyturn_app.qtkit.prose import Elided
from keyturn_app.qtkit.theme import sans
from keyturn_app.qtkit.widgets import column, row
from keyturn_app.statements.difference import Pair


class DiffSides(QWidget):
    """`page` begins the names of its parts: `<page>.diff.before`, `<page>.diff.after`."""

    def __init__(self, page: str, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._titles = Elided("", "text2", sans(12)), Elided("", "text2", sans(12))
        self._left = DiffPane(name=f"{page}.diff.before", title=_("Before"), copied=copy)
        self._right = DiffPane(name=f"{page}.diff.after", title=_("After"), copied=copy)
        self._left.follow(self._right)
        self._before = QWidget()
        self._before.setLayout(column(self._titles[0], self._left, spacing=6))
        after = column(self._titles[1], self._right, spacing=6)
        inside = row(self._before, spacing=12)
        inside.addLayout(after, 1)
        inside.setStretch(0, 1)
        self.setLayout(inside)

    def show_sides(self, before: str, after: str, pairs: Sequence[Pair]) -> None:
        """Titles and lines; an empty `before` leaves the left side out."""
        self._before.setVisible(bool(before))
        shown = ((self._left, before, left_of(pairs)), (self._right, after, right_of(pairs)))
        for title, (pane, text, rows) in zip(self._titles, shown, strict=True):
            title.setText(text)
            pane.setAccessibleName(text)
            pane.show_rows(rows)
