"""Codes on a photo and on the clipboard; what is too large is refused by its head."""

import os
import struct
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QTransform
from pytestqt.qtbot import QtBot

from keyturn.client.errors import MalformedPart
from keyturn.client.png import MAX_PIXELS
from keyturn.client.qrparts import parse_part, split
from keyturn.client.qrpictures import parts_of, picture, read_pictures
from keyturn_app.qtkit.photos import MAX_PHOTO, clipboard_picture, grey_of, read_photo

TEXTS = split(bytes(range(256)) * 2)


def photo(text: str = TEXTS[0], *, width: int = 1600, height: int = 1200) -> QImage:
    """A code as a phone sees it on a screen: at an angle, on grey, not evenly lit."""
    code = QImage()
    code.loadFromData(picture(text))
    made = QImage(width, height, QImage.Format.Format_RGB32)
    made.fill(QColor(200, 196, 188))
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    scale = height * 0.8 / code.height()
    painter.setTransform(
        QTransform().translate(width * 0.25, height * 0.05).rotate(7).scale(scale, scale)
    )
    painter.drawImage(0, 0, code)
    painter.resetTransform()
    painter.fillRect(0, 0, width // 2, height, QColor(0, 0, 0, 40))
    painter.end()
    return made


def jpeg(image: QImage, quality: int = 80) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "JPEG", quality)  # type: ignore[call-overload]
    return bytes(data.data())


def test_a_code_on_a_photo_is_read(qapp: object) -> None:
    grey = read_photo(jpeg(photo()), "photo.jpg")
    assert (grey.width, grey.height) == (1600, 1200)
    assert parts_of(grey, "photo.jpg") == (parse_part(TEXTS[0]),)


def test_a_large_photo_is_taken_smaller(qapp: object) -> None:
    grey = read_photo(jpeg(photo(width=5000, height=3800)), "large.jpg")
    assert grey.width * grey.height <= MAX_PIXELS
    assert parts_of(grey, "large.jpg") == (parse_part(TEXTS[0]),)


def test_photos_and_files_may_be_mixed(qapp: object, tmp_path: Path) -> None:
    whole = os.urandom(1500)
    texts = split(whole)
    paths = []
    for place, text in enumerate(texts):
        path = tmp_path / f"{place}.{'jpg' if place % 2 else 'png'}"
        path.write_bytes(jpeg(photo(text)) if place % 2 else picture(text))
        paths.append(path)
    assert len(paths) > 1
    assert read_pictures(paths, read_photo) == whole


@pytest.mark.qt_log_ignore(".*")  # what the decoder says of it
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0" + bytes(1000),
        b"GIF89a" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_what_is_no_picture_is_malformed(qapp: object, raw: bytes) -> None:
    with pytest.raises(MalformedPart):
        read_photo(raw, "picture")


def test_a_head_that_promises_too_much_is_refused_before_anything_is_unpacked(
    qapp: object,
) -> None:
    raw = bytearray(jpeg(photo(width=64, height=64)))
    frame = raw.index(b"\xff\xc0")
    raw[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    assert MAX_PHOTO < 60_000 * 60_000
    with pytest.raises(MalformedPart, match="no photo that is read here"):
        read_photo(bytes(raw), "bomb.jpg")
    with pytest.raises(MalformedPart, match="too large"):
        read_photo(b"\xff\xd8\xff" + bytes(17 << 20), "long.jpg")


@pytest.mark.qt_log_ignore(".*")  # what the decoder says of it
def test_a_cut_photo_does_not_crash(qapp: object) -> None:
    raw = jpeg(photo())
    for share in (10, 3, 2):
        try:
            grey = read_photo(raw[: len(raw) // share], "cut.jpg")
        except MalformedPart:
            continue
        assert len(grey.pixels) == grey.width * grey.height


def test_the_picture_on_the_clipboard(qtbot: QtBot) -> None:
    clipboard = QGuiApplication.clipboard()
    clipboard.clear()
    assert clipboard_picture() is None
    clipboard.setImage(photo())
    found = clipboard_picture()
    assert found is not None
    assert parts_of(found, "clipboard") == (parse_part(TEXTS[0]),)
    clipboard.clear()


def test_what_shines_through_is_on_white_and_too_much_is_refused(qapp: object) -> None:
    clear = QImage(3, 2, QImage.Format.Format_ARGB32)
    clear.fill(Qt.GlobalColor.transparent)
    assert grey_of(clear).pixels == b"\xff" * 6
    wide = QImage(MAX_PIXELS // 1000 + 1, 1000, QImage.Format.Format_Grayscale8)
    with pytest.raises(MalformedPart, match="too large"):
        grey_of(wide)
