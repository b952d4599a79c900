"""The drawer: one entry in words, what it names, its proof, and its exact bytes."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QScrollArea, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.digests import DigestLabel
from keyturn_app.qtkit.theme import mono
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.tokens import DRAWER
from keyturn_app.qtkit.widgets import (
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
from keyturn_app.screens.log.detailing import shown_facts
from keyturn_app.screens.log.presenter import LogPresenter
from keyturn_app.screens.log.prooftree import ProofTree
from keyturn_app.screens.log.viewmodel import Detail, Named, WhyNot

_TEXT_HEIGHT = 220
_LINK_WIDTH = 168


class EntryDrawer(QFrame):
    """Shows a `Detail`; hidden without one."""

    def __init__(self, presenter: LogPresenter, go: Callable[[str, str], None]) -> None:
        super().__init__()
        self._presenter, self._go = presenter, go
        self._shown: Detail | None = None
        self.setObjectName("log.drawer")
        self.setAccessibleName(_("Entry"))
        self.setProperty("class", "Drawer")
        self.setFixedWidth(DRAWER)
        self._title = label("", "H2", name="log.drawer.title")
        self._kind = Pill("", "unknown", "circle", name="log.drawer.kind")
        self._time = label("", "Muted", "Small", name="log.drawer.time")
        self._sentence = label("", wrap=True, selectable=True, name="log.drawer.sentence")
        self._facts = KeyValues(width=92, name="log.drawer.facts")
        self._named = column(spacing=0)
        self._pill = Pill("", "unknown", "circle", name="log.proof.state")
        self._proof_text = label("", "Small", "Second", wrap=True, name="log.proof.text")
        self._tree = ProofTree()
        self._checkpoint = KeyValues(width=92, name="log.drawer.checkpoint")
        self._receipt = Pill("", "unknown", "circle", name="log.receipt.state")
        self._receipt_text = label("", "Small", "Second", wrap=True, name="log.receipt.text")
        self._hash = DigestLabel(presenter.copy_text, name="log.drawer.hash")
        self._bytes = _text_box()
        self._build()

    def show_detail(self, detail: Detail | None, why_not: WhyNot) -> None:
        self.setVisible(detail is not None)
        for each, reason in (
            (self._copy_entry, why_not.entry),
            (self._copy_proof, why_not.proof),
            (self._ask, why_not.receipt),
        ):
            each.setEnabled(not reason)
            each.setToolTip(plain(reason))
        if detail is None or detail == self._shown:
            return
        fresh = self._shown is None or self._shown.index != detail.index
        self._shown = detail
        self._title.setText(detail.title)
        self.setAccessibleName(f"{detail.title}: {detail.sentence}")
        self._kind.show_state(detail.look.word, detail.look.token, detail.look.icon)
        self._time.setText(f"{detail.time} UTC")
        self._sentence.setText(detail.sentence)
        self._facts.show_rows(shown_facts(detail.facts))
        self._show_named(detail.named)
        self._pill.show_state(
            detail.proof.look.word, detail.proof.look.token, detail.proof.look.icon
        )
        self._proof_text.setText(detail.proof.text)
        self._tree.show_proof(detail.proof)
        self._checkpoint.show_rows(shown_facts(detail.checkpoint))
        look = detail.receipt
        self._receipt.show_state(look.word, look.token, look.icon)
        self._receipt_text.setText(detail.receipt_text)
        self._hash.show_digest(detail.leaf_hash)
        self._show_bytes()
        if fresh:
            self._scroll.verticalScrollBar().setValue(0)

    # ---- inside ----

    def _build(self) -> None:
        close = button(
            "",
            name="log.drawer.close",
            kind="ghost",
            icon_name="x",
            tip=_("Close"),
            clicked=lambda: self._presenter.select(None),
        )
        close.setFixedWidth(32)
        self._ask = button(
            _("Ask the server for its receipt"),
            name="log.receipt.ask",
            kind="link",
            clicked=self._presenter.ask_receipt,
        )
        self._pretty = self._tab(_("Readable"), "log.bytes.pretty", checked=True)
        self._exact = self._tab(_("Exact bytes"), "log.bytes.exact", checked=False)
        inside = QWidget()
        inside.setLayout(
            column(
                row(self._kind, self._time, None),
                self._sentence,
                line(),
                _over(_("What it says")),
                self._facts,
                line(),
                row(_over(_("Inclusion proof")), None, self._pill),
                self._proof_text,
                self._tree,
                _over(_("Under this checkpoint")),
                self._checkpoint,
                line(),
                self._names_title(),
                self._named,
                line(),
                row(_over(_("The server's receipt")), None, self._receipt),
                self._receipt_text,
                row(self._ask, None),
                line(),
                row(_over(_("The entry itself")), None, self._pretty, self._exact),
                self._bytes,
                row(label(_("Leaf hash"), "Muted", "Small"), self._hash, None),
                None,
                spacing=10,
                margins=(16, 4, 12, 16),
            )
        )
        inside.setMaximumWidth(DRAWER - 2)  # a word that is too long is cut, not all of it
        self._scroll = QScrollArea()
        self._scroll.setObjectName("log.drawer.scroll")
        self._scroll.setAccessibleName(_("Entry"))
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(inside)
        self._scroll.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        self._copy_entry = button(
            _("Copy entry"),
            name="log.copy-entry",
            icon_name="copy",
            clicked=self._presenter.copy_entry,
        )
        self._copy_proof = button(
            _("Copy proof"),
            name="log.copy-proof",
            icon_name="badge-check",
            clicked=self._presenter.copy_proof,
        )
        head = frame(row(self._title, None, close, margins=(16, 12, 10, 8)))
        foot = frame(row(self._copy_entry, self._copy_proof, None, margins=(16, 10, 16, 12)))
        self.setLayout(column(head, self._scroll, line(), foot, spacing=0))
        self.hide()

    def _names_title(self) -> QWidget:
        self._over_names = _over(_("What it names"))
        return self._over_names

    def _tab(self, text: str, name: str, *, checked: bool) -> QWidget:
        made = button(text, name=name, kind="chip", checkable=True)
        made.setChecked(checked)
        made.setAutoExclusive(True)
        made.toggled.connect(lambda _on: self._show_bytes())
        return made

    def _show_bytes(self) -> None:
        if self._shown is None:
            return
        pretty = self._pretty.property("checked")
        text = self._shown.pretty if pretty else self._shown.exact
        if self._bytes.toPlainText() != text:
            self._bytes.setPlainText(text)

    def _show_named(self, named: tuple[Named, ...]) -> None:
        clear(self._named)
        self._over_names.setVisible(bool(named))
        for place, each in enumerate(named):
            self._named.addLayout(self._named_row(f"log.named.{place}", each))

    def _named_row(self, name: str, each: Named) -> QHBoxLayout:
        value = label(_brief(each.value), "Mono")
        value.setToolTip(plain(each.value))
        value.setAccessibleName(each.value)
        copier = button(
            "",
            name=f"{name}.copy",
            kind="ghost",
            icon_name="copy",
            tip=_("Copy {name}").format(name=each.label),
            clicked=lambda: self._presenter.copy_text(each.value),
        )
        copier.setFixedWidth(28)
        if not each.page:
            return row(label(each.label, "Muted", "Small"), None, value, copier, spacing=4)
        opener = button(
            each.label,
            name=f"{name}.open",
            kind="link",
            tip=_("Open {name}").format(name=each.label),
            clicked=lambda: self._go(each.page, each.target),
        )
        middle = Qt.TextElideMode.ElideMiddle
        opener.setText(opener.fontMetrics().elidedText(each.label, middle, _LINK_WIDTH))
        opener.setAccessibleName(_("Open {name}").format(name=each.label))
        return row(opener, None, value, copier, spacing=4)


def _over(text: str) -> QWidget:
    made = label(text.upper(), "Over")
    made.setAccessibleName(text)
    return made


def _brief(value: str) -> str:
    """The ends of what is long; the whole of it is copied, spoken and in the tip."""
    if len(value) <= 24:
        return value
    digits = value.removeprefix("sha256:")
    return f"{digits[: 4 if digits != value else 9]}…{digits[-4:]}"


def _text_box() -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setObjectName("log.bytes")
    made.setAccessibleName(_("The entry itself"))
    made.setReadOnly(True)
    made.setTabChangesFocus(True)
    made.setFont(mono(11))
    made.setFixedHeight(_TEXT_HEIGHT)
    made.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
    return made
