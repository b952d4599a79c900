"""A zip's directory is bounded before anybody reads it."""

import io
import struct
import zipfile

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.storedzip import check_directory


def made(count: int, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = comment
        for number in range(count):
            archive.writestr(f"{number}", b"x")
    return out.getvalue()


def crowded(entries: int, said: int) -> bytes:
    """Empty entries, of which the end record counts `said`."""
    one = b"PK\1\2" + bytes(42)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, said, said, len(one) * entries, 0, 0)
    return one * entries + end


def test_few_files_fit() -> None:
    for count in (0, 1, 3):
        check_directory(made(count), files=3)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"PK\5\6",
        made(4),
        made(1)[:-1],
        made(1) + b"\0",
        made(1, b"a comment"),
        crowded(2000, 1),
        made(1)[:-22] + b"PK\6\7" + bytes(16) + made(1)[-22:],
    ],
)
def test_what_does_not_fit_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError, match="zip"):
        check_directory(raw, files=3)
