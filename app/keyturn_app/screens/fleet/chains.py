"""Certificate chains of a request: what each certificate says, and which pin ends them. No Qt.

Whether a chain holds is a check; here stands what was shown.
"""

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.anchors import SIMULATED, Anchor, TrustAnchors
from keyturn.attest.fields import Field, Section
from keyturn.attest.fields_certificate import chain_sections
from keyturn.base.errors import MalformedError
from keyturn.base.times import parse_time
from keyturn_app.i18n import _
from keyturn_app.screens.fleet.branches import Branch, Bytes, Detail
from keyturn_app.screens.fleet.parts import section_document

_TITLE = re.compile(r"(?P<chain>.+): certificate \d+\Z")
_PEM = re.compile(
    rb"-----BEGIN CERTIFICATE-----(?P<body>[A-Za-z0-9+/=\s]{1,40000})-----END CERTIFICATE-----"
)
_MOST = 8
PCK = "Certification Data"
"""The field of a TDX quote that the PCK certificate's chain stands in."""


def columns() -> tuple[str, ...]:
    return (_("Subject"), _("Issuer"), _("Valid"), _("Key"), _("Serial number"))


@dataclass(frozen=True, slots=True)
class _Read:
    """A certificate's fields by name."""

    section: Section
    fields: dict[str, Field]

    def value(self, name: str) -> str:
        found = self.fields.get(name)
        return "" if found is None else found.value

    def note(self, name: str) -> str:
        found = self.fields.get(name)
        return "" if found is None else found.note

    @property
    def spki(self) -> str:
        return self.value(_SPKI)


_SPKI = "subjectPublicKeyInfo (SHA-256)"


def chains(sections: Sequence[Section], anchors: TrustAnchors, now: datetime) -> tuple[Branch, ...]:
    """A branch for each chain, leaf first below it."""
    found = [*_grouped(sections), *_quoted(sections)]
    return tuple(_chain(name, kept, anchors, now) for name, kept in found)


def _grouped(sections: Sequence[Section]) -> list[tuple[str, list[Section]]]:
    groups: dict[str, list[Section]] = {}
    for each in sections:
        named = _TITLE.match(each.title)
        if named:
            groups.setdefault(named["chain"], []).append(each)
    return list(groups.items())


def _quoted(sections: Sequence[Section]) -> Iterator[tuple[str, list[Section]]]:
    """The chain that a TDX quote carries in itself."""
    for section in sections:
        for each in section.fields:
            if each.name == PCK and each.raw:
                made = chain_sections(_certificates(each.raw), "PCK")
                if made:
                    yield "PCK", list(made)


def _certificates(pem: bytes) -> list[bytes]:
    """What cannot be decoded is left out: the quote's own field shows it as it is."""
    made = []
    for each in list(_PEM.finditer(pem))[:_MOST]:
        try:
            made.append(binascii.a2b_base64(b"".join(each["body"].split()), strict_mode=True))
        except binascii.Error:
            continue
    return made


def _chain(name: str, sections: Sequence[Section], anchors: TrustAnchors, now: datetime) -> Branch:
    certificates = [_Read(each, {f.name: f for f in each.fields}) for each in sections]
    pin = next((found for each in certificates if (found := _pin(each, anchors))), None)
    ends = _ends(pin)
    simulated = pin is not None and pin.simulated
    return Branch(
        key=f"chain.{name}",
        cells=(_chain_title(name), ends, "", "", ""),
        icon="link" if pin else "unlink",
        token="stale" if simulated else "ok" if pin else "danger",
        details=(
            Detail(_("Chain"), _chain_title(name)),
            Detail(_("Ends at"), ends),
            *((Detail(_("Pinned by"), pin.source),) if pin else ()),
        ),
        children=tuple(
            _certificate(each, f"chain.{name}.{place}", anchors, now)
            for place, each in enumerate(certificates)
        ),
        document=[section_document(each) for each in sections],
    )


def _chain_title(name: str) -> str:
    return {
        "CPU": _("CPU: versioned endorsement key"),
        "PCK": _("CPU: provisioning certification key"),
        "AK": _("TPM: attestation key"),
        "EK": _("TPM: endorsement key"),
    }.get(name, name)


def _pin(found: _Read, anchors: TrustAnchors) -> Anchor | None:
    return next((each for each in anchors.anchors if each.spki == found.spki), None)


def _ends(pin: Anchor | None) -> str:
    if pin is None:
        return _("ends at no root that is pinned here")
    if pin.simulated:
        return _("ends at a SIMULATED root: it proves nothing about hardware")
    return _("ends at the pinned root of {vendor}").format(vendor=pin.vendor.value)


def _certificate(found: _Read, key: str, anchors: TrustAnchors, now: datetime) -> Branch:
    subject = found.value("subject") or found.section.title
    pin, state = _pin(found, anchors), _validity(found, now)
    simulated = subject.startswith(SIMULATED) or (pin is not None and pin.simulated)
    wrong = state != _("valid now")
    icon = "pin" if pin else "file-key"
    return Branch(
        key=key,
        cells=(
            f"{subject}  · {_('pinned')}" if pin else subject,
            found.value("issuer"),
            f"{found.value('notBefore')[:10]} – {found.value('notAfter')[:10]}, {state}",
            found.note(_SPKI),
            found.value("serialNumber"),
        ),
        icon="triangle-alert" if wrong else icon,
        token="danger" if wrong else "stale" if simulated else "ok" if pin else "text2",
        details=tuple(_details(found, pin, state, simulated)),
        data=_der(found),
        document=section_document(found.section),
    )


def _details(found: _Read, pin: Anchor | None, state: str, simulated: bool) -> Iterator[Detail]:
    if simulated:
        yield Detail(_("Mark"), _("SIMULATED"))
    yield Detail(_("Subject"), found.value("subject"))
    yield Detail(_("Issuer"), found.value("issuer"))
    yield Detail(_("Serial number"), found.value("serialNumber"), mono=True)
    yield Detail(_("Not before"), found.value("notBefore"))
    yield Detail(_("Not after"), f"{found.value('notAfter')} ({state})")
    yield Detail(_("Key"), found.note(_SPKI))
    yield Detail(_("Key digest"), found.spki, mono=True)
    if pin is not None:
        yield Detail(_("Pinned by"), pin.source)
    for name, each in found.fields.items():
        if name.startswith("extension "):
            yield Detail(name.removeprefix("extension "), each.value, mono=True)
    yield Detail(_("Certificate digest"), found.value("certificate (SHA-256)"), mono=True)
    unread = found.fields.get("(unreadable)")
    if unread is not None:
        yield Detail(_("Unreadable"), unread.note)


def _der(found: _Read) -> Bytes | None:
    whole = found.fields.get("certificate (SHA-256)") or found.fields.get("(unreadable)")
    return Bytes(whole.raw, 0, 0) if whole is not None and whole.raw else None


def _validity(found: _Read, now: datetime) -> str:
    try:
        start, end = parse_time(found.value("notBefore")), parse_time(found.value("notAfter"))
    except MalformedError:
        return _("unreadable")
    if now < start:
        return _("not yet valid")
    return _("valid now") if now <= end else _("expired")
