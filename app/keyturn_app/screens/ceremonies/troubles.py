"""What went wrong in a ceremony: found, expected and what to do. No Qt in here."""

from collections.abc import Mapping

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.reading import Reading
from keyturn_app.screens.ceremonies.viewmodel import Phase, Trouble


def trouble(reading: Reading, phase: Phase) -> Trouble | None:
    """A step that failed, or a record that does not fit."""
    if reading.fault:
        return broken(reading)
    failed = reading.failed
    if failed is None or phase not in {Phase.SIGNING, Phase.INTERRUPTED}:
        return None
    facts = failed.facts
    return Trouble(
        _("The step was tried, and failed{reason}").format(reason=_why_failed(facts)),
        _text(facts.get("found")),
        _text(facts.get("expected")),
        _("Left: {left} Everybody signs this step again when it is put right, or it is aborted.")
        .format(left=_sentence(_text(facts.get("left"))))
        .strip(),
    )


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?" else f"{text}."


def _why_failed(facts: Mapping[str, object]) -> str:
    """Its reason as words, where it says more than that it failed."""
    reason = _text(facts.get("reason")).replace("-", " ")
    return "" if reason in {"", CeremonyReason.FAILED.value} else f": {reason}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _of_another(reading: Reading) -> CeremonyRefused | None:
    """Why it is not proved to be this authority's, where that is all that is wrong."""
    error = reading.error
    if isinstance(error, CeremonyRefused) and error.reason is CeremonyReason.WRONG_CEREMONY:
        return error
    return None


def broken_head(reading: Reading) -> str:
    if _of_another(reading) is not None:
        return _("Nothing here is proved")
    return _("The record is broken")


def broken(reading: Reading) -> Trouble:
    error = _of_another(reading)
    if error is not None:
        return Trouble(
            _("This is not proved to be a ceremony of your authority"),
            error.found or error.message,
            error.expected or _("a ceremony of the authority that this app knows"),
            _("{message}. {hint} Sign nothing here before.").format(
                message=error.message[:1].upper() + error.message[1:], hint=error.hint
            ),
        )
    return Trouble(
        _("The host gave a record that does not fit"),
        reading.fault,
        _("a chain in which every record names the one before"),
        _(
            "Sign nothing more. Keep what is on the screen, stop the host, and have the record on "
            "its disk looked at."
        ),
    )
