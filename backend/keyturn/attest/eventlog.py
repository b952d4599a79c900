"""Measured boot's log of events, and the registers that follow from it.

Sources: TCG PC Client Platform Firmware Profile (TCG_PCR_EVENT, TCG_PCR_EVENT2, TCG_EfiSpecIDEvent,
StartupLocality); UEFI 2.10 §38.4 and Intel's GHCI (CCEL: the same records, registers 0 MRTD and
1 to 4 RTMR0 to RTMR3). Little endian.

A log proves nothing by itself: it explains quoted registers once it leads to them. What an event's
digest covers is `eventdata`'s question; a name in an event's data is anybody's word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from keyturn.attest.cursor import Cursor
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm, hash_of
from keyturn.attest.tpm_quote import PCRS

MAX_LOG = 1 << 20
MAX_EVENTS = 16_384
EV_NO_ACTION = 0x00000003
_MAX_EVENT = 1 << 20
_MAX_DIGESTS = 8
_SPEC_ID = b"Spec ID Event03\0"
_LOCALITY = b"StartupLocality\0"
_KNOWN = {each.value: each for each in HashAlgorithm}


@dataclass(frozen=True, slots=True)
class Event:
    """One record: the register that was extended, with what, and what is said about it."""

    index: int
    register: int
    kind: int
    digests: tuple[tuple[HashAlgorithm, bytes], ...]
    data: bytes = field(repr=False)

    @property
    def extends(self) -> bool:
        return self.kind != EV_NO_ACTION

    def digest(self, bank: HashAlgorithm) -> bytes | None:
        for each, digest in self.digests:
            if each is bank:
                return digest
        return None


@dataclass(frozen=True, slots=True)
class EventLog:
    """Events in order, without the record that only announces the hashes; `size` bytes were read,
    the rest is padding."""

    events: tuple[Event, ...]
    startup_locality: int
    size: int

    @property
    def banks(self) -> tuple[HashAlgorithm, ...]:
        """Those in which any register was extended, in the order of their names."""
        found = {bank for each in self.events if each.extends for bank, _ in each.digests}
        return tuple(sorted(found, key=lambda bank: bank.value))

    def replay(self, bank: HashAlgorithm) -> dict[int, bytes]:
        """Every register that an event extended, as it must read afterwards."""
        registers: dict[int, bytes] = {}
        for event in self.events:
            digest = event.digest(bank)
            if digest is None or not event.extends:
                continue
            before = registers.get(event.register) or self._start(event.register, bank)
            registers[event.register] = bank.digest(before + digest)
        return registers

    def of(self, register: int) -> tuple[Event, ...]:
        """The events that extended one register."""
        return tuple(each for each in self.events if each.extends and each.register == register)

    def _start(self, register: int, bank: HashAlgorithm) -> bytes:
        locality = self.startup_locality if register == 0 else 0
        return bytes(bank.size - 1) + bytes([locality])


def parse_event_log(raw: bytes, *, registers: int = PCRS) -> EventLog:
    """Read a log up to its end or its padding, of zeros or of 0xFF. Raises MalformedEvidence."""
    what = "event log"
    if len(raw) > MAX_LOG:
        raise MalformedEvidence(
            f"{what} is too large", found=f"{len(raw)} bytes", expected=f"at most {MAX_LOG}"
        )
    body = Cursor(raw, what, "little")
    first = _old_record(body, 0, registers)
    sizes = _digest_sizes(first) if _is_spec_id(first) else None
    events = [first] if sizes is None else []
    # Padding is one filler up to the end: zeros are no record, an event type 0 has a digest.
    end = min(len(raw.rstrip(filler)) for filler in (b"\0", b"\xff"))
    while body.at < end:
        number = len(events)
        if number >= MAX_EVENTS:
            raise MalformedEvidence(f"{what} has too many events", expected=f"{MAX_EVENTS}")
        events.append(
            _old_record(body, number, registers)
            if sizes is None
            else _record(body, number, sizes, registers)
        )
    return EventLog(tuple(events), _locality(events), body.at)


def _old_record(body: Cursor, index: int, registers: int) -> Event:
    """TCG_PCR_EVENT: SHA-1 alone. The first record always has this form."""
    register, kind, digest = body.number(4), body.number(4), body.take(20)
    data = body.sized(4, _MAX_EVENT)
    _check_register(register, kind, registers)
    return Event(index, register, kind, ((HashAlgorithm.SHA1, digest),), data)


def _record(body: Cursor, index: int, sizes: dict[int, int], registers: int) -> Event:
    """TCG_PCR_EVENT2. Banks that are not known here are read over, by the size the log says."""
    register, kind, count = body.number(4), body.number(4), body.number(4)
    if not 1 <= count <= _MAX_DIGESTS:
        raise MalformedEvidence(
            "event log: an event has no digest or too many", found=f"{count} in event {index}"
        )
    digests: dict[int, bytes] = {}
    for _ in range(count):
        identifier = body.number(2)
        size = sizes.get(identifier)
        if size is None or identifier in digests:
            raise MalformedEvidence(
                "event log: a digest of a hash that the log does not announce, or twice",
                found=f"{identifier:#06x} in event {index}",
            )
        digests[identifier] = body.take(size)
    data = body.sized(4, _MAX_EVENT)
    _check_register(register, kind, registers)
    found = tuple((_KNOWN[each], digest) for each, digest in digests.items() if each in _KNOWN)
    return Event(index, register, kind, found, data)


def _check_register(register: int, kind: int, registers: int) -> None:
    if kind != EV_NO_ACTION and register >= registers:
        raise MalformedEvidence(
            "event log: an event of a register that does not exist",
            found=str(register),
            expected=f"below {registers}",
        )


def _is_spec_id(first: Event) -> bool:
    return first.kind == EV_NO_ACTION and first.data.startswith(_SPEC_ID)


def _digest_sizes(first: Event) -> dict[int, int]:
    """TCG_EfiSpecIDEvent: which hashes the further records have, with their sizes."""
    body = Cursor(first.data[len(_SPEC_ID) :], "event log's first record", "little")
    body.take(8)  # platform class, specification version and errata, size of a UINTN
    count = body.number(4)
    if not 1 <= count <= _MAX_DIGESTS:
        raise MalformedEvidence("event log announces no hash, or too many", found=str(count))
    sizes: dict[int, int] = {}
    for _ in range(count):
        identifier, size = body.number(2), body.number(2)
        if identifier in sizes or not 1 <= size <= 64:
            raise MalformedEvidence("event log announces a hash twice or of an impossible size")
        if identifier in _KNOWN and hash_of(identifier, "event log").size != size:
            raise MalformedEvidence("event log announces a hash with another size than it has")
        sizes[identifier] = size
    body.sized(1, 255)  # vendor's
    body.done()
    return sizes


def _locality(events: Sequence[Event]) -> int:
    """What PCR 0 began as. Raises MalformedEvidence where two events say two things."""
    said = {
        each.data[len(_LOCALITY) :]
        for each in events
        if each.kind == EV_NO_ACTION and each.data.startswith(_LOCALITY)
    }
    if not said:
        return 0
    (value, *others) = said
    if others or len(value) != 1 or value[0] not in (0, 3, 4):
        raise MalformedEvidence(
            "event log: start-up locality is said twice or unknown",
            found=", ".join(sorted(each.hex() for each in said))[:80],
        )
    return value[0]
