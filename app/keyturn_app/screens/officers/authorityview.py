"""The right column: the fingerprint three times over, and the rules of the roster."""

from PySide6.QtWidgets import QWidget

from keyturn_app.i18n import _
from keyturn_app.qtkit.widgets import KeyValues, button, card, column, label, over, row
from keyturn_app.screens.officers.parts import show_action
from keyturn_app.screens.officers.presenter import OfficersPresenter
from keyturn_app.screens.officers.qr import QrCode
from keyturn_app.screens.officers.viewmodel import OfficersView


class AuthorityView(QWidget):
    """Shows; decides nothing."""

    def __init__(self, presenter: OfficersPresenter) -> None:
        super().__init__()
        self._copy = button(
            _("Copy"), name="officers.copy", icon_name="copy", clicked=presenter.copy_fingerprint
        )
        self._copy.setAccessibleName(_("Copy fingerprint"))
        self._words = label("", "Strong", name="officers.words", wrap=True, selectable=True)
        self._hex = label("", "Mono", name="officers.hex", wrap=True, selectable=True)
        self._qr = QrCode(name="officers.qr")
        self._change = button(
            _("Propose change…"),
            name="officers.change",
            icon_name="pencil",
            clicked=presenter.change,
        )
        self._thresholds = KeyValues(width=124, name="officers.thresholds")
        self._separation = label("", wrap=True, selectable=True, name="officers.separation")
        self._witnesses = KeyValues(width=124, name="officers.witnesses")
        self._own_witness = KeyValues(width=124, name="officers.own-witness")
        self._copy_cosigner = button(
            _("Copy key"),
            name="officers.copy-cosigner",
            icon_name="copy",
            clicked=presenter.copy_cosigner,
        )
        self._copy_cosigner.setAccessibleName(_("Copy this app's cosigning key"))
        self._propose = button(
            _("Propose…"),
            name="officers.propose-witness",
            icon_name="user-plus",
            clicked=presenter.propose_witness,
        )
        self._propose.setAccessibleName(_("Propose this app as a witness"))
        told = label(
            _("Read the words aloud to another officer: both see the same, or something is wrong."),
            "Small",
            "Second",
            wrap=True,
        )
        self.setLayout(
            column(
                card(
                    row(over(_("Authority fingerprint")), None, self._copy),
                    self._words,
                    told,
                    row(None, self._qr, None),
                    self._hex,
                    name="officers.fingerprint",
                ),
                card(
                    over(_("Approvals needed")),
                    self._thresholds,
                    row(None, self._change),
                    over(_("Separation of duty")),
                    self._separation,
                    name="officers.rules",
                ),
                card(
                    over(_("Witnesses")),
                    self._witnesses,
                    self._own_witness,
                    row(self._copy_cosigner, self._propose, None),
                    name="officers.witnessing",
                ),
                None,
                spacing=12,
            )
        )

    def show_view(self, view: OfficersView) -> None:
        if view.fingerprint is None:
            return
        found = view.fingerprint
        self._words.setText(found.words)
        self._words.setAccessibleName(_("In words: {words}").format(words=found.words))
        self._hex.setText(found.grouped)
        self._hex.setAccessibleName(str(found.value))
        self._qr.show_text(
            found.value, _("QR code of the fingerprint {value}").format(value=found.value)
        )
        self._thresholds.show_rows(view.thresholds)
        self._separation.setText("\n".join(view.separation))
        self._witnesses.show_rows(view.witnesses)
        self._own_witness.show_rows(view.own_witness)
        show_action(self._copy_cosigner, view.actions["officers.copy-cosigner"])
        show_action(self._propose, view.actions["officers.propose-witness"])
        show_action(self._copy, view.actions["officers.copy"])
        show_action(self._change, view.actions["officers.change"])
