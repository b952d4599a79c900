"""The alarm: what a server was caught at, both checkpoints beside each other, and what to do."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.widgets import (
    KeyValues,
    Pill,
    button,
    card,
    clear,
    column,
    frame,
    label,
    line,
    row,
)
from keyturn_app.screens.log.detailing import shown_facts
from keyturn_app.screens.log.presenter import LogPresenter
from keyturn_app.screens.log.viewmodel import AlarmSide, AlarmView


class AlarmPane(QScrollArea):
    """Shows one alarm."""

    def __init__(self, presenter: LogPresenter) -> None:
        super().__init__()
        self._shown: AlarmView | None = None
        self.setObjectName("log.alarm")
        self.setAccessibleName(_("Alarm"))
        self.setWidgetResizable(True)
        self._title = label("", "H1", wrap=True, name="log.alarm.title")
        self._text = label("", wrap=True, selectable=True, name="log.alarm.text")
        self._at = label("", "Muted", "Small", name="log.alarm.at")
        self._of = label("", "Muted", "Small", name="log.alarm.number")
        self._next = button(
            _("Next alarm"), name="log.alarm.next", kind="ghost", clicked=presenter.next_alarm
        )
        self._claims = KeyValues(width=84, name="log.alarm.claims")
        self._sides = row(spacing=12)
        self._meaning, self._advice, self._saved = (column(spacing=6) for _each in range(3))
        self._export = button(
            _("Export both…"),
            name="log.alarm.export",
            kind="primary",
            icon_name="download",
            clicked=presenter.export_alarm,
        )
        self._entries = button(
            _("Show the entries as they were verified"),
            name="log.alarm.entries",
            clicked=lambda: presenter.open("entries"),
        )
        self._build()

    def show_alarm(self, shown: AlarmView | None) -> None:
        if shown is None or shown == self._shown:
            return
        self._shown = shown
        self._title.setText(shown.title)
        self._text.setText(shown.text)
        self._at.setText(_("Noticed at {time}").format(time=shown.at))
        several = shown.of > 1
        self._of.setText(_("{number} of {of}").format(number=shown.number, of=shown.of))
        self._of.setVisible(several)
        self._next.setVisible(several)
        claims = ((_("Found"), shown.found, False), (_("Expected"), shown.expected, False))
        self._claims.show_rows([each for each in claims if each[1]])
        self._show_sides(shown.sides)
        _fill(self._meaning, shown.meaning)
        _fill(self._advice, shown.advice, numbered=True)
        saved = shown.saved or (_("Nowhere yet."),)
        _fill(self._saved, saved if shown.can_export else (), classes=("Mono",))
        self._saved_title.setVisible(shown.can_export)
        self._export.setVisible(shown.can_export)

    def _build(self) -> None:
        siren = IconLabel("siren", "danger", 28)
        words = column(self._title, self._text, spacing=4)
        head = row(siren, words, column(row(self._of, self._next), self._at, None), spacing=14)
        head.setStretch(1, 1)
        banner = frame(column(head, margins=(16, 14, 16, 14)), "Banner", name="log.alarm.head")
        banner.setProperty("tone", "danger")
        self._saved_title = label(_("Already saved in"), "Over")
        lower = row(
            card(label(_("What it means"), "H2"), self._meaning, None),
            card(label(_("What to do"), "H2"), self._advice, None),
            spacing=12,
        )
        lower.setStretch(0, 1)
        lower.setStretch(1, 1)
        inside = QWidget()
        inside.setLayout(
            column(
                banner,
                self._claims,
                self._sides,
                row(self._export, self._entries, None),
                self._saved_title,
                self._saved,
                lower,
                None,
                spacing=12,
                margins=(0, 0, 8, 8),
            )
        )
        self.setWidget(inside)
        self.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)

    def _show_sides(self, sides: tuple[AlarmSide, ...]) -> None:
        clear(self._sides)
        for place, each in enumerate(sides):
            self._sides.addWidget(_side(place, each), 1)


def _side(place: int, each: AlarmSide) -> QFrame:
    facts = KeyValues(width=60, name=f"log.alarm.side.{place}.facts")
    facts.show_rows(shown_facts(each.facts))
    pill = Pill(
        each.signature.word,
        each.signature.token,
        each.signature.icon,
        name=f"log.alarm.side.{place}.signature",
    )
    made = card(
        row(label(each.title, "H2"), None, pill),
        line(),
        facts,
        None,
        name=f"log.alarm.side.{place}",
    )
    made.setAccessibleName(each.title)
    return made


def _fill(
    into: QVBoxLayout,
    texts: tuple[str, ...],
    *,
    numbered: bool = False,
    classes: tuple[str, ...] = (),
) -> None:
    clear(into)
    for place, text in enumerate(texts, 1):
        body = label(text, *classes, wrap=True, selectable=True)
        if not numbered:
            into.addWidget(body)
            continue
        number = label(f"{place}", "Muted", "Strong")
        number.setFixedWidth(16)
        number.setAlignment(Qt.AlignmentFlag.AlignTop)
        inside = row(number, body)
        inside.setStretch(1, 1)
        into.addLayout(inside)
