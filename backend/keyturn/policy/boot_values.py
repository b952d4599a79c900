"""A boot's event log: as a list for people, and as reference values (our protocol §2.6).

A log proves nothing by itself. Taken from a node whose quote leads to it, its values are
`capturing`'s; taken from a bare file they are what the file says, and the origin says so. Names
and paths that no digest covers are shown to people, marked, and decide nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.attest.certificates import parse_certificate
from keyturn.attest.cursor import Cursor
from keyturn.attest.errors import REFUSALS, MalformedEvidence
from keyturn.attest.eventdata import (
    EV_EFI_BOOT_SERVICES_APPLICATION,
    KINDS,
    TPM_REGISTERS,
    boot_facts,
    covers,
    parse_variable,
)
from keyturn.attest.eventlog import Event, EventLog
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import Digest
from keyturn.base.errors import UntrustedError
from keyturn.quorum.origin import Method, Origin, Provenance
from keyturn.quorum.tpm_bodies import PcrBank, TpmReference

_BLOB, _BLOB2 = 0x80000008, 0x8000000A
_IMAGES = frozenset({EV_EFI_BOOT_SERVICES_APPLICATION, 0x80000004, 0x80000005})
_FILE_PATH = (4, 4)  # UEFI 2.10 §10.3.5.4
_END = 0x7F
_X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")  # EFI_CERT_X509_GUID
_MAX_SHOWN = 200


class NotInTheLog(UntrustedError):
    """A value was asked for that the log does not prove."""


@dataclass(frozen=True, slots=True)
class TpmChoice:
    """What of a boot becomes reference values. The default is what firmware, loader and Secure
    Boot leave; registers of configuration and of the running system change too often."""

    bank: PcrBank = PcrBank.SHA256
    pcrs: tuple[int, ...] = (0, 2, 4, 7)
    applications: bool = False
    authorities: bool = False
    variables: frozenset[str] = frozenset()

    @property
    def asks_events(self) -> bool:
        return self.applications or self.authorities or bool(self.variables)


@dataclass(frozen=True, slots=True)
class BootEvent:
    """One event. `digest` is hex of the chosen bank, "" where the event has none there; `proved`:
    the digest is that of the event's own data. `said` is what the data says, for people."""

    index: int
    register: int
    kind: str
    digest: str
    proved: bool
    said: str
    data: bytes = field(repr=False)


def boot_events(log: EventLog, bank: HashAlgorithm) -> tuple[BootEvent, ...]:
    """Every event, in order."""
    return tuple(_shown(each, bank) for each in log.events)


def values_of_log(
    log: EventLog, choice: TpmChoice, document: Digest, obtained: datetime, until: datetime | None
) -> TpmReference:
    """What a bare log leads to. `document` is its digest. Raises NotInTheLog."""
    pcrs = log.replay(HashAlgorithm[choice.bank.name])
    origin = Origin(
        "TPM event log; no quote of a TPM was shown with it",
        Provenance(Method.EVENT_LOG, document, None, obtained, until),
    )
    return tpm_reference(pcrs, log, choice, origin)


def tpm_reference(
    pcrs: Mapping[int, bytes], log: EventLog | None, choice: TpmChoice, origin: Origin
) -> TpmReference:
    """The chosen values. A log is used as one that leads to `pcrs`. Raises NotInTheLog."""
    missing = [str(number) for number in choice.pcrs if number not in pcrs]
    if missing:
        raise NotInTheLog(
            f"nothing is known of PCR {', '.join(missing)} of bank {choice.bank.value}",
            found=", ".join(map(str, sorted(pcrs))) or "none",
            expected=", ".join(map(str, choice.pcrs)),
            hint="choose registers that are there",
        )
    known = {number: frozenset({pcrs[number].hex()}) for number in choice.pcrs}
    registers = {choice.bank: known} if known else {}
    if not choice.asks_events:
        return TpmReference(registers, frozenset(), frozenset(), {}, origin)
    bank = HashAlgorithm[choice.bank.name]
    needed = {TPM_REGISTERS.loader, TPM_REGISTERS.secure_boot}
    if log is None or not pcrs.keys() >= needed:
        raise NotInTheLog(
            "no event log leads to the registers of loader and Secure Boot",
            expected=f"an event log, and PCR {sorted(needed)} of bank {choice.bank.value}",
        )
    facts = boot_facts(log, bank)
    if not facts.separated >= needed:
        raise NotInTheLog(
            "the firmware's part of the boot has no end in the log",
            found=f"separators in {sorted(facts.separated)}",
            expected=f"separators in {sorted(needed)}",
        )
    variables = {
        name: frozenset(value for each, value in facts.variables if each == name)
        for name in sorted(choice.variables)
    }
    absent = sorted(name for name, values in variables.items() if not values)
    if choice.applications and not facts.applications:
        absent.append("boot applications")
    if choice.authorities and not facts.authorities:
        absent.append("boot authorities")
    if absent:
        raise NotInTheLog("the log does not prove what was chosen", found=f"no {', '.join(absent)}")
    return TpmReference(
        registers,
        frozenset(facts.applications if choice.applications else ()),
        frozenset(facts.authorities if choice.authorities else ()),
        variables,
        origin,
    )


