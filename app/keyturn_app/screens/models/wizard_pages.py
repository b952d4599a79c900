"""The pages of the seal wizard: each shows its part of a WizardView and says what was asked for."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QProgressBar, QRadioButton, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.cells import Cell, CellModel, CellRow
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    Button,
    Item,
    KeyValues,
    Pill,
    button,
    card,
    column,
    frame,
    label,
    over,
    row,
)
from keyturn_app.screens.models.parts import SmallTable
from keyturn_app.screens.models.wizard import Origin, Step
from keyturn_app.screens.models.wizard_presenter import SealPresenter
from keyturn_app.screens.models.wizard_viewmodel import WizardView

KEYS_WIDTH = 120


class WizardPage(QFrame):
    """`first` gets the focus when the page comes."""

    first: QWidget

    def show_view(self, view: WizardView) -> None:
        raise NotImplementedError


def field(name: str, title: str, *, changed: Callable[[], object] | None = None) -> QLineEdit:
    made = QLineEdit()
    made.setObjectName(name)
    made.setAccessibleName(title)
    if changed is not None:
        made.textEdited.connect(lambda: changed())  # noqa: PLW0108 - drops the text
    return made


def set_text(into: QLineEdit, text: str) -> None:
    """Never while the same stands there: the cursor would jump."""
    if into.text().strip() != text:
        into.setText(text)


def labelled(title: str, *items: Item, hint: str = "") -> QFrame:
    """A title over a field, and a hint below."""
    below = [label(hint, "Small", "Second", wrap=True)] if hint else []
    return frame(column(label(title, "Small", "Strong"), *items, *below, spacing=6))


class SourcePage(WizardPage):
    def __init__(self, presenter: SealPresenter) -> None:
        super().__init__()
        self._path = field("seal.source", _("Directory of the model"))
        self._path.setReadOnly(True)
        self._path.setPlaceholderText(_("No directory chosen"))
        self.first = self._choose = button(
            _("Choose…"),
            name="seal.source.choose",
            icon_name="folder-open",
            clicked=presenter.choose_source,
        )
        self._total = label("", "Second", name="seal.source.total")
        self._refused = Banner(name="seal.source.refused")
        self._notes = Banner(name="seal.source.notes")
        self._model = CellModel([_("File"), _("Size")], (1,))
        self._table = SmallTable(
            self._model, name="seal.files", title=_("Files to seal"), stretch=0, most=12
        )
        self._table.setColumnWidth(1, 100)
        self._files = card(self._table, margin=8)
        picking = row(self._path, self._choose)
        self.setLayout(
            column(
                labelled(_("Directory"), picking),
                self._refused,
                self._notes,
                self._total,
                self._files,
                None,
                spacing=12,
            )
        )

    def show_view(self, view: WizardView) -> None:
        source = view.source
        self._path.setText(source.path)
        self._total.setText(_("Looking…") if view.busy else source.total)
        self._refused.say("\n".join(source.refused), tone="danger")
        notes = "\n".join(source.notes)
        self._notes.say(
            _("Sealed like everything else, but look at it:\n{notes}").format(notes=notes)
            if notes
            else "",
            tone="info",
        )
        self._files.setVisible(bool(source.files))
        rows = [
            CellRow(path, (Cell(path, mono=True), Cell(size, tint="text2")))
            for path, size in source.files
        ]
        if self._model.show_rows(rows):
            self._table.fit()


class IdentityPage(WizardPage):
    def __init__(self, presenter: SealPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._name = field("seal.name", _("Model name"), changed=self._told)
        self._version = field("seal.version", _("Version"), changed=self._told)
        self._id = field("seal.model-id", _("Model id"), changed=self._told)
        self.first = self._name
        inside = column(
            labelled(
                _("Name"), self._name, hint=_("As people will read it, in every app and log.")
            ),
            labelled(_("Version"), self._version, hint=_("Each version is admitted by itself.")),
            labelled(
                _("Model id"),
                self._id,
                hint=_("Bound into every sealed file. Empty: made of the name, as shown."),
            ),
            None,
            spacing=18,
        )
        self.setLayout(inside)
        for each in (self._name, self._version, self._id):
            each.setMaximumWidth(440)

    def show_view(self, view: WizardView) -> None:
        set_text(self._name, view.name)
        set_text(self._version, view.version)
        set_text(self._id, view.model_id)
        self._id.setPlaceholderText(view.suggested_id)

    def _told(self) -> None:
        self._presenter.set_identity(self._name.text(), self._version.text(), self._id.text())


class AuthorityPage(WizardPage):
    def __init__(self, presenter: SealPresenter) -> None:
        super().__init__()
        self.first = self._server = QRadioButton(_("The authority of the connected server"))
        self._server.setObjectName("seal.authority.server")
        self._file = QRadioButton(_("An authority bundle in a file"))
        self._file.setObjectName("seal.authority.file")
        for each in (self._server, self._file):
            each.setAutoExclusive(False)
            each.setAccessibleName(each.text())
        self._server.clicked.connect(presenter.choose_server)
        self._file.clicked.connect(presenter.choose_bundle)
        self._why_not = label("", "Small", "Second")
        self._path = label("", "Mono", wrap=True, selectable=True)
        self._simulated = Pill(_("SIMULATED"), "simulated", "triangle-alert", name="seal.simulated")
        self._lines = KeyValues(width=KEYS_WIDTH, name="seal.authority.lines")
        head = row(over(_("Sealed to")), None, self._simulated)
        self._card = card(head, self._lines, spacing=10)
        self.setLayout(
            column(
                row(self._server, self._why_not, None, spacing=12),
                row(self._file, self._path, None, spacing=12),
                self._card,
                None,
                spacing=12,
            )
        )

    def show_view(self, view: WizardView) -> None:
        authority = view.authority
        self._server.setChecked(authority.origin is Origin.SERVER)
        self._server.setEnabled(not authority.server_why_not)
        self._file.setChecked(authority.origin is Origin.FILE)
        self._why_not.setText(authority.server_why_not)
        self._path.setText(authority.path)
        self._simulated.setVisible(view.simulated)
        self._lines.show_rows(authority.lines)
        self._card.setVisible(bool(authority.lines))


class DestinationPage(WizardPage):
    def __init__(self, presenter: SealPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._parent = field("seal.parent", _("Where"))
        self._parent.setReadOnly(True)
        self._parent.setPlaceholderText(_("No place chosen"))
        self.first = self._choose = button(
            _("Choose…"),
            name="seal.parent.choose",
            icon_name="folder-open",
            clicked=presenter.choose_parent,
        )
        self._folder = field("seal.folder", _("Name of the new folder"), changed=self._told)
        self._lines = KeyValues(width=KEYS_WIDTH, name="seal.place")
        self._card = card(self._lines)
        self.setLayout(
            column(
                labelled(_("In"), row(self._parent, self._choose)),
                labelled(_("New folder"), self._folder, hint=_("Empty: as shown.")),
                self._card,
                None,
                spacing=18,
            )
        )

    def show_view(self, view: WizardView) -> None:
        self._parent.setText(view.parent)
        set_text(self._folder, view.folder)
        self._folder.setPlaceholderText(view.suggested_folder)
        self._lines.show_rows(view.place)
        self._card.setVisible(bool(view.place))

    def _told(self) -> None:
        self._presenter.set_folder(self._folder.text())


class SummaryPage(WizardPage):
    def __init__(self) -> None:
        super().__init__()
        self.first = self
        self._lines = KeyValues(width=KEYS_WIDTH, name="seal.summary")
        self._can, self._cannot = column(spacing=8), column(spacing=8)
        self._said = False
        both = row(
            card(over(_("What can be done with it")), self._can, None, spacing=10),
            card(over(_("What cannot")), self._cannot, None, spacing=10),
            spacing=12,
        )
        both.setStretch(0, 1)
        both.setStretch(1, 1)
        self.setLayout(
            column(
                card(over(_("What will happen")), self._lines, spacing=10), both, None, spacing=12
            )
        )

    def show_view(self, view: WizardView) -> None:
        if view.summary:
            self._lines.show_rows(view.summary)
        if not self._said:
            self._said = True
            for text in view.can:
                self._can.addLayout(_point("circle-check", "ok", text))
            for text in view.cannot:
                self._cannot.addLayout(_point("lock", "pending", text))


def _point(icon: str, token: str, text: str) -> QHBoxLayout:
    mark = IconLabel(icon, token, 16)
    said = label(text, "Second", wrap=True)
    made = row(mark, said, spacing=10)
    made.setStretch(1, 1)
    made.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
    return made


class SealingPage(WizardPage):
    def __init__(self) -> None:
        super().__init__()
        self.first = self
        self._figure = label("", "Figure", name="seal.percent")
        self._bar = QProgressBar()
        self._bar.setObjectName("seal.progress")
        self._bar.setAccessibleName(_("Progress of sealing"))
        self._bar.setRange(0, 1000)
        self._done, self._rate, self._left = (label("", "Second") for _each in range(3))
        self._stopping = label("", "Second", wrap=True)
        self._lines = KeyValues(width=KEYS_WIDTH, name="seal.running.lines")
        numbers = row(self._done, None, self._rate, None, self._left, spacing=12)
        self.setLayout(
            column(
                card(self._figure, self._bar, numbers, self._stopping, spacing=12),
                card(over(_("What happens")), self._lines, spacing=10),
                None,
                spacing=12,
            )
        )

    def show_view(self, view: WizardView) -> None:
        run = view.run
        if view.summary:
            self._lines.show_rows(view.summary)
        self._figure.setText(f"{int(100 * run.fraction)} %")
        self._bar.setValue(int(1000 * run.fraction))
        self._done.setText(run.done)
        self._rate.setText(run.rate)
        self._left.setText(run.left)
        self._stopping.setText(
            _("Stopping: what was written is being removed.") if run.stopping else ""
        )
        self._stopping.setVisible(run.stopping)


class DonePage(WizardPage):
    def __init__(self, presenter: SealPresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._lines = KeyValues(width=KEYS_WIDTH, name="seal.done.lines")
        self._digest = DigestLabel(copy, name="seal.done.digest")
        self._tag = DigestLabel(copy, name="seal.done.tag")
        self._notes = Banner(name="seal.done.notes")
        self.first = self._register = button(
            _("Register in the inventory"),
            name="seal.register",
            kind="primary",
            icon_name="circle-plus",
            clicked=presenter.register,
        )
        self._propose = button(
            _("Propose admission…"),
            name="seal.propose",
            icon_name="stamp",
            clicked=presenter.propose,
        )
        self._why_not = label("", "Small", "Second", wrap=True)
        self._registered = Pill(_("In the inventory"), "ok", "circle-check", name="seal.registered")
        inside = card(
            row(IconLabel("circle-check", "ok", 24), label(_("Sealed"), "H2"), None, spacing=10),
            self._lines,
            row(_name(_("Digest")), self._digest, None, spacing=8),
            row(_name(_("Tag")), self._tag, None, spacing=8),
            spacing=10,
        )
        next_steps = card(
            over(_("What comes next")),
            label(
                _(
                    "Registering lists it for every officer. An admission says under which policy "
                    "a machine may open it, and takes the quorum's approval."
                ),
                "Second",
                wrap=True,
            ),
            row(self._register, self._registered, self._propose, None, spacing=8),
            self._why_not,
            spacing=10,
        )
        self.setLayout(column(inside, self._notes, next_steps, None, spacing=12))

    def show_view(self, view: WizardView) -> None:
        done = view.done
        self._lines.show_rows(done.lines)
        self._digest.show_digest(done.digest)
        self._tag.show_digest(done.tag)
        self._notes.say(
            _("On this machine: {notes}").format(notes="; ".join(done.notes)) if done.notes else ""
        )
        self._register.setVisible(not done.registered)
        self._registered.setVisible(done.registered)
        _enable(self._register, done.register_why_not, busy=view.busy)
        _enable(self._propose, done.admit_why_not, busy=view.busy)
        reasons = dict.fromkeys(
            each for each in (done.register_why_not, done.admit_why_not) if each
        )
        self._why_not.setText(" ".join(reasons))
        self._why_not.setVisible(bool(reasons))


def _name(text: str) -> QWidget:
    made = label(text, "Muted", "Small")
    made.setFixedWidth(KEYS_WIDTH)
    return made


def _enable(which: Button, why_not: str, *, busy: bool) -> None:
    which.setEnabled(not why_not and not busy)
    which.setToolTip(plain(why_not))


def pages(
    presenter: SealPresenter, copy: Callable[[str], None]
) -> Sequence[tuple[Step, WizardPage]]:
    """A page for each step, in their order."""
    return (
        (Step.SOURCE, SourcePage(presenter)),
        (Step.IDENTITY, IdentityPage(presenter)),
        (Step.AUTHORITY, AuthorityPage(presenter)),
        (Step.DESTINATION, DestinationPage(presenter)),
        (Step.SUMMARY, SummaryPage()),
        (Step.SEALING, SealingPage()),
        (Step.DONE, DonePage(presenter, copy)),
    )
