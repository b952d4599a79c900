"""A TPM's quote and a boot's event log field by field.

Sources: TPM 2.0 Library, Part 2 (TPMS_ATTEST, TPMS_QUOTE_INFO); TCG PC Client Platform Firmware
Profile (TCG_PCR_EVENT2).
"""

from collections.abc import Iterator, Mapping

from keyturn.attest.cursor import Cursor
from keyturn.attest.eventdata import KINDS, covers
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.fields import Field, Section, as_hex, big, mask_big, section
from keyturn.attest.tpm_algorithms import HashAlgorithm

ATTEST = "TPM 2.0 Library, Part 2, TPMS_ATTEST"
EVENTS = "TCG PC Client Platform Firmware Profile, TCG_PCR_EVENT2"
_SHOWN = 64  # bytes of an event's data as text
_KNOWN = {each.value: each for each in HashAlgorithm}


def quote_section(quote: bytes) -> Section:
    return section("TPM quote", ATTEST, quote, _quote)


def pcrs_section(pcrs: Mapping[HashAlgorithm, Mapping[int, bytes]]) -> Section:
    """The registers that were shown beside a quote, which has their digest alone."""
    fields = [
        Field(f"{bank.bank} PCR {number}", None, value, value.hex())
        for bank, values in pcrs.items()
        for number, value in sorted(values.items())
    ]
    return Section("TPM registers", "TPM 2.0 Library, Part 1, PCR", tuple(fields))


def log_section(log: bytes) -> Section:
    return section("Event log", EVENTS, log, _events)


def _quote(raw: bytes) -> Iterator[Field]:
    """Every byte is in one field."""
    cursor = Cursor(raw, "TPM quote", "big")

    def take(name: str, size: int, value: str | None = None) -> Field:
        at = cursor.at
        part = cursor.take(size)
        return Field(name, at, part, big(part) if value is None else value)

    def sized(name: str, width: int = 2) -> Iterator[Field]:
        length = take(f"{name}.size", width)
        yield length
        at, part = cursor.at, cursor.take(int(length.value))
        yield Field(name, at, part, part.hex())

    yield _hex(take("magic", 4))
    yield _hex(take("type", 2))
    yield from sized("qualifiedSigner")
    yield from sized("extraData")
    for name, size in (("clock", 8), ("resetCount", 4), ("restartCount", 4), ("safe", 1)):
        yield take(f"clockInfo.{name}", size)
    yield _hex(take("firmwareVersion", 8))
    count = take("attested.pcrSelect.count", 4)
    yield count
    for place in range(min(int(count.value), 16)):
        name = f"attested.pcrSelect[{place}]"
        bank = take(f"{name}.hash", 2)
        known = _KNOWN.get(int(bank.value))
        yield Field(
            bank.name, bank.offset, bank.raw, mask_big(bank.raw), known.bank if known else ""
        )
        length = take(f"{name}.sizeofSelect", 1)
        yield length
        at, part = cursor.at, cursor.take(int(length.value))
        chosen = [n for n in range(8 * len(part)) if int.from_bytes(part, "little") >> n & 1]
        note = "PCR " + ", ".join(map(str, chosen)) if chosen else ""
        yield Field(f"{name}.pcrSelect", at, part, part.hex(), note)
    yield from sized("attested.pcrDigest")
    if cursor.left:
        at = cursor.at
        rest = cursor.take(cursor.left)
        yield Field("(more)", at, rest, rest.hex()[:200], "no quote is so long")


def _hex(found: Field) -> Field:
    return Field(found.name, found.offset, found.raw, mask_big(found.raw))


def _events(raw: bytes) -> Iterator[Field]:
    log = parse_event_log(raw)
    for each in log.events:
        name = f"event {each.index}"
        kind = KINDS.get(each.kind, f"{each.kind:#010x}")
        yield Field(f"{name}: pcrIndex, eventType", None, b"", f"{each.register}, {kind}")
        for bank, digest in each.digests:
            note = "of the event's data" if covers(each, bank) else "of something else"
            yield Field(f"{name}: digest {bank.bank}", None, digest, as_hex(digest), note)
        text = each.data[:_SHOWN].decode("ascii", "replace")
        shown = text if text.isprintable() and "\ufffd" not in text else each.data[:_SHOWN].hex()
        yield Field(f"{name}: event", None, each.data, shown)
