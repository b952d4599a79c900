"""A preview read back: whatever is missing, extra, out of order or miscounted is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.policy.impact import Group
from keyturn.policy.impact_document import preview_bytes
from keyturn.policy.impact_reading import differences, read_preview
from keyturn.policy.preview import preview
from unit.policy.test_preview import AT, fleet


def document() -> dict[str, object]:
    here = fleet()
    nodes = [here.node(0), here.node(1, gpus=2)]
    made = preview(here.policy(gpu={"count": 2}), here.state, nodes, AT, here.now)
    found = json.loads(preview_bytes(made))
    assert isinstance(found, dict)
    return found


def test_what_was_written_is_read() -> None:
    said = read_preview(dump(document()))
    assert [each.outcome for each in said.nodes] == [Group.LOSES, Group.NEWLY]
    assert said.nodes[0].decisive[0].reason == "gpu-count"
    assert said.position == AT
    assert differences(said, said) == []


@pytest.mark.parametrize("name", list(document()))
def test_each_field_is_needed_and_no_other_is_taken(name: str) -> None:
    missing = document()
    del missing[name]
    with pytest.raises(MalformedError):
        read_preview(dump(missing))
    with pytest.raises(MalformedError):
        read_preview(dump({**document(), f"{name}2": 1}))
    with pytest.raises(MalformedError):
        read_preview(dump({**document(), name: 1.5}))


def test_counts_and_order_are_its_nodes() -> None:
    wrong = document()
    wrong["nodes"] = wrong["nodes"][::-1]  # type: ignore[index]
    with pytest.raises(MalformedError, match="out of order"):
        read_preview(dump(wrong))
    wrong = document()
    wrong["counts"] = {each.value: 9 for each in Group}
    with pytest.raises(MalformedError, match="counts"):
        read_preview(dump(wrong))


def test_what_differs_in_few_words() -> None:
    said = read_preview(dump(document()))
    other = document()
    other["nodes"] = other["nodes"][:1]  # type: ignore[index]
    other["counts"] = {each.value: int(each is Group.LOSES) for each in Group}
    other["size"] = 8
    told = differences(said, read_preview(dump(other)))
    assert told == ["log size 7, now 8", "node node-1 is gone"]


@given(st.binary(max_size=200))
def test_bytes_from_anywhere(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        read_preview(raw)
