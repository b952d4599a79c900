"""The authority that a machine is told of on which nobody sits who knows one. No Qt in here."""

from datetime import datetime
from pathlib import Path

from keyturn.base.errors import UntrustedError
from keyturn.client.errors import ServerLied
from keyturn.client.offline import read_file
from keyturn.client.station import bundle_in, claimed_fingerprint
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn_app.fingerprint import agrees
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, Confirm, OpenFile, failure
from keyturn_app.screens.ceremonies.hosts import Stage


class OtherAuthority(UntrustedError):
    """The file is of another authority than the one whose fingerprint was typed."""


def pinned(path: Path, typed: str, now: datetime) -> Authority:
    """The authority in a bundle's or proposal's file, if it is of the typed fingerprint.

    What the file says of itself is not said: it would only be copied into the field. Raises
    FileUnusable, MalformedAnswer, OtherAuthority, ServerLied.
    """
    bundle = bundle_in(read_file(path))
    claimed = claimed_fingerprint(bundle)
    if not agrees(typed, claimed):
        raise OtherAuthority(
            _("This file is not of the authority whose fingerprint you typed."),
            hint=_("Look for a typing error. If there is none, do not use the file."),
        )
    try:
        return load_bundle(bundle, claimed, now, lenient=True)
    except UntrustedError as error:
        raise ServerLied(
            _("The file does not hold: {message}").format(message=error.message),
            found=error.found,
            expected=error.expected,
            hint=_("Do not use it. Have it copied anew from where the authority keeps it."),
        ) from error


class Pinning:
    """Asks for a bundle's file, then for the fingerprint, which somebody knows by another way."""

    def __init__(self, stage: Stage, asker: Asker) -> None:
        self._stage, self._asker = stage, asker

    def ask(self) -> None:
        bundles = (_("Bundles and proposals (*.bundle *.json)"), _("All files (*)"))
        self._asker.path(OpenFile(_("Bundle of the authority"), bundles), self._ask_fingerprint)

    def _ask_fingerprint(self, path: Path | None) -> None:
        if path is None:
            return
        self._asker.confirm(
            Confirm(
                _("Fingerprint of the authority"),
                _(
                    "Type it as it stands in the minutes of the genesis, or as an officer reads it "
                    "to you: 64 digits, or sixteen words. What the file says of itself is not "
                    "shown."
                ),
                _("Compare"),
                details=(path.name,),
                comment=_("Fingerprint"),
                comment_required=True,
            ),
            lambda answer: None if answer is None else self._pin(path, answer.comment),
        )

    def _pin(self, path: Path, typed: str) -> None:
        self._stage.pin(
            path,
            typed,
            done=lambda found: self._asker.toast(
                _("Verified: {origin}").format(origin=found.origin)
            ),
            failed=lambda error: self._asker.tell(failure(_("Not taken in"), error)),
        )
