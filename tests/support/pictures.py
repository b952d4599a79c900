"""Pictures to compare: small enough to keep, and how many pixels two of them differ in."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage, qRgb
from PySide6.QtWidgets import QWidget

Pixels = NDArray[np.uint8]
"""Height × width × 3: red, green, blue."""

DIFFERENT = 8
"""Of 255, in any of the three: less is another rounding of the same picture."""
ALLOWED = 0.001
_NEAR = 6
"""What a colour of a kept picture may be off by."""
_COLOURS = 256


def grabbed(widget: QWidget) -> Pixels:
    return pixels_of(widget.grab().toImage())


def pixels_of(image: QImage) -> Pixels:
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    lines: NDArray[np.uint8] = np.frombuffer(plain.constBits(), np.uint8)
    lines = lines.reshape(plain.height(), plain.bytesPerLine())
    return lines[:, : plain.width() * 3].reshape(plain.height(), plain.width(), 3).copy()


def read(path: Path) -> Pixels:
    """Raises OSError when there is no such picture."""
    image = QImage(str(path))
    if image.isNull():
        raise OSError(f"no picture: {path.name}")
    return pixels_of(image)


def difference(one: Pixels, other: Pixels) -> NDArray[np.bool_]:
    """Which pixels differ; all of them for pictures of two sizes."""
    if one.shape != other.shape:
        return np.ones(one.shape[:2], np.bool_)
    apart = np.abs(one.astype(np.int16) - other.astype(np.int16)).max(axis=2)
    return np.asarray(apart > DIFFERENT, np.bool_)


def write(path: Path, pixels: Pixels) -> None:
    """As it is."""
    solid = np.ascontiguousarray(pixels)
    height, width = solid.shape[:2]
    image = QImage(solid.tobytes(), width, height, width * 3, QImage.Format.Format_RGB888)
    if not image.save(str(path)):
        raise OSError(f"cannot write {path}")


def write_difference(path: Path, pixels: Pixels, different: NDArray[np.bool_]) -> None:
    """What was drawn, pale, and every pixel that differs in red."""
    pale = (pixels // 4 + 160).astype(np.uint8)
    if different.shape == pale.shape[:2]:
        pale[different] = (220, 0, 0)
    write(path, pale)


def write_small(path: Path, pixels: Pixels) -> None:
    """One byte a pixel: at most 256 colours, nearly all of them within 6 of what was drawn."""
    colours, places, counts = _counted(pixels)
    table = _table(colours, counts)
    apart = np.abs(colours[:, None, :] - table[None]).max(axis=2)
    indexed = apart.argmin(axis=1).astype(np.uint8)[places]
    height, width = pixels.shape[:2]
    image = QImage(indexed.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable([qRgb(*map(int, each)) for each in table])
    if not image.save(str(path), quality=0):
        raise OSError(f"cannot write {path}")


def _counted(pixels: Pixels) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The colours, which of them each pixel has, and how often each occurs."""
    wide = pixels.reshape(-1, 3).astype(np.int64)
    codes = wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]
    found, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1), places, counts


def _table(colours: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent colours, none of them within `_NEAR` of another."""
    left = np.ones(len(colours), np.bool_)
    chosen: list[Any] = []
    for each in np.argsort(-counts, kind="stable"):
        if left[each] and len(chosen) < _COLOURS:
            chosen.append(tuple(colours[each].tolist()))
            left &= np.abs(colours - colours[each]).max(axis=1) > _NEAR
    return np.array(sorted(chosen), np.int64)
