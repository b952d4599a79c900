"""What is planned: the ceremony's id, its token, the statement that lets it happen."""

from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QLineEdit, QWidget

from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import button, card, column, label, over, row
from keyturn_app.screens.ceremonies.planner import PlanPresenter
from keyturn_app.screens.ceremonies.planparts import put, spin_box
from keyturn_app.screens.ceremonies.planview import PlanView

_LONG = 64
"""Letters of a subject that is a key's id: its middle is left out."""


class WhatCard(QFrame):
    """The ceremony's id, its token, and what a founding names."""

    def __init__(self, presenter: PlanPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._fields: dict[str, QLineEdit] = {}
        self._cells: dict[str, QWidget] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(10)
        for at, (name, title) in enumerate(
            (
                ("ceremony", _("Id of the ceremony")),
                ("token", _("Label of the token")),
                ("origin", _("Name of the log")),
                ("concerns", _("What it is about: model digests, officer ids")),
            )
        ):
            field = QLineEdit()
            field.setObjectName(f"plan.{name}")
            field.setAccessibleName(title)
            field.textEdited.connect(lambda text, key=name: presenter.write(key, text))
            cell = QWidget()
            cell.setLayout(column(label(title, "Small", "Strong"), field, spacing=5))
            self._fields[name], self._cells[name] = field, cell
            grid.addWidget(cell, at // 2, at % 2)
        self._fields["origin"].setPlaceholderText(_("example.org/keyturn/prod"))
        self._life = spin_box("plan.life", _("Days that roster and keys are in force"), 1, 400)
        self._life.valueChanged.connect(presenter.live)
        self._decide = spin_box(
            "plan.decide", _("Approvals that a roster and its keys need"), 1, 16
        )
        self._decide.valueChanged.connect(presenter.decide)
        self._founding = QWidget()
        self._founding.setLayout(
            row(
                column(label(_("Days in force"), "Small", "Strong"), self._life, spacing=5),
                column(label(_("Approvals needed"), "Small", "Strong"), self._decide, spacing=5),
                None,
                spacing=16,
            )
        )
        self._statement = StatementCell(presenter)
        self._directory = QLineEdit()
        self._directory.setObjectName("plan.directory")
        self._directory.setAccessibleName(_("Directory of the keyholder on this machine"))
        self._directory.textEdited.connect(lambda text: presenter.write("directory", text))
        choose = button(
            _("Browse…"),
            name="plan.directory.browse",
            icon_name="folder-open",
            clicked=presenter.choose_directory,
        )
        where = row(self._directory, choose)
        where.setStretch(0, 1)
        self._place = QWidget()
        self._place.setLayout(
            column(
                label(_("Directory of the keyholder on this machine"), "Small", "Strong"),
                where,
                spacing=5,
            )
        )
        grid.addWidget(self._place, 2, 0, 1, 2)
        grid.addWidget(self._founding, 3, 0, 1, 2)
        grid.addWidget(self._statement, 4, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.setLayout(column(card(over(_("What")), grid, spacing=10), spacing=0))

    @property
    def first(self) -> QLineEdit:
        return (
            self._fields["origin"]
            if self._cells["origin"].isVisibleTo(self)
            else self._fields["token"]
        )

    def show_view(self, view: PlanView) -> None:
        texts = {
            "ceremony": view.ceremony,
            "token": view.token,
            "origin": view.origin,
            "concerns": view.concerns,
        }
        for name, text in texts.items():
            if self._fields[name].text() != text:
                self._fields[name].setText(text)
        if self._directory.text() != view.directory:
            self._directory.setText(view.directory)
        self._place.setVisible(view.asks_directory)
        self._cells["origin"].setVisible(view.founds)
        self._cells["concerns"].setVisible(view.asks_concerns)
        self._founding.setVisible(view.founds)
        put(self._life, view.life_days)
        put(self._decide, view.roster_threshold)
        self._statement.show_view(view)


def bring_tip() -> str:
    return _("A proposal's file with its approvals, as an officer carries it here")


class StatementCell(QWidget):
    """One of those in force, or one that comes as a file."""

    def __init__(self, presenter: PlanPresenter) -> None:
        super().__init__()
        self._shown: tuple[tuple[str, str], ...] = ()
        self._choice = QComboBox()
        self._choice.setObjectName("plan.statement")
        self._choice.setAccessibleName(_("Statement that lets it happen"))
        self._choice.setPlaceholderText(_("none in force is known here"))
        self._choice.activated.connect(
            lambda _at: presenter.choose_statement(str(self._choice.currentData() or ""))
        )
        self._bring = button(
            _("From a file…"),
            name="plan.statement.bring",
            icon_name="folder-open",
            tip=bring_tip(),
            clicked=presenter.bring_statement,
        )
        self._said = label("", "Small", "Second", wrap=True, name="plan.statement.brought")
        self._digest = label("", "Mono", "Small", "Second", wrap=True, selectable=True)
        both = row(self._choice, self._bring)
        both.setStretch(0, 1)
        self.setLayout(
            column(
                label(_("Statement that lets it happen"), "Small", "Strong"),
                both,
                self._digest,
                self._said,
                spacing=5,
            )
        )

    def show_view(self, view: PlanView) -> None:
        self.setVisible(view.asks_statement)
        if self._shown != view.statements:
            self._shown = view.statements
            self._choice.clear()
            for subject, digest in view.statements:
                name = wording.digest(subject) if len(subject) >= _LONG else subject
                self._choice.addItem(f"{name} · {wording.digest(digest)}", digest)
        self._choice.setCurrentIndex(self._choice.findData(view.statement))
        self._digest.setText(wording.grouped(view.statement))
        self._digest.setAccessibleName(view.statement)
        self._digest.setVisible(bool(view.statement))
        self._bring.setEnabled(not view.why_no_file)
        self._bring.setToolTip(plain(view.why_no_file or bring_tip()))
        self._said.setText(view.brought)
        self._said.setVisible(bool(view.brought))
