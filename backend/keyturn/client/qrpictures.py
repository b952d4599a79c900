"""QR codes as PNG files: written by segno, read by zxing-cpp, imported only where they are used.

Both come with the role `app`. What a picture says is judged by `qrparts` and never trusted.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from keyturn.client.errors import FileUnusable, MalformedPart
from keyturn.client.offline import read_file, write_new_file
from keyturn.client.png import MAX_FILE, Grey, read_grey
from keyturn.client.qrparts import MAX_PARTS, Part, is_part, join, parse_part, split

SCALE, BORDER = 6, 4
PICTURES = (".png", ".jpg", ".jpeg")
_HINT = "Install Keyturn's role app: pip install 'keyturn[app]'."


Reader = Callable[[bytes, str], Grey]
"""From a picture's file and what it is called to its pixels. Raises MalformedPart."""


def is_picture(path: Path) -> bool:
    """By its name. Photos need another reader than `read_grey`, which says so of them."""
    return path.suffix.lower() in PICTURES


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


def texts_in(raw: bytes, name: str, read: Reader = read_grey) -> tuple[str, ...]:
    """What the QR codes of one picture's file say. Raises MalformedPart, FileUnusable."""
    return texts_of(read(raw, name))


def texts_of(grey: Grey) -> tuple[str, ...]:
    """What the QR codes say that stand in one picture. Raises FileUnusable."""
    try:
        import zxingcpp
    except ImportError as error:
        raise FileUnusable("no reader of QR pictures is installed", hint=_HINT) from error
    view = memoryview(grey.pixels).cast("B", (grey.height, grey.width))
    found = zxingcpp.read_barcodes(
        view,
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode),
        text_mode=zxingcpp.TextMode.Plain,
    )
    return tuple(each.text for each in found)


def parts_in(raw: bytes, name: str, read: Reader = read_grey) -> tuple[Part, ...]:
    """The parts that one picture shows. Raises MalformedPart where there is none."""
    return parts_of(read(raw, name), name)


def parts_of(grey: Grey, name: str) -> tuple[Part, ...]:
    """As `parts_in`, of a picture that is read already."""
    texts = [each for each in texts_of(grey) if is_part(each)]
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


def read_pictures(paths: Sequence[Path], read: Reader = read_grey) -> bytes:
    """The whole. Raises FileUnusable, MalformedPart, ForeignPart, PartsMissing."""
    parts: list[Part] = []
    for path in pictures_at(paths):
        parts += parts_in(read_file(path, MAX_FILE), path.name, read)
    return join(parts)


def read_with_others(path: Path, read: Reader = read_grey) -> bytes:
    """The whole, of one picture and of the same transfer's in its directory.

    What else lies there is passed over. Raises as `read_pictures`.
    """
    parts = list(parts_in(read_file(path, MAX_FILE), path.name, read))
    transfer, have = parts[0].transfer, {each.index for each in parts}
    for other in _beside(path):
        if len(have) == parts[0].count:
            break
        for part in _parts_or_none(other, read):
            if part.transfer == transfer:
                parts.append(part)
                have.add(part.index)
    return join(parts)


def _parts_or_none(path: Path, read: Reader) -> tuple[Part, ...]:
    try:
        return parts_in(read_file(path, MAX_FILE), path.name, read)
    except (FileUnusable, MalformedPart):
        return ()


def _pngs(directory: Path) -> list[Path]:
    return sorted(each for each in directory.iterdir() if each.suffix.lower() == ".png")


def _beside(path: Path) -> list[Path]:
    """Pictures of any kind, those of the same kind first. Raises FileUnusable."""
    try:
        found = [each for each in path.parent.iterdir() if is_picture(each)]
    except OSError as error:
        raise FileUnusable(f"cannot read {path.parent}: {error.strerror}") from error
    same = path.suffix.lower()
    return sorted(found, key=lambda each: (each.suffix.lower() != same, each.name))[:MAX_PARTS]
