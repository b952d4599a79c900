"""The card of newcomers' requests."""

from collections.abc import Callable

from PySide6.QtWidgets import QFrame

from keyturn_app.i18n import _
from keyturn_app.qtkit.cells import Cell, CellRow
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Banner, KeyValues, button, column, label, over, row
from keyturn_app.screens.officers.parts import SmallTable
from keyturn_app.screens.officers.requests import RequestLine, RequestsPresenter


class RequestsCard(QFrame):
    """Shows, and says what was asked for."""

    def __init__(self, presenter: RequestsPresenter, copied: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName("officers.requests")
        self._presenter = presenter
        self._text = label("", "Small", "Second", wrap=True, name="officers.requests.text")
        self._table = SmallTable(
            [_("Name"), _("Id"), _("Roles"), _("Made"), _("State")],
            [130, 90, 160, 90, 130],
            name="officers.requests.table",
            title=_("Requests to become an officer"),
            stretch=2,
            leaves=(1, 3),
            copied=copied,
            chosen=presenter.choose,
            looks=4,
        )
        self._warning = Banner(name="officers.requests.warning")
        self._details = KeyValues(width=112, name="officers.requests.details")
        self._told = label(
            _("Have its maker read the digest or the words aloud before you propose."),
            "Small",
            "Second",
            wrap=True,
        )
        self._propose = button(
            _("Propose…"),
            name="officers.requests.propose",
            icon_name="user-plus",
            clicked=presenter.propose,
        )
        self._dismiss = button(
            _("Dismiss…"),
            name="officers.requests.dismiss",
            kind="ghost",
            icon_name="trash-2",
            clicked=presenter.dismiss,
        )
        again = button(
            _("Ask again"),
            name="officers.requests.again",
            kind="ghost",
            icon_name="refresh-cw",
            clicked=presenter.load,
        )
        self.setLayout(
            column(
                row(over(_("Requests to become an officer")), None, again),
                self._text,
                self._table,
                self._warning,
                self._details,
                self._told,
                row(None, self._dismiss, self._propose),
                margins=(16, 16, 16, 16),
            )
        )
        presenter.listeners.add(self.show_view)
        self.show_view()

    def show_view(self) -> None:
        view = self._presenter.view()
        self._text.setText(view.text)
        self._table.show_rows([_cells(each) for each in view.lines], view.chosen or "")
        self._warning.say(view.warning)
        self._details.show_rows(view.details)
        for which, why in (
            (self._propose, view.why_not_propose),
            (self._dismiss, view.why_not_dismiss),
        ):
            which.setEnabled(not why)
            which.setToolTip(plain(why))
        for each in (self._table, self._details, self._told, self._propose, self._dismiss):
            each.setVisible(bool(view.lines))


def _cells(each: RequestLine) -> CellRow:
    return CellRow(
        each.digest,
        (
            Cell(each.name),
            Cell(each.id, tint="text2"),
            Cell(each.roles, tint="text2"),
            Cell(each.age, tint="text2", full=each.moment),
            Cell(each.look.word, each.look),
        ),
    )
