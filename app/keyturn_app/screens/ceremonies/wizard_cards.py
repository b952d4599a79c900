"""The cards in the middle of the wizard: phrase, trouble, files that come and go, the end."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout

from keyturn_app.i18n import _
from keyturn_app.qtkit.icons import IconLabel
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import (
    Banner,
    KeyValues,
    Pill,
    button,
    card,
    clear,
    column,
    label,
    over,
    row,
)
from keyturn_app.screens.ceremonies.viewmodel import Given, HandIn, Trouble, WizardView
from keyturn_app.screens.ceremonies.wizard import WizardPresenter


class HandInCard(QFrame):
    """A file that is waited for, handed in."""

    def __init__(self, clicked: Callable[[], None], *, name: str, icon_name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._icon = IconLabel(icon_name, "accent", 18)
        self._title = over("")
        self._text = label("", "Second", wrap=True, name=f"{name}.text")
        self._why = label("", "Small", "Warn", wrap=True)
        self._do = button("", name=f"{name}.do", icon_name="folder-open", clicked=clicked)
        head = row(self._icon, self._title, None, self._do, spacing=8)
        self.setLayout(column(card(head, self._text, self._why, spacing=8), spacing=0))
        self.hide()

    def show_hand_in(self, shown: HandIn | None) -> None:
        self.setVisible(shown is not None)
        if shown is None:
            return
        self._title.setText(shown.title.upper())
        self._text.setText(shown.text)
        self._why.setText(shown.why_not)
        self._why.setVisible(bool(shown.why_not))
        self._do.setVisible(bool(shown.button))
        self._do.setText(shown.button)
        self._do.setAccessibleName(shown.button)
        self._do.setEnabled(not shown.why_not)
        self._do.setToolTip(plain(shown.why_not))


class GivenCard(QFrame):
    """The files that the host gives, each with a button to save it."""

    def __init__(self, save: Callable[[str], None], *, now: bool) -> None:
        """`now`: those that the step needs, and no others."""
        super().__init__()
        self.setObjectName("ceremony.needed" if now else "ceremony.given")
        self._save, self._now = save, now
        self._rows = column(spacing=10)
        self._shown: tuple[Given, ...] = ()
        self.setLayout(
            column(card(over(_("Files of this ceremony")), self._rows, spacing=10), spacing=0)
        )
        self.hide()

    def show_given(self, given: tuple[Given, ...]) -> None:
        given = tuple(each for each in given if each.now is self._now)
        self.setVisible(bool(given))
        if given == self._shown:
            return
        self._shown = given
        clear(self._rows)
        for each in given:
            self._rows.addLayout(self._row(each))

    def _row(self, given: Given) -> QHBoxLayout:
        name = f"ceremony.given.{given.name.partition('.')[0]}"
        save = button(
            _("Save…"),
            name=name,
            icon_name="download",
            clicked=lambda: self._save(given.name),
        )
        save.setAccessibleName(_("Save {file}…").format(file=given.name))
        texts = column(
            label(given.title, wrap=True),
            label(given.text, "Small", "Second", wrap=True, name=f"{name}.text"),
            spacing=2,
        )
        made = row(spacing=12)
        made.addLayout(texts, 1)
        made.addWidget(save, 0, Qt.AlignmentFlag.AlignTop)
        return made


class PhraseCard(QFrame):
    """The words that are read aloud, and compared by everybody."""

    def __init__(self) -> None:
        super().__init__()
        self._words = label("", "Mono", wrap=True, name="ceremony.phrase", selectable=True)
        self.setLayout(
            column(
                label(_("Read-back phrase of the newest record"), "Small", "Second"),
                self._words,
                spacing=4,
                margins=(14, 10, 14, 10),
            )
        )
        self.setProperty("class", "Raised")

    def show_phrase(self, phrase: str) -> None:
        self.setVisible(bool(phrase))
        self._words.setText(phrase)


class TroubleCard(QFrame):
    """A step that failed, or a record that does not fit: found, expected and what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("ceremony.trouble")
        self.setProperty("class", "Banner")
        self.setProperty("tone", "danger")
        self._title = label("", "H2", "Danger", wrap=True, name="ceremony.trouble.title")
        self._rows = KeyValues(width=92, name="ceremony.trouble.rows")
        self.setLayout(column(self._title, self._rows, spacing=8, margins=(14, 12, 14, 12)))
        self.hide()

    def show_trouble(self, trouble: Trouble | None) -> None:
        self.setVisible(trouble is not None)
        if trouble is None:
            return
        self._title.setText(trouble.title)
        rows = (
            (_("Found"), trouble.found),
            (_("Expected"), trouble.expected),
            (_("What to do"), trouble.hint),
        )
        self._rows.show_rows([(name, value, False) for name, value in rows if value])


class EndedCard(QFrame):
    """What is left when it is over: the verdict of a reader, minutes and transcript."""

    def __init__(self, presenter: WizardPresenter) -> None:
        super().__init__()
        self.setObjectName("ceremony.ended")
        self._pill = Pill("", "ok", "circle-check", name="ceremony.ended.state")
        self._title = label("", "H2", wrap=True)
        self._text = label("", "Second", wrap=True, name="ceremony.ended.text")
        self._verdict = label("", wrap=True, name="ceremony.verdict", selectable=True)
        self._refuted = Banner(name="ceremony.refuted")
        self._files = label("", "Mono", wrap=True, name="ceremony.files", selectable=True)
        self._minutes = button(
            _("Save minutes (PDF)…"),
            name="ceremony.minutes",
            icon_name="file-text",
            clicked=presenter.save_minutes,
        )
        self._transcript = button(
            _("Save transcript (JSON)…"),
            name="ceremony.save",
            icon_name="download",
            clicked=presenter.save_transcript,
        )
        self.setLayout(
            column(
                card(
                    row(self._title, None, self._pill),
                    self._text,
                    over(_("As a stranger reads the transcript")),
                    self._verdict,
                    self._refuted,
                    row(self._minutes, self._transcript, None),
                    self._files,
                    spacing=10,
                ),
                spacing=0,
            )
        )
        self.hide()

    def show_ended(self, view: WizardView) -> None:
        ended = view.ended
        self.setVisible(ended is not None)
        if ended is None:
            return
        self._title.setText(ended.title)
        self._text.setText(ended.text)
        self._pill.show_state(ended.state.word, ended.state.token, ended.state.icon)
        self._verdict.setVisible(not ended.bad)
        self._verdict.setText(ended.verdict or _("The transcript is being verified…"))
        self._refuted.say(ended.verdict if ended.bad else "", tone="danger")
        self._minutes.setEnabled(not ended.why_no_minutes)
        self._minutes.setToolTip(plain(ended.why_no_minutes))
        self._files.setText("\n".join(ended.files))
        self._files.setVisible(bool(ended.files))
