"""The safetensors header, read strictly: where each tensor lies in memory that is already there.

Source: huggingface/safetensors README, "Format". 8 bytes little-endian header length, a JSON
object name → {dtype, shape, data_offsets}, then the data. Tensors must tile the data exactly: no
overlap, no hole, no rest. Nothing is copied and nothing is allocated but the spans.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import prod

from keyturn.agent.errors import ModelUnusable
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, parse_object

MAX_HEADER = 100_000_000
"""Bytes, the limit of the reference implementation."""
MAX_TENSORS = 1_000_000
MAX_RANK = 16


class Dtype(Enum):
    """The element types that this engine takes; the value is the format's name."""

    F64 = "F64"
    F32 = "F32"
    F16 = "F16"
    BF16 = "BF16"
    I64 = "I64"
    I32 = "I32"
    I16 = "I16"
    I8 = "I8"
    U8 = "U8"
    BOOL = "BOOL"

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return _SIZES[self]


_SIZES = {
    Dtype.F64: 8,
    Dtype.F32: 4,
    Dtype.F16: 2,
    Dtype.BF16: 2,
    Dtype.I64: 8,
    Dtype.I32: 4,
    Dtype.I16: 2,
    Dtype.I8: 1,
    Dtype.U8: 1,
    Dtype.BOOL: 1,
}


@dataclass(frozen=True, slots=True)
class TensorSpan:
    """Where a tensor lies: `start` and `stop` count from the first byte of the file."""

    dtype: Dtype
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def elements(self) -> int:
        return prod(self.shape)


def parse_safetensors(data: memoryview) -> Mapping[str, TensorSpan]:
    """The tensors of one file, by name. Raises ModelUnusable."""
    try:
        return _parse(data)
    except ModelUnusable:
        raise
    except MalformedError as error:
        raise ModelUnusable(error.message, found=error.found, expected=error.expected) from error


def _parse(data: memoryview) -> Mapping[str, TensorSpan]:
    if len(data) < 8:
        raise ModelUnusable("safetensors: too short", found=f"{len(data)} bytes")
    length = int.from_bytes(data[:8], "little")
    if length > min(MAX_HEADER, len(data) - 8):
        raise ModelUnusable(
            "safetensors: header is longer than the file",
            found=f"{length} bytes",
            expected=f"at most {min(MAX_HEADER, len(data) - 8)}",
        )
    header = bytes(data[8 : 8 + length])
    if not header.startswith(b"{"):
        raise ModelUnusable("safetensors: header does not begin with '{'")
    fields = parse_object(header, limit=MAX_HEADER, what="safetensors header")
    if fields.has("__metadata__"):
        _check_metadata(fields.fields("__metadata__"))
    names = [name for name in fields.names() if name != "__metadata__"]
    if len(names) > MAX_TENSORS:
        raise ModelUnusable("safetensors: too many tensors", found=str(len(names)))
    base = 8 + length
    spans = {name: _span(fields.fields(name), base, len(data)) for name in names}
    _check_tiling(spans, base, len(data))
    return spans


def _check_metadata(fields: Fields) -> None:
    for name in fields.names():
        fields.text(name, limit=1 << 20, empty=True)


def _span(fields: Fields, base: int, end: int) -> TensorSpan:
    dtype = fields.choice("dtype", Dtype)
    shape = _numbers(fields, "shape", MAX_RANK)
    offsets = _numbers(fields, "data_offsets", 2)
    fields.done()
    if len(offsets) != 2 or not offsets[0] <= offsets[1] <= end - base:
        raise ModelUnusable(
            f"{fields.what}: data_offsets are out of bounds",
            found=str(offsets),
            expected=f"within 0 and {end - base}",
        )
    span = TensorSpan(dtype, shape, base + offsets[0], base + offsets[1])
    if span.stop - span.start != span.elements * dtype.size:
        raise ModelUnusable(
            f"{fields.what}: size does not fit shape and dtype",
            found=f"{span.stop - span.start} bytes",
            expected=f"{span.elements * dtype.size} bytes",
        )
    if span.start % dtype.size:
        raise ModelUnusable(
            f"{fields.what}: not aligned to its element",
            found=f"byte {span.start}",
            expected=f"a multiple of {dtype.size}",
        )
    return span


def _numbers(fields: Fields, name: str, limit: int) -> tuple[int, ...]:
    values = fields.items(name, limit=limit)
    numbers = tuple(v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= 0)
    if len(numbers) != len(values):
        raise ModelUnusable(f"{fields.what}: '{name}' is not a list of sizes")
    return numbers


def _check_tiling(spans: Mapping[str, TensorSpan], base: int, end: int) -> None:
    at = base
    for name, span in sorted(spans.items(), key=lambda item: (item[1].start, item[1].stop)):
        if span.start != at:
            raise ModelUnusable(
                f"safetensors: '{name}' leaves a hole or overlaps",
                found=f"byte {span.start}",
                expected=f"byte {at}",
            )
        at = span.stop
    if at != end:
        raise ModelUnusable("safetensors: bytes after the last tensor", found=f"{end - at} bytes")