def _shown(event: Event, bank: HashAlgorithm) -> BootEvent:
    digest = event.digest(bank)
    return BootEvent(
        event.index,
        event.register,
        KINDS.get(event.kind, f"{event.kind:#010x}"),
        "" if digest is None else digest.hex(),
        event.extends and digest is not None and covers(event, bank),
        _said(event)[:_MAX_SHOWN],
        event.data,
    )


def _said(event: Event) -> str:
    """What an event's data says; not every kind is read, and none is believed for its words."""
    try:
        if event.kind in _IMAGES:
            return _image_path(event.data)
        if event.kind in (_BLOB, _BLOB2):
            return _blob(event)
        if KINDS.get(event.kind, "").startswith("EV_EFI_VARIABLE"):
            return _variable(event.data)
    except MalformedEvidence:
        return f"{len(event.data)} bytes of another form"
    return _text(event.data)


def _image_path(data: bytes) -> str:
    """UEFI_IMAGE_LOAD_EVENT (TCG PFP §10.2.3): the file that was loaded, by its device path."""
    body = Cursor(data, "image load event", "little")
    body.take(24)  # address, size, link time address: all of this boot only
    path = Cursor(body.take(body.number(8)), "device path", "little")
    body.done()
    names = []
    while path.left:
        kind, below, size = path.number(1), path.number(1), path.number(2)
        if size < 4:
            raise MalformedEvidence("device path: a node is too short", found=str(size))
        value = path.take(size - 4)
        if kind == _END:
            break
        if (kind, below) == _FILE_PATH:
            names.append(value.decode("utf-16-le", "replace").rstrip("\0"))
    return f"file {_printable(''.join(names))}" if names else "an image of no file"


def _blob(event: Event) -> str:
    """UEFI_PLATFORM_FIRMWARE_BLOB, and BLOB2 with a description before it (TCG PFP §10.2.5)."""
    body = Cursor(event.data, "firmware blob", "little")
    name = body.sized(1, 255).decode("latin-1").rstrip("\0") if event.kind == _BLOB2 else ""
    base, length = body.number(8), body.number(8)
    body.done()
    return f"firmware {_printable(name)} {length} bytes at {base:#x}".replace("  ", " ")


def _variable(data: bytes) -> str:
    found = parse_variable(data)
    listed = _certificates(found.value)
    return f"variable {_printable(found.name)}, {len(found.value)} bytes{listed}"


def _certificates(value: bytes) -> str:
    """What an EFI_SIGNATURE_LIST holds (UEFI 2.10 §32.4.1); "" where it is none."""
    names, hashes = [], 0
    try:
        body = Cursor(value, "signature list", "little")
        while body.left:
            kind, size, head, each = body.take(16), *(body.number(4) for _ in range(3))
            inside = Cursor(body.take(size - 28 if size >= 28 else 0), "signature list", "little")
            inside.take(head)
            if each <= 16 or inside.left % each:
                return ""
            while inside.left:
                raw = inside.take(each)[16:]
                if kind == _X509:
                    names.append(_common_name(raw))
                else:
                    hashes += 1
    except MalformedEvidence:
        return ""
    shown = [f"{hashes} hashes"] if hashes else []
    return f": {', '.join(names + shown)}" if names or shown else ""


def _common_name(raw: bytes) -> str:
    try:
        return f"'{_printable(parse_certificate(raw).common_name)}'"
    except REFUSALS:
        return f"a certificate of {len(raw)} bytes"


def _text(data: bytes) -> str:
    for encoding in ("ascii", "utf-16-le"):
        try:
            text = data.decode(encoding).rstrip("\0")
        except UnicodeDecodeError:
            continue
        if text and text.isprintable() and text.isascii():
            return text
    return f"{len(data)} bytes"


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
