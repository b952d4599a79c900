"""The middle of the page: what is proposed, what follows from it, and what changes."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.diffpane import see_through
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.prose import Capped, Elided, Prose
from keyturn_app.qtkit.theme import mono, sans
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    KeyValues,
    Pill,
    button,
    card,
    clear,
    column,
    frame,
    label,
    row,
    set_class,
)
from keyturn_app.screens.approvals.changesview import ChangesCard
from keyturn_app.screens.approvals.consequences import Consequence
from keyturn_app.screens.approvals.impactview import ImpactCalls, ImpactCard
from keyturn_app.screens.approvals.viewmodel import Detail, FileView, Form, PageView


@dataclass(frozen=True, slots=True)
class DetailCalls:
    back: Callable[[], None]
    step: Callable[[int], None]
    show_form: Callable[[Form], None]
    export: Callable[[], None]
    pictures: Callable[[], None]
    open_log: Callable[[int], None]
    post: Callable[[], None]
    save: Callable[[], None]
    copy: Callable[[str], None]
    impact: ImpactCalls


class DetailView(QWidget):
    """Shows a `Detail`; a file's notice above it where it came from a file."""

    def __init__(self, calls: DetailCalls) -> None:
        super().__init__()
        self._calls = calls
        self._title = Elided("", "text", sans(20, QFont.Weight.DemiBold), name="approvals.title")
        self._kind = label("", "Second", name="approvals.kindword")
        self._icon = IconLabel("scale", "text2", 20)
        self._pill = Pill("", "stale", "hourglass", name="approvals.status")
        self._line = Prose("", "text2", name="approvals.line")
        self._standing = label("", "Strong", wrap=True, name="approvals.standing")
        self._reason = Capped(
            Prose(name="approvals.reason"), 120, name="approvals.reason.area", title=_("Reason")
        )
        self._refusal = Refusal()
        self._file = FileBox(calls.post, calls.save)
        self._tiles = row(spacing=12)
        self._shown_tiles: tuple[Consequence, ...] | None = None
        self._bound = Pairs(name="approvals.bound")
        self._bound_card = card(label(_("WHAT AN APPROVAL BINDS"), "Over"), self._bound, margin=14)
        self._receipt = ReceiptCard(calls.open_log)
        self._impact = ImpactCard(calls.impact)
        self._changes = ChangesCard(calls.show_form, calls.copy)
        self._build()

    def show_view(self, view: PageView) -> None:
        detail = view.detail
        if detail is None:
            return
        self._place.setText(view.place)
        for each in self._steps:
            each.setVisible(bool(view.place))
        self._title.setText(detail.title)
        self._kind.setText(detail.kind)
        self._icon.show_icon(detail.icon, "text2")
        look = detail.status
        self._pill.show_state(look.word, look.token, look.icon)
        self._line.setText(detail.facts)
        self._standing.setText(detail.standing)
        set_class(self._standing, "Strong", "Ok" if detail.in_force else "Warn")
        self._reason.set_text(detail.reason)
        self._refusal.show_view(detail.refusal)
        self._file.show_view(view.file)
        self._show_tiles(detail.consequences)
        self._bound.show_rows(detail.bound)
        self._bound_card.setVisible(bool(detail.bound))
        self._receipt.show_view(detail)
        self._impact.show_view(detail.impacts)
        self._changes.show_view(detail, view.form)
        if view.decide is not None:
            self._export.setVisible(view.decide.export.shown)
            self._export.setEnabled(view.decide.export.possible)
            self._export.setToolTip(plain(view.decide.export.why_not))
            self._pictures.setVisible(view.decide.export.shown or view.file is not None)
            self._pictures.setEnabled(view.decide.export.possible)

    def focus_body(self) -> None:
        """So that the arrow keys scroll it."""
        self._scroll.setFocus(Qt.FocusReason.OtherFocusReason)

    # ---- inside ----

    def _build(self) -> None:
        back = button(
            _("All proposals"),
            name="approvals.back",
            kind="ghost",
            icon_name="arrow-left",
            clicked=self._calls.back,
        )
        self._place = label("", "Muted", "Small", name="approvals.place")
        up = button(
            "",
            name="approvals.up",
            kind="ghost",
            icon_name="chevron-up",
            tip=_("Previous proposal (K)"),
            clicked=lambda: self._calls.step(-1),
        )
        down = button(
            "",
            name="approvals.down",
            kind="ghost",
            icon_name="chevron-down",
            tip=_("Next proposal (J)"),
            clicked=lambda: self._calls.step(1),
        )
        self._export = button(
            _("Export…"),
            name="approvals.export",
            icon_name="download",
            tip=_("A file for an officer without network"),
            clicked=self._calls.export,
        )
        self._pictures = button(
            _("QR…"),
            name="approvals.pictures.show",
            icon_name="qr-code",
            tip=_("As QR pictures: for an officer's camera, or as PNG files"),
            clicked=self._calls.pictures,
        )
        self._pictures.setAccessibleName(_("As QR pictures…"))
        self._steps = (up, down)
        for each in self._steps:
            each.setFixedWidth(34)
        nav = row(back, None, self._place, up, down, self._pictures, self._export, spacing=4)
        head = row(self._icon, self._title, self._pill, self._kind, None, spacing=10)
        reason = frame(
            column(label(_("REASON"), "Over"), self._reason, spacing=4, margins=(14, 10, 14, 10)),
            "Card",
        )
        inside = QWidget()
        inside.setProperty("class", "Page")
        body = column(
            head,
            self._line,
            self._standing,
            self._refusal,
            reason,
            spacing=8,
            margins=(24, 4, 24, 20),
        )
        body.addSpacing(2)
        body.addLayout(self._tiles)
        body.addWidget(self._bound_card)
        body.addWidget(self._receipt)
        body.addWidget(self._impact)
        body.addWidget(self._changes, 1)
        inside.setLayout(body)
        scroll = QScrollArea()
        scroll.setObjectName("approvals.detail.scroll")
        scroll.setAccessibleName(_("The open proposal"))
        self._scroll = scroll
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        see_through(scroll)
        top = column(
            column(nav, margins=(16, 10, 24, 0)),
            column(self._file, margins=(24, 0, 34, 0)),
            spacing=8,
        )
        whole = column(top, spacing=0)
        whole.addWidget(scroll, 1)
        self.setLayout(whole)

    def _show_tiles(self, consequences: tuple[Consequence, ...]) -> None:
        if self._shown_tiles == consequences:
            return
        self._shown_tiles = consequences
        clear(self._tiles)
        for each in consequences:
            text = Prose(each.text)
            inside = column(text, spacing=4)
            if each.details:
                inside.addWidget(Prose(", ".join(each.details), "text2", sans(12)))
            inside.addStretch(1)
            line = row(spacing=10, margins=(14, 12, 14, 12))
            line.addWidget(IconLabel(each.icon, each.weight, 18), 0, Qt.AlignmentFlag.AlignTop)
            line.addLayout(inside, 1)
            self._tiles.addWidget(frame(line, "Card"), 1)


