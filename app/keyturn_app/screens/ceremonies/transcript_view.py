"""The live transcript: every record as it was proved here, the newest at the end."""

from PySide6.QtGui import QFontMetrics, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.qtkit.theme import colour, mono, theme
from keyturn_app.qtkit.widgets import Item, Pill, column, label, row
from keyturn_app.screens.ceremonies.viewmodel import RecordLine
from keyturn_app.states import Look

INDENT = "00:00:00  "
"""What stands under a record is as far in as its words."""


class TranscriptPane(QFrame):
    """Read, selected, copied; never edited."""

    def __init__(self, *foot: Item) -> None:
        super().__init__()
        self.setObjectName("ceremony.transcript")
        self._shown: tuple[RecordLine, ...] = ()
        self._chain = Pill("", "unknown", "circle-slash", name="ceremony.chain")
        self._text = QTextEdit()
        self._text.setObjectName("ceremony.transcript.text")
        self._text.setAccessibleName(_("Transcript"))
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setFont(mono(12))
        self._text.setLineWrapMode(QTextEdit.LineWrapMode.WidgetWidth)
        head = row(label(_("Transcript"), "H2"), None, self._chain)
        self.setLayout(
            column(head, self._text, row(*foot, spacing=8), spacing=10, margins=(20, 14, 20, 12))
        )
        theme().changed.connect(self._again)

    @property
    def first(self) -> QWidget:
        return self._text

    def show_records(self, records: tuple[RecordLine, ...], chain: Look | None) -> None:
        self._chain.setVisible(chain is not None)
        if chain is not None:
            self._chain.show_state(chain.word, chain.token, chain.icon)
        if records[: len(self._shown)] != self._shown:
            self._shown = ()
            self._text.clear()
        for each in records[len(self._shown) :]:
            self._add(each)
        self._shown = records

    def _add(self, record: RecordLine) -> None:
        cursor = QTextCursor(self._text.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        lines = [(f"{record.time}  {record.head}", record.tone)]
        lines += [(each, "text2") for each in record.lines]
        short = wording.digest(record.digest).removeprefix("sha256 ")
        lines.append((f"hash {short}", "muted"))
        indent = QFontMetrics(self._text.font()).horizontalAdvance(INDENT)
        for at, (text, token) in enumerate(lines):
            block, look = QTextBlockFormat(), QTextCharFormat()
            block.setLeftMargin(indent)
            block.setTextIndent(0 if at else -indent)
            block.setTopMargin(0 if at else 4)
            look.setForeground(colour(token))
            if self._text.document().isEmpty():
                cursor.setBlockFormat(block)
            else:
                cursor.insertBlock(block, look)
            cursor.insertText(text, look)
        bar = self._text.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _again(self) -> None:
        records, self._shown = self._shown, ()
        self._text.clear()
        for each in records:
            self._add(each)
        self._shown = records
