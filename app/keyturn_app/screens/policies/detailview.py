"""One policy: its state, its versions, and the chosen one as impact, words, fields or text."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QGridLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from keyturn.base.encoding import Digest
from keyturn_app.i18n import _
from keyturn_app.qtkit.diffpane import DiffPane, rows_of
from keyturn_app.qtkit.diffsides import DiffSides
from keyturn_app.qtkit.impactpane import ImpactPane
from keyturn_app.qtkit.oneline import OneLine
from keyturn_app.qtkit.prose import Elided, Prose, WrappedMono
from keyturn_app.qtkit.scrolling import Scroller
from keyturn_app.qtkit.theme import sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Button, Pill, button, clear, column, label, line, row
from keyturn_app.screens.policies.presenter import PoliciesPresenter
from keyturn_app.screens.policies.versions import Compared, FieldRow, Version
from keyturn_app.screens.policies.viewmodel import Detail, Form, Use

NARROW = 720
SHOWN = 200
"""Fields in the list; the text shows all."""


class DetailView(QFrame):
    def __init__(self, presenter: PoliciesPresenter, copy: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("policies.detail")
        self._presenter = presenter
        self._name = OneLine("", "H1", name="policies.name")
        self._pill = Pill("", "unknown", "circle-dashed", name="policies.status")
        self._line = OneLine("", "Second", name="policies.line")
        self._edit = button(
            _("New version…"),
            name="policies.edit",
            icon_name="pencil",
            clicked=presenter.write_next,
        )
        self._back = button(
            _("Roll back to this…"),
            name="policies.roll-back",
            icon_name="rotate-ccw",
            clicked=presenter.roll_back,
        )
        self._approve = button(
            _("See the approval"),
            name="policies.approval",
            kind="primary",
            icon_name="stamp",
            clicked=presenter.open_approval,
        )
        names = row(self._name, self._pill, spacing=10)
        names.setStretch(0, 0)
        names.addStretch(1)
        left = column(names, self._line, spacing=2)
        head = row(spacing=8)
        head.addLayout(left, 1)
        for each in (self._back, self._edit, self._approve):
            head.addWidget(each, 0, Qt.AlignmentFlag.AlignTop)
        self._story = Prose("", "text2", sans(12), name="policies.story")
        self._reason = Prose("", "text", sans(12), name="policies.reason")
        whole = column(
            head,
            self._story,
            self._reason,
            self._make_versions(),
            self._make_forms(copy),
            spacing=8,
            margins=(12, 16, 20, 16),
        )
        whole.setStretchFactor(self._stack, 1)
        self.setLayout(whole)

    def show_view(self, detail: Detail, form: Form) -> None:
        self._name.setText(detail.subject)
        self._pill.show_state(detail.look.word, detail.look.token, detail.look.icon)
        self._line.setText(detail.line)
        self._story.setText(detail.after.story)
        told = _("Reason: {reason}").format(reason=detail.after.reason)
        self._reason.setText(told if detail.after.reason else "")
        for each, why in (
            (self._edit, detail.why_not_edit),
            (self._back, detail.why_not_roll_back),
        ):
            each.setEnabled(not why)
            each.setToolTip(plain(why))
        newest = detail.versions[0].digest == detail.after.digest
        self._back.setVisible(not newest and detail.after.index is not None)
        self._approve.setVisible(not detail.why_not_open)
        _choose(self._after, detail.versions, detail.after)
        others = [each for each in detail.versions if each.digest != detail.after.digest]
        _choose(self._before, others, detail.before)
        self._before.setEnabled(bool(others))
        self._forms[form].setChecked(True)
        self._summary.setText(detail.compared.summary if form in _DIFFS else "")
        self._show_form(detail, form)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        self._as_json.setText("" if narrow else _("As JSON"))
        self._summary.setVisible(not narrow)

    # ---- inside ----

    def _show_form(self, detail: Detail, form: Form) -> None:
        self._stack.setCurrentWidget(self._pages[form])
        if form is Form.IMPACT:
            old = _("This is the impact of another version.") if detail.impact_of_other else ""
            self._impact.show_state(
                detail.simulation, detail.simulated, detail.why_not_simulate, old
            )
        elif form is Form.WORDS:
            self._words.show_lines(detail.words)
        elif form is Form.FIELDS:
            self._fields.show_rows(detail.compared)
        elif form is Form.USES:
            self._uses.show_uses(detail.uses)
        elif form is Form.SIDES:
            compared = detail.compared
            self._sides.show_sides(compared.before_title, compared.after_title, compared.pairs)
        else:
            self._unified.show_rows(rows_of(detail.compared.lines))

    def _make_versions(self) -> QWidget:
        self._after = _versions("policies.version", _("Version that is shown"))
        self._before = _versions("policies.before", _("Version to compare with"))
        presenter = self._presenter
        self._after.activated.connect(lambda: _pick(self._after, presenter.show_version))
        self._before.activated.connect(lambda: _pick(self._before, presenter.compare_with))
        made = QWidget()
        inside = row(
            label(_("Version"), "Small", "Muted"),
            self._after,
            label(_("compared with"), "Small", "Muted"),
            self._before,
            spacing=8,
        )
        inside.setStretch(1, 1)
        inside.setStretch(3, 1)
        made.setLayout(inside)
        return made

    def _make_forms(self, copy: Callable[[str], None]) -> QVBoxLayout:
        presenter = self._presenter
        self._forms: dict[Form, Button] = {}
        group = QButtonGroup(self)
        for form, text in (
            (Form.IMPACT, _("Impact")),
            (Form.WORDS, _("In words")),
            (Form.FIELDS, _("Fields")),
            (Form.SIDES, _("Side by side")),
            (Form.UNIFIED, _("Unified")),
            (Form.USES, _("Where used")),
        ):
            chip = button(
                text,
                name=f"policies.form.{form.value}",
                kind="chip",
                checkable=True,
                clicked=partial(presenter.show_form, form),
            )
            group.addButton(chip)
            self._forms[form] = chip
        self._summary = Elided("", "text2", sans(12), name="policies.summary")
        self._as_json = button(
            _("As JSON"),
            name="policies.json",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy the body of this version"),
            clicked=presenter.copy_json,
        )
        export = button(
            "",
            name="policies.export",
            kind="ghost",
            icon_name="download",
            tip=_("Export this version…"),
            clicked=presenter.export,
        )
        self._impact = ImpactPane(
            "policies.impact",
            simulate=presenter.simulate,
            stop=presenter.stop,
            export=presenter.export_impact,
            copy=copy,
        )
        self._words, self._fields = Lines(), _Fields()
        self._uses = _Uses(presenter.follow)
        self._sides = DiffSides("policies", copy)
        self._unified = DiffPane(name="policies.diff.unified", title=_("Changes"), copied=copy)
        self._pages: dict[Form, QWidget] = {
            Form.IMPACT: self._impact,
            Form.WORDS: Scroller(self._words, name="policies.words", title=_("In words")),
            Form.FIELDS: Scroller(self._fields, name="policies.fields", title=_("Changed fields")),
            Form.SIDES: self._sides,
            Form.UNIFIED: self._unified,
            Form.USES: Scroller(self._uses, name="policies.uses", title=_("Where it is used")),
        }
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        chips = row(*self._forms.values(), self._summary, None, self._as_json, export, spacing=6)
        made = column(chips, self._stack, spacing=8)
        made.setStretchFactor(self._stack, 1)
        return made


def _allow(which: Button, why_not: str) -> None:
    which.setEnabled(not why_not)
    which.setToolTip(plain(why_not))


def _pick(combo: QComboBox, told: Callable[[Digest], None]) -> None:
    if combo.currentData():
        told(Digest(combo.currentData()))


_DIFFS = {Form.FIELDS, Form.SIDES, Form.UNIFIED}


def _versions(name: str, title: str) -> QComboBox:
    made = QComboBox()
    made.setObjectName(name)
    made.setAccessibleName(title)
    made.setMinimumContentsLength(8)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return made


def _choose(combo: QComboBox, every: Sequence[Version], chosen: Version | None) -> None:
    texts = [f"{each.title} · {each.look.word}" for each in every]
    with QSignalBlocker(combo):
        if [combo.itemText(at) for at in range(combo.count())] != texts:
            combo.clear()
            for text, each in zip(texts, every, strict=True):
                combo.addItem(text, each.digest)
        digests = [each.digest for each in every]
        combo.setCurrentIndex(-1 if chosen is None else digests.index(chosen.digest))
    combo.setToolTip(plain(combo.currentText()))


class Lines(QWidget):
    """Sentence by sentence."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, ...] = ()
        self._inside = column(spacing=6)
        self.setLayout(column(self._inside, None, spacing=0))

    def show_lines(self, lines: tuple[str, ...]) -> None:
        if lines == self._shown:
            return
        self._shown = lines
        clear(self._inside)
        for each in lines:
            made = Prose(each)
            made.setAccessibleName(each)
            self._inside.addWidget(made)


