"""Words for values: what they are, where they come from, until when they count. No Qt."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.policy.baseline_use import origins
from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.baselines.standing import ValueKind, counts

ENDS_SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Until:
    """When something stops counting, in words. `token` tints it; the word says it already."""

    text: str
    token: str = ""
    moment: datetime | None = None


def kind_word(kind: ValueKind) -> str:
    return {
        ValueKind.SNP: _("SEV-SNP"),
        ValueKind.TDX: _("TDX"),
        ValueKind.GPU: _("GPU"),
        ValueKind.SWITCH: _("Switch"),
        ValueKind.TPM: _("TPM"),
    }[kind]


def kinds_text(values: ReferenceValues) -> str:
    """Like `SEV-SNP, GPU × 2`."""
    return ", ".join(
        kind_word(kind) if size == 1 else f"{kind_word(kind)} × {size}"
        for kind, size in counts(values).items()
    )


def method_word(method: Method) -> str:
    return {
        Method.CAPTURED: _("captured from a node"),
        Method.RIM: _("from a RIM"),
        Method.CORIM: _("from a CoRIM"),
        Method.COMPUTED: _("computed from an image"),
        Method.EVENT_LOG: _("from an event log"),
        Method.BY_HAND: _("by hand"),
    }[method]


def short_method(method: Method) -> str:
    return {
        Method.CAPTURED: _("captured"),
        Method.RIM: _("RIM"),
        Method.CORIM: _("CoRIM"),
        Method.COMPUTED: _("computed"),
        Method.EVENT_LOG: _("event log"),
        Method.BY_HAND: _("by hand"),
    }[method]


def provenance_text(values: ReferenceValues) -> str:
    """The methods that its values were come by, each once."""
    found = [
        short_method(origin.provenance.method)
        if origin.provenance is not None
        else _("source only")
        for _what, origin in origins(values)
    ]
    return ", ".join(dict.fromkeys(found))


def simulated(values: ReferenceValues) -> bool:
    return any(origin.source.startswith("SIMULATED") for _what, origin in origins(values))


def until_of(moment: datetime | None, now: datetime) -> Until:
    if moment is None:
        return Until(_("without end"))
    if moment <= now:
        return Until(_("ended {age}").format(age=wording.ago(moment, now)), "danger", moment)
    text = wording.until(moment, now)
    return Until(text, "stale" if moment - now <= ENDS_SOON else "", moment)


def first_end(ends: Iterable[tuple[str, datetime]], now: datetime) -> Until:
    """Of several, the first one."""
    return until_of(min((each[1] for each in ends), default=None), now)


Line = tuple[str, str, bool]
"""Name, value, whether it is mono."""


def origin_lines(origin: Origin, now: datetime) -> tuple[Line, ...]:
    """All that is said of where a value comes from, line by line."""
    found = origin.provenance
    if found is None:
        return ((_("Source"), origin.source, False), (_("Method"), _("not said"), False))
    lines = [(_("Method"), method_word(found.method), False), (_("Source"), origin.source, False)]
    if found.document is not None:
        lines.append((_("Document"), wording.grouped(found.document), True))
    if found.signer is not None:
        lines.append((_("Signer"), found.signer, False))
    lines.append((_("Obtained"), wording.moment(found.obtained), False))
    until = until_of(found.until, now)
    text = until.text
    if found.until is not None:
        text = f"{wording.moment(found.until)} ({until.text})"
    lines.append((_("Until"), text, False))
    return tuple(lines)
