"""Strict headers: what the reference library writes is read, what it would not write is refused."""

import json
import struct

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from keyturn.agent.errors import ModelUnusable
from keyturn.agent.safetensors import Dtype, parse_safetensors


def written(header: object, data: bytes = b"", length: int | None = None) -> memoryview:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    if isinstance(header, dict):
        raw += b" " * (-len(raw) % 8)
    return memoryview(struct.pack("<Q", len(raw) if length is None else length) + raw + data)


def one(dtype: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@given(
    st.dictionaries(
        st.text("abc.", min_size=1, max_size=6),
        st.tuples(
            st.sampled_from([np.float32, np.float16, np.int64, np.uint8, np.bool_]),
            st.lists(st.integers(0, 4), max_size=3),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_reads_what_the_reference_library_writes(wanted: dict[str, tuple[type, list[int]]]) -> None:
    arrays = {
        name: np.arange(int(np.prod(shape))).reshape(shape).astype(kind)
        for name, (kind, shape) in wanted.items()
    }
    raw = memoryview(safetensors.numpy.save(arrays, metadata={"format": "pt"}))

    spans = parse_safetensors(raw)

    assert set(spans) == set(arrays)
    for name, span in spans.items():
        assert span.shape == arrays[name].shape
        assert bytes(raw[span.start : span.stop]) == arrays[name].tobytes()


def test_padding_of_the_header_is_part_of_the_format() -> None:
    raw = json.dumps(one()).encode() + b"   "

    assert parse_safetensors(written(raw.ljust(-(-len(raw) // 8) * 8), bytes(8)))["a"].shape == (2,)


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (memoryview(b"1234567"), "too short"),
        (written(one(), bytes(8), length=10_000), "longer than the file"),
        (written(one(), bytes(8), length=2**63), "longer than the file"),
        (written(b" " + json.dumps(one()).encode(), bytes(8)), "begin with"),
        (written(b"{", bytes(8)), "not JSON"),
        (written(one("F33"), bytes(8)), "dtype"),
        (written(one(shape=(3,)), bytes(8)), "size does not fit"),
        (written(one(shape=(-2,)), bytes(8)), "shape"),
        (written(one(shape="2"), bytes(8)), "shape"),
        (written(one(offsets=(0, 16)), bytes(8)), "out of bounds"),
        (written(one(offsets=(8, 0)), bytes(8)), "out of bounds"),
        (written(one(offsets=(0, 8, 9)), bytes(8)), "data_offsets"),
        (written(one(), bytes(9)), "after the last tensor"),
        (written(one(offsets=(1, 9)), bytes(9)), "not aligned"),
        (written(one(offsets=(4, 12)), bytes(12)), "hole"),
        (written({"a": {**one()["a"], "x": 1}}, bytes(8)), "unknown field"),  # type: ignore[dict-item]
        (written(b'{"a":1,"a":2}', bytes(8)), "twice"),
        (written({"__metadata__": {"a": 1}}), "__metadata__"),
    ],
)
def test_refuses(bad: memoryview, named: str) -> None:
    with pytest.raises(ModelUnusable, match=named):
        parse_safetensors(bad)


def test_refuses_overlap_and_hole() -> None:
    def both(second: tuple[int, int]) -> dict[str, object]:
        return {
            **one(),
            "b": {"dtype": "F32", "shape": [2], "data_offsets": list(second)},
        }

    assert len(parse_safetensors(written(both((8, 16)), bytes(16)))) == 2
    for second, size in (((4, 12), 12), ((0, 8), 8), ((12, 20), 20)):
        with pytest.raises(ModelUnusable, match="hole or overlaps"):
            parse_safetensors(written(both(second), bytes(size)))


def test_every_dtype_has_a_size() -> None:
    assert {each.size for each in Dtype} == {1, 2, 4, 8}
