"""The left column: the roster, its officers, what expires, and the rosters before."""

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QFrame, QWidget

from keyturn.quorum.roster import OfficerId
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.qtkit.cells import Cell, CellRow
from keyturn_app.qtkit.widgets import KeyValues, Pill, button, card, column, label, over, row
from keyturn_app.screens.officers.parts import SmallTable, show_action
from keyturn_app.screens.officers.presenter import OfficersPresenter
from keyturn_app.screens.officers.requestsview import RequestsCard
from keyturn_app.screens.officers.viewmodel import (
    ExpiryLine,
    OfficerLine,
    OfficersView,
    RosterLine,
)


class RosterView(QWidget):
    """Shows, and says what was asked for."""

    def __init__(self, presenter: OfficersPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self.setLayout(
            column(
                self._officers_card(),
                RequestsCard(presenter.requests, presenter.copy),
                self._expiry_card(),
                self._roster_card(),
                self._history_card(),
                None,
                spacing=12,
            )
        )

    def show_view(self, view: OfficersView) -> None:
        chosen = view.selected
        self._officers.show_rows(
            [_officer_cells(each) for each in view.officers], chosen.id if chosen else ""
        )
        self._details.setVisible(chosen is not None)
        self._details.show_rows(chosen.details if chosen else ())
        self._expiries.show_rows(
            [_expiry_cells(each) for each in view.expiries], view.expiry.key if view.expiry else ""
        )
        self._expiries.setVisible(bool(view.expiries))
        self._expiry_text.setText(view.expiry_text)
        self._roster.show_rows(view.roster)
        if view.look is not None:
            self._pill.show_state(view.look.word, view.look.token, view.look.icon)
        self._history.show_rows([_history_cells(each) for each in view.history], "")
        self._show_actions(view)

    def focus_first(self) -> None:
        self._officers.setFocus()

    # ---- inside ----

    def _officers_card(self) -> QFrame:
        presenter = self._presenter
        self._enrol = button(
            _("Open enrolment request…"),
            name="officers.enrol",
            kind="primary",
            icon_name="user-plus",
            clicked=presenter.enrol,
        )
        self._compose = button(
            _("Roles and rules…"),
            name="officers.compose",
            icon_name="users",
            clicked=presenter.compose,
        )
        self._officers = SmallTable(
            [_("Name"), _("Id"), _("Roles"), _("Keys")],
            [116, 72, 200, 136],
            name="officers.table",
            title=_("Officers"),
            stretch=2,
            leaves=(1, 3),
            most=10,
            copied=presenter.copy,
            chosen=lambda key: presenter.select(OfficerId(key)),
        )
        self._details = KeyValues(width=112, name="officers.details")
        self._remove = button(
            _("Propose removal…"),
            name="officers.remove",
            icon_name="circle-minus",
            clicked=presenter.remove,
        )
        self._compromised = button(
            _("Remove as compromised…"),
            name="officers.compromised",
            kind="danger",
            icon_name="shield-alert",
            clicked=presenter.remove_compromised,
        )
        self._why_not = label("", "Small", "Second", wrap=True, name="officers.why-not")
        return card(
            row(over(_("Officers")), None, self._compose, self._enrol),
            self._officers,
            self._details,
            self._why_not,
            row(None, self._remove, self._compromised),
            name="officers.roster",
        )

    def _expiry_card(self) -> QFrame:
        presenter = self._presenter
        self._renew = button(
            _("Renew…"), name="officers.renew", icon_name="refresh-cw", clicked=presenter.renew
        )
        self._calendar = button(
            _("Save calendar…"),
            name="officers.calendar",
            icon_name="calendar",
            clicked=presenter.calendar,
        )
        self._expiries = SmallTable(
            [_("Kind"), _("Subject"), _("Version"), _("Expires"), _("Left"), _("State")],
            [132, 124, 64, 100, 92, 108],
            name="officers.expiries",
            title=_("What expires"),
            stretch=1,
            leaves=(2, 4),
            copied=presenter.copy,
            chosen=presenter.select_expiry,
            looks=5,
        )
        self._expiries.activated.connect(lambda _index: presenter.renew())
        self._expiry_text = label("", "Small", "Second", wrap=True, name="officers.expiry-text")
        return card(
            row(over(_("What expires")), None, self._calendar, self._renew),
            self._expiry_text,
            self._expiries,
            name="officers.expiring",
        )

    def _roster_card(self) -> QFrame:
        self._pill = Pill("", "unknown", "circle-slash", name="officers.state")
        self._entry = button(
            _("Show in the log"),
            name="officers.entry",
            kind="link",
            clicked=self._presenter.open_roster_entry,
        )
        self._roster = KeyValues(width=112, name="officers.in-force")
        return card(
            row(over(_("Roster")), self._pill, None, self._entry),
            self._roster,
            name="officers.newest",
        )

    def _history_card(self) -> QFrame:
        self._history = SmallTable(
            [_("Version"), _("Log index"), _("Since"), _("Approved by"), _("Changed")],
            [64, 76, 184, 130, 150],
            name="officers.history",
            title=_("Rosters so far"),
            stretch=4,
            leaves=(2, 3),
            copied=self._presenter.copy,
            chosen=lambda _key: None,
        )
        self._history.activated.connect(self._open_entry)
        self._history.doubleClicked.connect(self._open_entry)
        return card(over(_("Rosters so far")), self._history, name="officers.before")

    def _open_entry(self, index: QModelIndex) -> None:
        self._presenter.open_entry(int(self._history.key(index.row())))

    def _show_actions(self, view: OfficersView) -> None:
        said: list[str] = []
        for which, name in (
            (self._enrol, "enrol"),
            (self._compose, "compose"),
            (self._remove, "remove"),
            (self._compromised, "compromised"),
            (self._renew, "renew"),
            (self._calendar, "calendar"),
            (self._entry, "entry"),
        ):
            action = view.actions[f"officers.{name}"]
            show_action(which, action)
            if name in {"enrol", "remove"} and action.why_not and action.why_not not in said:
                said.append(action.why_not)
        self._why_not.setText(" ".join(said))
        self._why_not.setVisible(bool(said))


def _officer_cells(each: OfficerLine) -> CellRow:
    return CellRow(
        each.id,
        (
            Cell(each.name),
            Cell(each.id, tint="text2"),
            Cell(each.roles, tint="text2"),
            Cell(each.keys, tint="text2", full=each.whole_keys),
        ),
    )


def _expiry_cells(each: ExpiryLine) -> CellRow:
    return CellRow(
        each.key,
        (
            Cell(each.kind.value),
            Cell(wording.digest(each.subject), tint="text2", full=each.subject),
            Cell(each.version, tint="text2"),
            Cell(each.expires, tint="text2", full=each.moment),
            Cell(each.left, tint="stale" if each.soon else "text2"),
            Cell(each.look.word, each.look),
        ),
    )


def _history_cells(each: RosterLine) -> CellRow:
    texts = (str(each.index), each.since, each.approved, each.changed)
    return CellRow(
        str(each.index), (Cell(each.version), *(Cell(text, tint="text2") for text in texts))
    )
