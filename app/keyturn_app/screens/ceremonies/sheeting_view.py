"""What is to be on a share's printed sheet, and the files that were made of it."""

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QCheckBox, QFrame, QLineEdit

from keyturn.ceremony.checks import MAX_BAG
from keyturn_app.i18n import _
from keyturn_app.qtkit.tips import plain
from keyturn_app.qtkit.widgets import Banner, button, clear, column, label, row
from keyturn_app.screens.ceremonies.sheeting import Sheets, SheetView


class SheetForm(QFrame):
    """Below the words of a share, where it was asked for."""

    def __init__(self, sheets: Sheets) -> None:
        super().__init__()
        self.setObjectName("sheet")
        self.setProperty("class", "Raised")
        self._bag = QLineEdit()
        self._bag.setObjectName("sheet.bag")
        self._bag.setAccessibleName(_("Bag number"))
        self._bag.setMaxLength(MAX_BAG)
        self._bag.textEdited.connect(sheets.write_bag)
        self._picture = QCheckBox(_("With a QR code of the words"))
        self._picture.setObjectName("sheet.picture")
        self._picture.setAccessibleName(_("With a QR code of the words"))
        self._picture.toggled.connect(sheets.choose_picture)
        self._risk = label("", "Small", "Second", wrap=True, name="sheet.risk")
        self._warning = Banner(name="sheet.warning")
        self._error = Banner(name="sheet.error")
        self._save = button(
            _("Save as PDF…"), name="sheet.save", icon_name="download", clicked=sheets.save
        )
        self._why = label("", "Small", "Second", wrap=True, name="sheet.why")
        title = _("Bag number (may stay empty: the sheet has room for it)")
        self.setLayout(
            column(
                column(label(title, "Small", "Strong", wrap=True), self._bag, spacing=5),
                column(self._picture, self._risk, spacing=2),
                self._warning,
                self._error,
                row(self._save, self._why, None, spacing=10),
                spacing=10,
                margins=(14, 12, 14, 12),
            )
        )
        self.hide()

    def show_sheet(self, view: SheetView | None) -> None:
        self.setVisible(view is not None and view.offered and view.open)
        if view is None:
            return
        if self._bag.text() != view.bag:
            self._bag.setText(view.bag)
        self._picture.blockSignals(True)
        self._picture.setChecked(view.picture)
        self._picture.blockSignals(False)
        self._risk.setText(view.risk)
        self._warning.say(view.warning)
        self._error.say(view.error, tone="danger")
        self._save.setEnabled(not view.why_not)
        self._save.setToolTip(plain(view.why_not))
        self._why.setText(view.why_not)


class SheetsLeft(QFrame):
    """Files that hold a share, on every page until they are deleted."""

    def __init__(self, delete: Callable[[str], None]) -> None:
        super().__init__()
        self.setObjectName("sheet.left")
        self._delete = delete
        self._files: tuple[str, ...] = ()
        self._banner = Banner(name="sheet.left.says")
        self._rows = column(spacing=6)
        self.setLayout(column(self._banner, self._rows, spacing=6))
        self.hide()

    def show_sheets(self, view: SheetView | None) -> bool:
        """Whether there is one more than before."""
        files = () if view is None else view.files
        self.setVisible(bool(files))
        if view is None or files == self._files:
            return False
        more, self._files = len(files) > len(self._files), files
        self._banner.say(view.files_say, tone="danger")
        clear(self._rows)
        for at, path in enumerate(files):
            shown = label(path, "Mono", wrap=True, selectable=True, name=f"sheet.file.{at}")
            remove = button(
                _("Delete the file now"),
                name=f"sheet.delete.{at}",
                kind="danger",
                icon_name="trash-2",
                clicked=partial(self._delete, path),
            )
            line = row(shown, remove, spacing=10)
            line.setStretch(0, 1)
            self._rows.addLayout(line)
        return more
