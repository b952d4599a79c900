"""What measured boot says about firmware, Secure Boot and boot loader, where digests cover it.

Sources: TCG PC Client Platform Firmware Profile §10.4 (event types, UEFI_VARIABLE_DATA), UEFI 2.10
§32.4.1 (EFI_SIGNATURE_LIST). An event's data is believed only where the digest that was extended
is the hash of that data; names, paths and descriptions that no digest covers are not read at all.
"""

from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from keyturn.attest.cursor import Cursor
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.eventlog import Event, EventLog
from keyturn.attest.tpm_algorithms import HashAlgorithm

EV_SEPARATOR = 0x00000004
EV_S_CRTM_VERSION = 0x00000008
EV_EFI_VARIABLE_DRIVER_CONFIG = 0x80000001
EV_EFI_BOOT_SERVICES_APPLICATION = 0x80000003
EV_EFI_ACTION = 0x80000007
EV_EFI_VARIABLE_AUTHORITY = 0x800000E0

KINDS = {
    0x00000000: "EV_PREBOOT_CERT",
    0x00000001: "EV_POST_CODE",
    0x00000003: "EV_NO_ACTION",
    EV_SEPARATOR: "EV_SEPARATOR",
    0x00000005: "EV_ACTION",
    0x00000006: "EV_EVENT_TAG",
    0x00000007: "EV_S_CRTM_CONTENTS",
    EV_S_CRTM_VERSION: "EV_S_CRTM_VERSION",
    0x00000009: "EV_CPU_MICROCODE",
    0x0000000A: "EV_PLATFORM_CONFIG_FLAGS",
    0x0000000B: "EV_TABLE_OF_DEVICES",
    0x0000000C: "EV_COMPACT_HASH",
    0x0000000D: "EV_IPL",
    0x00000011: "EV_NONHOST_INFO",
    0x00000012: "EV_OMIT_BOOT_DEVICE_EVENTS",
    0x00000013: "EV_POST_CODE2",
    EV_EFI_VARIABLE_DRIVER_CONFIG: "EV_EFI_VARIABLE_DRIVER_CONFIG",
    0x80000002: "EV_EFI_VARIABLE_BOOT",
    EV_EFI_BOOT_SERVICES_APPLICATION: "EV_EFI_BOOT_SERVICES_APPLICATION",
    0x80000004: "EV_EFI_BOOT_SERVICES_DRIVER",
    0x80000005: "EV_EFI_RUNTIME_SERVICES_DRIVER",
    0x80000006: "EV_EFI_GPT_EVENT",
    EV_EFI_ACTION: "EV_EFI_ACTION",
    0x80000008: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    0x80000009: "EV_EFI_HANDOFF_TABLES",
    0x8000000A: "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
    0x8000000B: "EV_EFI_HANDOFF_TABLES2",
    0x8000000C: "EV_EFI_VARIABLE_BOOT2",
    0x80000010: "EV_EFI_HCRTM_EVENT",
    EV_EFI_VARIABLE_AUTHORITY: "EV_EFI_VARIABLE_AUTHORITY",
    0x800000E1: "EV_EFI_SPDM_FIRMWARE_BLOB",
    0x800000E2: "EV_EFI_SPDM_FIRMWARE_CONFIG",
}
"""The profile's names of event types."""