class _Fields(QWidget):
    """Place by place: what it is called, what it was, what it would be."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Compared | None = None
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)
        self.setLayout(column(self._grid, None, spacing=0))

    def show_rows(self, compared: Compared) -> None:
        if compared is self._shown:
            return
        self._shown = compared
        clear(self._grid)
        heads = (_("Field"), compared.before_title or _("Before"), compared.after_title)
        for place, text in enumerate(heads):
            self._grid.addWidget(Prose(text, "muted", sans(12)), 0, place)
        if not compared.rows:
            self._grid.addWidget(label(_("Nothing differs."), "Second"), 1, 0)
        for at, each in enumerate(compared.rows[:SHOWN], 1):
            self._add(2 * at, each)

    def _add(self, at: int, each: FieldRow) -> None:
        self._grid.addWidget(line(), at - 1, 0, 1, 3)
        name = Prose(each.words, "text", sans(13, QFont.Weight.DemiBold))
        left = QWidget()
        left.setFixedWidth(200)
        left.setLayout(column(name, WrappedMono(each.place, "muted"), spacing=2))
        self._grid.addWidget(left, at, 0, Qt.AlignmentFlag.AlignTop)
        for place, sign, value, token in (
            (1, "-", each.before, "removed"),
            (2, "+", each.after, "added"),
        ):
            text = "—" if value is None else f"{sign} {value}"
            cell = WrappedMono(text, "muted" if value is None else token)
            cell.setAccessibleName(f"{each.words}: {text}")
            self._grid.addWidget(cell, at, place)


class _Uses(QWidget):
    """Models that name the policy."""

    def __init__(self, follow: Callable[[str, str], None]) -> None:
        super().__init__()
        self._follow = follow
        self._shown: tuple[Use, ...] | None = None
        self._inside = column(spacing=6)
        self.setLayout(column(self._inside, None, spacing=0))

    def show_uses(self, uses: tuple[Use, ...]) -> None:
        if uses == self._shown:
            return
        self._shown = uses
        clear(self._inside)
        if not uses:
            self._inside.addWidget(label(_("No model that is admitted names it."), "Second"))
        for at, each in enumerate(uses):
            link = button(
                each.name,
                name=f"policies.use.{at}",
                kind="link",
                clicked=partial(self._follow, "models", each.digest),
            )
            self._inside.addLayout(row(link, label(each.text, "Small", "Second"), None))
