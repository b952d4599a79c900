"""QR codes as PNG files: written by segno, read by zxing-cpp, imported only where they are used.

Both come with the role `app`. What a picture says is judged by `qrparts` and never trusted.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from keyturn.client.errors import FileUnusable, MalformedPart
from keyturn.client.offline import read_file, write_new_file
from keyturn.client.png import MAX_FILE, read_grey
from keyturn.client.qrparts import MAX_PARTS, Part, is_part, join, parse_part, split

SCALE, BORDER = 6, 4
_HINT = "Install Keyturn's role app: pip install 'keyturn[app]'."


def picture(text: str, scale: int = SCALE) -> bytes:
    """One part as a PNG file. Raises FileUnusable where no writer is installed."""
    try:
        import segno
    except ImportError as error:
        raise FileUnusable("no writer of QR pictures is installed", hint=_HINT) from error
    made = io.BytesIO()
    code = segno.make(text, micro=False, error="m", boost_error=False, mode="alphanumeric")
    code.save(made, kind="png", scale=scale, border=BORDER)
    return made.getvalue()


def texts_in(raw: bytes, name: str) -> tuple[str, ...]:
    """What the QR codes of one PNG file say. Raises MalformedPart, FileUnusable."""
    try:
        import zxingcpp
    except ImportError as error:
        raise FileUnusable("no reader of QR pictures is installed", hint=_HINT) from error
    grey = read_grey(raw, name)
    view = memoryview(grey.pixels).cast("B", (grey.height, grey.width))
    found = zxingcpp.read_barcodes(
        view,
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode),
        text_mode=zxingcpp.TextMode.Plain,
    )
    return tuple(each.text for each in found)


def parts_in(raw: bytes, name: str) -> tuple[Part, ...]:
    """The parts that one picture shows. Raises MalformedPart where there is none."""
    texts = [each for each in texts_in(raw, name) if is_part(each)]
    if not texts:
        raise MalformedPart(
            f"{name} shows no part of a proposal", hint="Take that picture again, larger."
        )
    return tuple(parse_part(each) for each in texts)


def write_pictures(whole: bytes, directory: Path, stem: str = "part") -> tuple[Path, ...]:
    """One picture for each part, in a directory that is made or empty of these names.

    Raises FileUnusable, MalformedPart.
    """
    texts = split(whole)
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise FileUnusable(f"cannot make {directory}: {error.strerror}") from error
    made = []
    for place, text in enumerate(texts, start=1):
        path = directory / f"{stem}-{place:03}-of-{len(texts):03}.png"
        write_new_file(path, picture(text))
        made.append(path)
    return tuple(made)


def pictures_at(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Files as they are, and the PNG files of each directory among them. Raises FileUnusable."""
    found: list[Path] = []
    for each in paths:
        try:
            found += _pngs(each) if each.is_dir() else [each]
        except OSError as error:
            raise FileUnusable(f"cannot read {each}: {error.strerror}") from error
    if len(found) > MAX_PARTS:
        raise FileUnusable(
            "too many pictures", found=str(len(found)), expected=f"at most {MAX_PARTS}"
        )
    return tuple(found)


def read_pictures(paths: Sequence[Path]) -> bytes:
    """The whole. Raises FileUnusable, MalformedPart, ForeignPart, PartsMissing."""
    parts: list[Part] = []
    for path in pictures_at(paths):
        parts += parts_in(read_file(path, MAX_FILE), path.name)
    return join(parts)


def read_with_others(path: Path) -> bytes:
    """The whole, of one picture and of the same transfer's in its directory.

    What else lies there is passed over. Raises as `read_pictures`.
    """
    parts = list(parts_in(read_file(path, MAX_FILE), path.name))
    transfer, have = parts[0].transfer, {each.index for each in parts}
    for other in pictures_at([path.parent]):
        if len(have) == parts[0].count:
            break
        for part in _parts_or_none(other):
            if part.transfer == transfer:
                parts.append(part)
                have.add(part.index)
    return join(parts)


def _parts_or_none(path: Path) -> tuple[Part, ...]:
    try:
        return parts_in(read_file(path, MAX_FILE), path.name)
    except (FileUnusable, MalformedPart):
        return ()


def _pngs(directory: Path) -> list[Path]:
    return sorted(each for each in directory.iterdir() if each.suffix.lower() == ".png")