_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"  # EFI_GLOBAL_VARIABLE
_SEPARATORS = (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff")
_ERROR = b"\x01\x00\x00\x00"  # a separator that says that measuring failed
_ACTIONS = (
    b"Calling EFI Application from Boot Option",
    b"Returning from EFI Application from Boot Option",
)
_EXIT = b"Exit Boot Services Invocation"
_MAX_NAME = 1024


@dataclass(frozen=True, slots=True)
class Registers:
    """Where a kind of log keeps the firmware's version, Secure Boot and the boot loader."""

    version: int
    secure_boot: int
    loader: int


TPM_REGISTERS = Registers(version=0, secure_boot=7, loader=4)
CC_REGISTERS = Registers(version=1, secure_boot=1, loader=2)
"""A TPM's PCRs; a TD's RTMR0 (1) and RTMR1 (2) (UEFI 2.10 §38.4.1)."""


class SecureBoot(Enum):
    """What the log proves of Secure Boot; `UNKNOWN`: nothing, as without such an event."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Variable:
    """A UEFI variable that was measured as a whole: its GUID, name and exact value."""

    guid: str
    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class BootFacts:
    """What one bank of a log proves, digests in hex.

    No digest covers an event's type, so that nothing is passed over because of what it is called:
    `authorities` is all that was extended into the Secure Boot register behind its separator,
    `applications` all that was extended for the boot loader but separators and known actions.
    `variables` are PK, KEK, db, dbx …, as SHA-256 of their value. `separated` are the registers
    whose firmware part ended in order; a rule asks for these. `failed`, the firmware's word that
    one did not, is for people as is `crtm_version`: only an event's type tells it from others.
    """

    crtm_version: str | None
    secure_boot: SecureBoot
    variables: tuple[tuple[str, str], ...]
    authorities: tuple[str, ...]
    applications: tuple[str, ...]
    separated: frozenset[int]
    failed: frozenset[int]
    left_boot_services: bool


def covers(event: Event, bank: HashAlgorithm) -> bool:
    """Whether the digest that was extended in `bank` is that of the event's own data."""
    return event.digest(bank) == bank.digest(event.data)


def boot_facts(
    log: EventLog, bank: HashAlgorithm, registers: Registers = TPM_REGISTERS
) -> BootFacts:
    """Read what the digests of one bank cover. A log that leads to quoted registers is meant."""
    ends = {bank.digest(each) for each in _SEPARATORS}
    firmware, later = _divided(log.of(registers.secure_boot), bank, ends)
    configured = _variables(firmware, bank)
    extended = [each for each in log.events if each.extends]
    return BootFacts(
        crtm_version=_version(log, bank, registers.version),
        secure_boot=_secure_boot(configured),
        variables=tuple(
            (each.name, HashAlgorithm.SHA256.digest(each.value).hex()) for each in configured
        ),
        authorities=_digests(later, bank, ends),
        applications=_digests(
            log.of(registers.loader), bank, ends | {bank.digest(each) for each in _ACTIONS}
        ),
        separated=frozenset(each.register for each in extended if each.digest(bank) in ends),
        failed=frozenset(
            each.register
            for each in extended
            if each.kind == EV_SEPARATOR and each.digest(bank) == bank.digest(_ERROR)
        ),
        left_boot_services=any(each.digest(bank) == bank.digest(_EXIT) for each in extended),
    )


def _divided(
    events: Sequence[Event], bank: HashAlgorithm, ends: Set[bytes]
) -> tuple[Sequence[Event], Sequence[Event]]:
    """Before and behind the first separator, told by its digest; without one all is before it."""
    for place, event in enumerate(events):
        if event.digest(bank) in ends:
            return events[:place], events[place + 1 :]
    return events, ()


def _digests(events: Sequence[Event], bank: HashAlgorithm, but: Set[bytes]) -> tuple[str, ...]:
    found = (each.digest(bank) for each in events)
    return tuple(digest.hex() for digest in found if digest is not None and digest not in but)


def _variables(events: Sequence[Event], bank: HashAlgorithm) -> list[Variable]:
    """Whatever was measured as a variable, by its form and not by its event's type."""
    found = []
    for event in events:
        if covers(event, bank):
            with suppress(MalformedEvidence):  # covered, but no variable: it says nothing
                found.append(parse_variable(event.data))
    return found


def _version(log: EventLog, bank: HashAlgorithm, register: int) -> str | None:
    named = [each for each in log.of(register) if each.kind == EV_S_CRTM_VERSION]
    return _utf16(named[0].data) if len(named) == 1 and covers(named[0], bank) else None


def parse_variable(data: bytes) -> Variable:
    """Read a UEFI_VARIABLE_DATA. Raises MalformedEvidence."""
    body = Cursor(data, "UEFI variable", "little")
    guid = body.take(16)
    letters, size = body.number(8), body.number(8)
    if letters > _MAX_NAME or size > len(data):
        raise MalformedEvidence("UEFI variable: a length is impossible")
    try:
        name = body.take(2 * letters).decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise MalformedEvidence("UEFI variable: its name is not UTF-16") from error
    value = body.take(size)
    body.done()
    return Variable(_guid(guid), name, value)


def _secure_boot(variables: list[Variable]) -> SecureBoot:
    """On or off where the variable was measured once and is one of two bytes."""
    values = {
        each.value for each in variables if each.guid == _GLOBAL and each.name == "SecureBoot"
    }
    if values == {b"\x01"}:
        return SecureBoot.ON
    return SecureBoot.OFF if values in ({b"\x00"}, {b""}) else SecureBoot.UNKNOWN


def _guid(raw: bytes) -> str:
    a, b, c = raw[3::-1].hex(), raw[5:3:-1].hex(), raw[7:5:-1].hex()
    return f"{a}-{b}-{c}-{raw[8:10].hex()}-{raw[10:].hex()}"


def _utf16(data: bytes) -> str | None:
    """The version's text, which is UTF-16 with a NUL; None where it is something else."""
    try:
        text = data.decode("utf-16-le").rstrip("\0")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and text else None
