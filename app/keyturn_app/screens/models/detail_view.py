"""The drawer: one model. Shows a Detail and says what was asked for."""

from collections.abc import Callable

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.cells import Cell, CellModel, CellRow
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    KeyValues,
    Pill,
    button,
    clear,
    column,
    frame,
    label,
    line,
    row,
)
from keyturn_app.screens.models.detail import Detail, FileLine, HistoryLine, NodeLine, Section
from keyturn_app.screens.models.parts import SmallTable, section
from keyturn_app.screens.models.presenter import ModelsPresenter
from keyturn_app.screens.models.viewmodel import ActionView, Check, ModelsView

SHOWN_NODES = 12


class DetailView(QFrame):
    """Hidden while no model is chosen."""

    def __init__(self, presenter: ModelsPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self.setObjectName("models.detail")
        self.setProperty("class", "Drawer")
        self._name = label("", "H1", wrap=True, selectable=True, name="models.detail.name")
        close = button(
            "",
            name="models.detail.close",
            kind="ghost",
            icon_name="x",
            tip=_("Close"),
            clicked=lambda: presenter.select(None),
        )
        close.setFixedWidth(32)
        head = row(self._name, close, spacing=8)
        head.setStretch(0, 1)
        self._pill = Pill("", "unknown", "circle-slash", name="models.detail.status")
        self._note = label("", "Small", "Second")
        self._version = label("", "Small", "Second", name="models.detail.version")
        state = row(self._pill, self._version, self._note, None, spacing=10)
        top = column(head, state, spacing=8, margins=(20, 16, 16, 12))
        body = QWidget()
        body.setLayout(self._sections())
        foot = self._make_foot()
        whole = column(
            top,
            line(),
            Scroller(body, name="models.detail.scroll", title=_("Details")),
            line(),
            foot,
            spacing=0,
        )
        whole.setStretch(2, 1)
        self.setLayout(whole)
        self.hide()

    def show_view(self, view: ModelsView) -> None:
        detail = view.detail
        self.setVisible(detail is not None)
        if detail is None:
            return
        self.setAccessibleName(_("Model {name}").format(name=detail.name))
        self._name.setText(detail.name)
        self._version.setText(_("Version {version}").format(version=detail.version))
        self._pill.show_state(detail.look.word, detail.look.token, detail.look.icon)
        self._note.setText(detail.note)
        self._why.setText(detail.why)
        self._warning.say(" ".join(detail.warnings), tone="danger")
        self._show_identity(detail)
        self._admission.show_section(detail.admission)
        self._policy.show_section(detail.policy)
        self._nodes.show_nodes(detail)
        self._files.show_files(detail)
        self._history.show_history(detail.history, detail.history_text)
        self._check.show_check(view.check)
        self._show_kind(renews=detail.renews)
        self._show_actions({each.id: each for each in view.row_actions})

    # ---- inside ----

    def _sections(self) -> QVBoxLayout:
        presenter = self._presenter
        self._why = label("", wrap=True, selectable=True, name="models.detail.why")
        self._warning = Banner(name="models.detail.warning")
        self._check = CheckView(presenter)
        self._digest = DigestLabel(presenter.copy, name="models.detail.digest")
        self._identity = KeyValues(width=92, name="models.detail.identity")
        self._tag = DigestLabel(presenter.copy, name="models.detail.tag")
        self._key = KeyValues(width=92, name="models.detail.key")
        self._assurance = Pill("", "stale", "shield-alert", name="models.detail.assurance")
        self._admission = SectionView(_("Admission"), presenter.follow, "models.detail.admission")
        self._policy = SectionView(_("Policy"), presenter.follow, "models.detail.policy")
        self._nodes = NodesView(presenter)
        self._files = FilesView(presenter)
        self._history = HistoryView(presenter)
        digest = row(_named(_("Digest")), self._digest, None, spacing=8)
        tag = row(_named(_("Tag")), self._tag, None, spacing=8)
        return column(
            self._check,
            section(_("Why this state"), self._why, self._warning),
            line(),
            self._nodes,
            line(),
            self._admission,
            line(),
            self._policy,
            line(),
            section(_("Identity"), digest, self._identity),
            line(),
            section(_("Key"), tag, self._key, right=self._assurance),
            line(),
            self._files,
            line(),
            self._history,
            None,
            spacing=14,
            margins=(20, 14, 16, 16),
        )

    def _make_foot(self) -> QWidget:
        presenter = self._presenter
        self._admit = button(
            _("Propose admission…"),
            name="models.admit",
            kind="primary",
            icon_name="stamp",
            clicked=presenter.admit,
        )
        self._revoke = button(
            _("Revoke…"),
            name="models.revoke",
            kind="danger",
            icon_name="ban",
            clicked=presenter.revoke,
        )
        self._why_not = label("", "Small", "Second", wrap=True, name="models.why-not")
        self._renew = button(
            _("Propose again…"), name="models.renew", icon_name="stamp", clicked=presenter.admit
        )
        buttons = row(self._admit, self._renew, None, self._revoke, spacing=16)
        return frame(column(self._why_not, buttons, spacing=8, margins=(20, 12, 16, 12)))

    def _show_identity(self, detail: Detail) -> None:
        self._digest.show_digest(detail.digest)
        self._identity.show_rows(detail.identity)
        self._tag.show_digest(detail.tag)
        self._key.show_rows(detail.key_lines)
        self._assurance.setVisible(bool(detail.assurance))
        self._assurance.show_state(detail.assurance, "stale", "shield-alert")

    def _show_kind(self, *, renews: bool) -> None:
        """The next thing to do stands out; renewing what is in force is not that."""
        self._renew.setVisible(renews)
        self._admit.setVisible(not renews)

    def _show_actions(self, actions: dict[str, ActionView]) -> None:
        said = []
        for which, name in (
            (self._admit, "models.admit"),
            (self._renew, "models.admit"),
            (self._revoke, "models.revoke"),
        ):
            why_not = actions[name].why_not
            which.setEnabled(not why_not)
            which.setToolTip(plain(why_not))
            if why_not and why_not not in said:
                said.append(why_not)
        self._why_not.setText(" ".join(said))
        self._why_not.setVisible(bool(said))


def _named(text: str) -> QWidget:
    made = label(text, "Muted", "Small")
    made.setFixedWidth(92)
    return made


class SectionView(QFrame):
    """A heading, lines, and a link to where more is said."""

    def __init__(self, title: str, follow: Callable[[str, str], None], name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._to = ("", "")
        self._link = button("", name=f"{name}.link", kind="link", clicked=lambda: follow(*self._to))
        self._text = label("", "Second", wrap=True)
        self._lines = KeyValues(width=92, name=f"{name}.lines")
        inside = section(title, self._text, self._lines, right=self._link)
        self.setLayout(column(inside, spacing=0))

    def show_section(self, shown: Section) -> None:
        self._text.setText(shown.text)
        self._text.setVisible(bool(shown.text))
        self._lines.show_rows(shown.lines)
        self._lines.setVisible(bool(shown.lines))
        self._link.setVisible(shown.link is not None)
        if shown.link is not None:
            self._to = (shown.link.page, shown.link.target)
            self._link.setText(shown.link.text)
            self._link.setAccessibleName(shown.link.text)


class NodesView(QFrame):
    """Where it runs now; each node leads to the fleet."""

    def __init__(self, presenter: ModelsPresenter) -> None:
        super().__init__()
        self.setObjectName("models.detail.nodes")
        self._presenter = presenter
        self._text = label("", "Second", wrap=True)
        self._rows = column(spacing=2)
        self._lines: dict[str, tuple[Pill, QLabel]] = {}
        self.setLayout(column(section(_("Runs now"), self._text, self._rows), spacing=0))

    def show_nodes(self, detail: Detail) -> None:
        shown = detail.nodes[:SHOWN_NODES]
        text = detail.nodes_text
        if len(shown) < len(detail.nodes):
            text = _("{shown} of {count} nodes that hold its key, stale ones among them").format(
                shown=len(shown), count=f"{len(detail.nodes):,}"
            )
        self._text.setText(text)
        self._text.setVisible(bool(text))
        if [each.name for each in shown] != list(self._lines):
            clear(self._rows)
            self._lines = {each.name: self._line(each) for each in shown}
        for each in shown:
            pill, lease = self._lines[each.name]
            pill.show_state(each.look.word, each.look.token, each.look.icon)
            lease.setText(each.lease)

    def _line(self, node: NodeLine) -> tuple[Pill, QLabel]:
        name = button(
            node.name,
            name=f"models.node.{node.name}",
            kind="link",
            clicked=lambda: self._presenter.follow("fleet", node.name),
        )
        name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        name.setMinimumWidth(132)
        pill = Pill("", "unknown", "circle-slash")
        lease = label("", "Small", "Second")
        self._rows.addLayout(row(name, pill, None, lease, spacing=8))
        return pill, lease


class FilesView(QFrame):
    """Sealed files, as the manifest lists them."""

    def __init__(self, presenter: ModelsPresenter) -> None:
        super().__init__()
        self.setObjectName("models.detail.files")
        self._text = label("", "Second", wrap=True)
        self._retry = button(
            _("Ask again"), name="models.manifest.retry", clicked=presenter.retry_manifest
        )
        self._verify = button(
            _("Verify a copy…"), name="models.verify", kind="link", clicked=presenter.verify
        )
        self._model = CellModel([_("File"), _("Size"), _("SHA-256")], (1,))
        self._table = SmallTable(
            self._model,
            name="models.files",
            title=_("Sealed files"),
            stretch=0,
            most=7,
            copied=presenter.copy,
        )
        self._table.setColumnWidth(1, 76)
        self._table.setColumnWidth(2, 104)
        inside = section(
            _("Files"), self._text, row(self._retry, None), self._table, right=self._verify
        )
        self.setLayout(column(inside, spacing=0))

    def show_files(self, detail: Detail) -> None:
        files = detail.files
        self._text.setText(files.text)
        self._text.setVisible(bool(files.text))
        self._retry.setVisible(files.retry)
        self._table.setVisible(bool(files.lines))
        self._model.show_rows([_file(each) for each in files.lines])
        self._table.fit()


def _file(each: FileLine) -> CellRow:
    digits = each.sha256.removeprefix("sha256:")
    short = f"{digits[:4]} … {digits[-4:]}"
    return CellRow(
        each.path,
        (
            Cell(each.path, mono=True),
            Cell(
                each.size,
                tint="text2",
                full=_("{size}, sealed {sealed}").format(size=each.size, sealed=each.sealed_size),
            ),
            Cell(short, mono=True, full=each.sha256, tint="text2"),
        ),
    )


class HistoryView(QFrame):
    """Log entries, newest first; Enter or a double click opens one in the log."""

    def __init__(self, presenter: ModelsPresenter) -> None:
        super().__init__()
        self.setObjectName("models.detail.history")
        self._presenter = presenter
        self._text = label("", "Second", wrap=True, name="models.history.text")
        self._model = CellModel([_("What"), _("When"), _("Entry")], (2,))
        self._table = SmallTable(
            self._model,
            name="models.history",
            title=_("Log entries of this model"),
            stretch=0,
            most=8,
            copied=presenter.copy,
            looks=(0,),
        )
        self._table.setColumnWidth(1, 84)
        self._table.setColumnWidth(2, 60)
        self._table.activated.connect(self._open)
        self.setLayout(column(section(_("History"), self._text, self._table), spacing=0))

    def show_history(self, lines: tuple[HistoryLine, ...], text: str) -> None:
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._table.setVisible(bool(lines))
        self._model.show_rows([_event(each) for each in lines])
        self._table.fit()

    def _open(self, index: QModelIndex) -> None:
        self._presenter.follow("log", str(self._model.key(index.row())))


def _event(each: HistoryLine) -> CellRow:
    what = f"{each.look.word} {each.text}".strip()
    return CellRow(
        each.index,
        (
            Cell(what, each.look, each.text, full=what),
            Cell(each.when, tint="text2", full=each.moment),
            Cell(f"#{each.index}", tint="text2"),
        ),
    )


class CheckView(QFrame):
    """How checking a copy goes, or went."""

    def __init__(self, presenter: ModelsPresenter) -> None:
        super().__init__()
        self.setObjectName("models.check")
        self.setProperty("class", "Raised")
        self._title = label("", "Strong")
        self._pill = Pill("", "pending", "loader-circle", name="models.check.state")
        self._directory = label("", "Mono", wrap=True, selectable=True)
        self._bar = QProgressBar()
        self._bar.setObjectName("models.check.progress")
        self._bar.setAccessibleName(_("Progress of the check"))
        self._bar.setRange(0, 1000)
        self._progress = label("", "Small", "Second")
        self._lines = label("", "Small", "Second", wrap=True, selectable=True)
        self._lines.setObjectName("models.check.lines")
        self._cancel = button(_("Stop"), name="models.check.cancel", clicked=presenter.cancel_check)
        self._close = button(_("Close"), name="models.check.close", clicked=presenter.close_check)
        self.setLayout(
            column(
                row(self._title, None, self._pill),
                self._directory,
                self._bar,
                self._lines,
                row(self._progress, None, self._cancel, self._close),
                spacing=8,
                margins=(12, 10, 12, 10),
            )
        )
        self.hide()

    def show_check(self, check: Check | None) -> None:
        self.setVisible(check is not None)
        if check is None:
            return
        running = check.fraction is not None
        self._title.setText(check.title)
        self._pill.show_state(check.look.word, check.look.token, check.look.icon)
        self._directory.setText(check.directory)
        self._bar.setVisible(running)
        self._bar.setValue(int(1000 * (check.fraction or 0.0)))
        self._progress.setText(check.progress)
        self._lines.setText("\n".join(check.lines))
        self._lines.setVisible(bool(check.lines))
        self._cancel.setVisible(running)
        self._close.setVisible(not running)
