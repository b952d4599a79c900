"""C2SP entry bundles: up to 256 entries, each after its 2-byte big-endian length.

Source: c2sp.org/tlog-tiles, "Log entries". An entry is 1 to 65535 bytes: ours are never empty,
so a run of zero bytes is never mistaken for entries.
"""

from collections.abc import Sequence

from keyturn.tlog.errors import MalformedTile

MAX_ENTRY = 0xFFFF
"""Bytes in the largest entry that a bundle can carry."""


def check_entry(entry: bytes) -> None:
    """Raises MalformedTile unless the entry has 1 to 65535 bytes."""
    if not 1 <= len(entry) <= MAX_ENTRY:
        raise MalformedTile(
            "log entry has an impossible size",
            found=f"{len(entry)} bytes",
            expected=f"1 to {MAX_ENTRY} bytes",
        )


def bundle_bytes(entries: Sequence[bytes]) -> bytes:
    """Write a bundle. Raises MalformedTile on an entry of an impossible size."""
    parts = []
    for entry in entries:
        check_entry(entry)
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def parse_bundle(raw: bytes, width: int, first: int = 0) -> tuple[bytes, ...]:
    """Read exactly `width` entries, of which `first` is the number of the first one in the log.
    Raises MalformedTile on anything else."""
    entries, at = [], 0
    for place in range(width):
        length = int.from_bytes(raw[at : at + 2], "big")
        entry = raw[at + 2 : at + 2 + length]
        if length == 0 or len(entry) != length:
            raise MalformedTile(
                f"bundle: entry {first + place} is cut or empty",
                found=f"{len(raw)} bytes in all",
                expected=f"{width} entries",
            )
        entries.append(entry)
        at += 2 + length
    if at != len(raw):
        raise MalformedTile(
            f"bundle has bytes after its last entry, {first + width - 1}",
            found=f"{len(raw)} bytes",
            expected=f"{at} bytes",
        )
    return tuple(entries)
