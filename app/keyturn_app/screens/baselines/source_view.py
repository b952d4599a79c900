"""Where new values come from: the source, its fields or nodes, reading with progress and errors."""

from functools import partial

from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QWidget,
)

from keyturn_app.i18n import _
from keyturn_app.qtkit.widgets import Button, button, card, clear, column, frame, label, over, row
from keyturn_app.screens.baselines.new import NewPresenter
from keyturn_app.screens.baselines.newview import ErrorView, NewView
from keyturn_app.screens.baselines.parts import (
    combo,
    explain,
    fill,
    labelled,
    line_edit,
    lines_edit,
    set_text,
)
from keyturn_app.screens.baselines.sources import Field, Form, Source, source_word

Shown = QLineEdit | QPlainTextEdit | QComboBox


class SourceView(QFrame):
    """The first card of a draft."""

    def __init__(self, presenter: NewPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._built: tuple[object, ...] = ()
        self._inputs: dict[str, Shown] = {}
        self._hint = label("", "Small", "Second", wrap=True, name="new.hint")
        self._fields = column(spacing=10)
        self._nodes = self._make_nodes()
        self._take = button(
            _("Take values"),
            name="new.read",
            icon_name="scan-search",
            clicked=presenter.read,
        )
        self._why_not = label("", "Small", "Second", wrap=True, name="new.why-not")
        self._bar = QProgressBar()
        self._bar.setObjectName("new.progress")
        self._bar.setAccessibleName(_("Progress of reading"))
        self._bar.setRange(0, 1000)
        self._busy = label("", "Small", "Second", name="new.busy")
        self._cancel = button(_("Stop"), name="new.stop", clicked=presenter.cancel_reading)
        working = row(self._busy, self._bar, self._cancel)
        working.setStretch(1, 1)
        self._working = frame(working)
        self._error = ErrorBox(name="new.error")
        self._left = label("", "Small", "Warn", wrap=True, selectable=True, name="new.left")
        doing = row(self._take, self._why_not)
        doing.setStretch(1, 1)
        inside = card(
            over(_("Where from")),
            self._make_sources(),
            self._hint,
            self._nodes,
            self._fields,
            doing,
            self._working,
            self._error,
            self._left,
            spacing=10,
        )
        self.setLayout(column(inside, spacing=0))

    @property
    def first(self) -> QWidget:
        """What gets the focus."""
        return self._node if self._presenter.view().source is Source.NODE else self._take

    def show_view(self, view: NewView) -> None:
        self._buttons[view.source].setChecked(True)
        self._hint.setText(view.hint)
        self._show_fields(view)
        self._show_nodes(view)
        explain(self._take, view.read_why_not)
        self._why_not.setText(view.read_why_not)
        self._working.setVisible(view.fraction is not None)
        self._busy.setText(view.busy)
        self._bar.setValue(int((view.fraction or 0.0) * 1000))
        self._error.show_error(view.error)
        self._left.setText(view.left)
        self._left.setVisible(bool(view.left))

    # ---- inside ----

    def _make_sources(self) -> QWidget:
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[Source, Button] = {}
        for source in Source:
            word, icon = source_word(source)
            made = button(
                word,
                name=f"new.source.{source.value}",
                kind="chip",
                icon_name=icon,
                checkable=True,
                clicked=partial(self._presenter.choose_source, source),
            )
            self._buttons[source] = made
            self._group.addButton(made)
        every = list(self._buttons.values())
        return frame(
            column(row(*every[:4], None, spacing=6), row(*every[4:], None, spacing=6), spacing=6)
        )

    def _make_nodes(self) -> QFrame:
        self._node = combo("new.node", _("Node"))
        self._node.setPlaceholderText(_("Choose a node"))
        self._node.activated.connect(
            lambda at: self._presenter.choose_node(str(self._node.itemData(at)))
        )
        self._fleet = label("", "Small", "Second", wrap=True, name="new.fleet")
        again = button(
            _("Look again"),
            name="new.nodes.again",
            kind="ghost",
            icon_name="refresh-cw",
            clicked=self._presenter.look_at_nodes,
        )
        below = row(self._fleet, again)
        below.setStretch(0, 1)
        return labelled(_("Node"), self._node, frame(below))

    def _show_nodes(self, view: NewView) -> None:
        self._nodes.setVisible(view.source is Source.NODE)
        fill(self._node, [(each.name, each.text) for each in view.nodes], view.node)
        self._fleet.setText(view.fleet)

    def _show_fields(self, view: NewView) -> None:
        """Built anew only when other fields are asked."""
        shape = tuple((each.id, each.form, each.label, each.hint) for each in view.fields)
        if (view.source, shape) != self._built:
            self._built = (view.source, shape)
            self._inputs = {}
            clear(self._fields)
            for each in view.fields:
                self._fields.addWidget(self._field(each))
        for each in view.fields:
            shown = self._inputs[each.id]
            if isinstance(shown, QComboBox):
                fill(shown, each.choices, each.value)
            else:
                set_text(shown, each.value)

    def _field(self, each: Field) -> QWidget:
        title = each.label if each.needed else _("{name} (optional)").format(name=each.label)
        name = f"new.field.{each.id}"

        def changed(text: str) -> None:
            self._presenter.fill(each.id, text)

        if each.form is Form.CHOICE:
            box = combo(name, each.label)
            box.activated.connect(lambda at: changed(str(box.itemData(at))))
            self._inputs[each.id] = box
            return labelled(title, box, hint=each.hint)
        if each.form is Form.LINES:
            lines = lines_edit(name, each.label, changed)
            self._inputs[each.id] = lines
            return labelled(title, lines, hint=each.hint)
        edit = line_edit(name, each.label, changed)
        self._inputs[each.id] = edit
        if each.form is Form.TEXT:
            return labelled(title, edit, hint=each.hint)
        edit.setReadOnly(True)
        edit.setPlaceholderText(_("No file chosen"))
        choose = button(
            _("Choose…"),
            name=f"{name}.choose",
            icon_name="folder-open",
            clicked=lambda: self._presenter.choose_file(each.id),
        )
        choose.setAccessibleName(_("Choose: {name}").format(name=each.label))
        return labelled(title, row(edit, choose), hint=each.hint)


class ErrorBox(QFrame):
    """What did not work: found, expected and what to do, each in a line of its own."""

    def __init__(self, *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("class", "Banner")
        self.setProperty("tone", "danger")
        self._title = label("", "Strong", "Danger", name=f"{name}.title")
        self._text = label("", wrap=True, selectable=True, name=f"{name}.text")
        self._lines = label("", "Small", "Second", wrap=True, selectable=True, name=f"{name}.lines")
        self.setLayout(
            column(self._title, self._text, self._lines, spacing=4, margins=(12, 8, 12, 8))
        )
        self.hide()

    def show_error(self, error: ErrorView | None) -> None:
        self.setVisible(error is not None)
        if error is None:
            return
        self._title.setText(f"✕ {error.title}")
        self._text.setText(error.text)
        lines = [
            f"{name}: {text}"
            for name, text in (
                (_("Found"), error.found),
                (_("Expected"), error.expected),
                (_("What to do"), error.hint),
            )
            if text
        ]
        self._lines.setText("\n".join(lines))
        self._lines.setVisible(bool(lines))
        self.setAccessibleName(f"{error.title}: {error.text}")