class Refusal(QFrame):
    """The keyholder's words, as the server passes them on."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("class", "Banner")
        self.setProperty("tone", "danger")
        self.setObjectName("approvals.refusal")
        self._text = Prose(name="approvals.refusal.text")
        inside = row(IconLabel("octagon-x", "danger", 16), spacing=10, margins=(12, 8, 12, 8))
        inside.addWidget(self._text, 1)
        self.setLayout(inside)

    def show_view(self, why: str) -> None:
        self.setVisible(bool(why))
        text = _("The keyholder did not take it, says the server: {why}").format(why=why)
        self._text.setText(text)
        self.setAccessibleName(text)


class Pairs(QWidget):
    """Names on the left, values on the right, whatever their length."""

    def __init__(self, *, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._rows = column(spacing=6)
        self.setLayout(self._rows)
        self._shown: tuple[tuple[str, str, bool], ...] = ()

    def show_rows(self, rows: tuple[tuple[str, str, bool], ...]) -> None:
        if rows == self._shown:
            return
        self._shown = rows
        clear(self._rows)
        for name, value, is_mono in rows:
            left = label(name, "Muted", "Small")
            left.setFixedWidth(110)
            left.setAlignment(Qt.AlignmentFlag.AlignTop)
            right = Prose(value, "text", mono(12) if is_mono else None)
            right.setAccessibleName(f"{name}: {value}")
            inside = row(left, spacing=8)
            inside.addWidget(right, 1)
            self._rows.addLayout(inside)


class ReceiptCard(QFrame):
    """What proves that it came into force, and where it stands in the log."""

    def __init__(self, open_log: Callable[[int], None]) -> None:
        super().__init__()
        self.setProperty("class", "Card")
        self.setObjectName("approvals.receipt")
        self._index = 0
        self._icon = IconLabel("badge-check", "ok", 16)
        self._text = label("", "Strong", name="approvals.receipt.text")
        self._rows = KeyValues(width=96)
        link = button(
            _("Open in log"),
            name="approvals.receipt.open",
            kind="link",
            icon_name="scroll-text",
            clicked=lambda: open_log(self._index),
        )
        head = row(self._icon, self._text, None, link, spacing=8)
        self.setLayout(column(head, self._rows, spacing=8, margins=(14, 12, 14, 12)))

    def show_view(self, detail: Detail) -> None:
        receipt = detail.receipt
        self.setVisible(receipt is not None)
        if receipt is None:
            return
        self._index = receipt.index
        self._icon.show_icon(
            *(("badge-check", "ok") if receipt.verified else ("hourglass", "stale"))
        )
        self._text.setText(receipt.text)
        self._rows.show_rows(receipt.rows)
        self._rows.setVisible(bool(receipt.rows))


class FileBox(QFrame):
    """Says that this came from a file, and what of it the server lacks."""

    def __init__(self, post: Callable[[], None], save: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("class", "Banner")
        self.setProperty("tone", "info")
        self.setObjectName("approvals.file")
        self._text = Prose(name="approvals.file.notice")
        self._fresh = Prose("", "text2", sans(12), name="approvals.file.fresh")
        self._post = button(
            _("Post to the server"), name="approvals.file.post", icon_name="upload", clicked=post
        )
        self._save = button(
            _("Write file…"), name="approvals.file.save", icon_name="save", clicked=save
        )
        inside = row(IconLabel("file-text", "pending", 16), spacing=10, margins=(12, 8, 12, 8))
        inside.addLayout(column(self._text, self._fresh, spacing=2), 1)
        inside.addWidget(self._save)
        inside.addWidget(self._post)
        self.setLayout(inside)

    def show_view(self, view: FileView | None) -> None:
        self.setVisible(view is not None)
        if view is None:
            return
        self._text.setText(view.notice)
        fresh = _("Not at the server yet: {who}").format(who=", ".join(view.fresh))
        if not view.fresh:
            fresh = view.post.why_not
        elif not view.post.possible:
            fresh = f"{fresh}. {view.post.why_not}"
        self._fresh.setText(fresh if view.post.shown else "")
        self._fresh.setVisible(view.post.shown)
        self._post.setVisible(view.post.shown)
        self._post.setEnabled(view.post.possible)
        self._save.setVisible(view.signed)
