"""Zip files of few stored files, before `zipfile` reads them: how much their directory may hold.

Source: PKWARE APPNOTE 6.3.10, §4.3.12, §4.3.15, §4.3.16. `zipfile` makes an object of each entry of
the central directory before anybody can count them: of 64 MiB of empty entries more than a million,
which take a gigabyte.
"""

import struct

from keyturn.base.errors import MalformedError

_END = struct.Struct("<4s4H2LH")
_LOCATOR_SIZE = 20
_ENTRY_SIZE = 46
_MAX_NAME = 512


def check_directory(raw: bytes, *, files: int) -> None:
    """The file ends with its end record, without comment, and has so many entries at most.

    Raises MalformedError.
    """
    end = raw[-_END.size :]
    if len(end) < _END.size:
        raise MalformedError("zip: too short", found=f"{len(raw)} bytes")
    magic, *_, entries, size, _, comment = _END.unpack(end)
    if magic != b"PK\5\6" or comment:
        raise MalformedError("zip: it does not end as a zip without comment does")
    locator = raw[-_END.size - _LOCATOR_SIZE :][:4]
    if locator == b"PK\6\7":
        raise MalformedError("zip: of the large format (zip64)", expected="the small one")
    if entries > files or size > files * (_ENTRY_SIZE + _MAX_NAME):
        raise MalformedError(
            "zip: too many files",
            found=f"{entries}, listed in {size} bytes",
            expected=f"at most {files}",
        )
