"""Pictures of QR codes as grey pixels: PNG files by our own reader, photos by Qt's, the clipboard.

Sizes are looked at before anything is unpacked; a photo larger than a reader of codes has use for
is taken smaller (a JPEG decoder does that without unpacking all of it).
"""

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize
from PySide6.QtGui import QGuiApplication, QImage, QImageReader, QPainter

from keyturn.client.errors import MalformedPart
from keyturn.client.png import MAX_FILE, MAX_PIXELS, Grey, read_grey

_JPEG = b"\xff\xd8\xff"
MAX_PHOTO = 50_000_000
"""Pixels of a photo, before it is taken smaller."""


def read_photo(raw: bytes, name: str) -> Grey:
    """A PNG or a JPEG file, whichever it is. Raises MalformedPart."""
    if not raw.startswith(_JPEG):
        return read_grey(raw, name)
    if len(raw) > MAX_FILE:
        raise MalformedPart(f"{name} is too large", expected=f"at most {MAX_FILE} bytes")
    data = QByteArray(raw)
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(b"jpeg"))
    reader.setAutoDetectImageFormat(False)
    size = reader.size()
    pixels = size.width() * size.height()
    if not size.isValid() or not 0 < pixels <= MAX_PHOTO:
        raise MalformedPart(
            f"{name} is no photo that is read here",
            found=f"{size.width()} × {size.height()} pixels",
            expected=f"a JPEG file of at most {MAX_PHOTO} pixels",
        )
    if pixels > MAX_PIXELS:
        share = (MAX_PIXELS / pixels) ** 0.5
        reader.setScaledSize(QSize(int(size.width() * share), int(size.height() * share)))
    image = reader.read()
    if image.isNull():
        raise MalformedPart(f"{name} is not a whole JPEG picture")
    return grey_of(image)


def clipboard_picture() -> Grey | None:
    """The picture on the clipboard, a grab of the screen for one; None where there is none.

    Raises MalformedPart when it is too large.
    """
    image = QGuiApplication.clipboard().image()
    return None if image.isNull() else grey_of(image)


def grey_of(image: QImage) -> Grey:
    """What is not opaque is taken as on white. Raises MalformedPart when it is too large."""
    width, height = image.width(), image.height()
    if width * height > MAX_PIXELS:
        raise MalformedPart(
            "the picture is too large",
            found=f"{width} × {height} pixels",
            expected=f"at most {MAX_PIXELS} pixels",
        )
    plain = _on_white(image).convertToFormat(QImage.Format.Format_Grayscale8)
    stride, data = plain.bytesPerLine(), bytes(plain.constBits())
    rows = (data[at * stride : at * stride + width] for at in range(height))
    return Grey(width, height, b"".join(rows))


def _on_white(image: QImage) -> QImage:
    if not image.hasAlphaChannel():
        return image
    made = QImage(image.size(), QImage.Format.Format_RGB32)
    made.fill(0xFFFFFFFF)
    painter = QPainter(made)
    painter.drawImage(0, 0, image)
    painter.end()
    return made
