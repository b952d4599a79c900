import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from keyturn.base.errors import MalformedError
from keyturn.ceremony.tokeninventory import (
    KeyAttribute,
    KeyOrigin,
    KeyProfile,
    KeyState,
    ListedKek,
    ListedKey,
    TokenInventory,
    Workers,
    encode_inventory,
    parse_inventory,
)
from keyturn.ceremony.tokenreport import ReportedToken, ReportedVendor, TokenAssurance

_ATTRIBUTES = (
    KeyAttribute("EXTRACTABLE", "False", True),
    KeyAttribute("MODIFIABLE", "True", False),
)
_OLD = ListedKek("a" * 64, KeyProfile.RECOVERABLE, KeyState.DESTROYED, KeyOrigin.IMPORTED, ())
_NOW = ListedKek(
    "b" * 64, KeyProfile.NEVER_EXTRACTABLE, KeyState.ACTIVE, KeyOrigin.MADE, _ATTRIBUTES
)
INVENTORY = TokenInventory(
    datetime(2026, 11, 29, 12, tzinfo=UTC),
    "module 2.6",
    ReportedToken("label", "maker", "model", "serial", "2.6", "2.6"),
    ReportedVendor("vendor", True, "source"),
    TokenAssurance.SOFTWARE,
    Workers(2, True, "sha1"),
    (_OLD, _NOW),
    (ListedKey("keyturn-log", "private", "c" * 64, _ATTRIBUTES),),
)


def _parse(document: dict[str, Any]) -> TokenInventory:
    return parse_inventory(json.dumps(document).encode())


def _document() -> dict[str, Any]:
    document = json.loads(encode_inventory(INVENTORY))
    assert isinstance(document, dict)
    return document


def test_what_was_written_is_read() -> None:
    assert parse_inventory(encode_inventory(INVENTORY)) == INVENTORY
    by_command = replace(INVENTORY, workers=None, keks=(), keys=())
    assert parse_inventory(encode_inventory(by_command)) == by_command


def test_the_active_kek_is_found_or_there_is_none() -> None:
    assert INVENTORY.active is _NOW
    assert replace(INVENTORY, keks=(_OLD,)).active is None


@pytest.mark.parametrize(
    "keks",
    [(_NOW, _NOW), (_NOW, replace(_NOW, id="d" * 64)), (replace(_OLD, id=_NOW.id), _NOW)],
)
def test_a_contradiction_is_refused(keks: tuple[ListedKek, ...]) -> None:
    with pytest.raises(MalformedError, match="contradicts itself"):
        parse_inventory(encode_inventory(replace(INVENTORY, keks=keks)))


@pytest.mark.parametrize("field", list(_document()))
def test_every_field_is_needed(field: str) -> None:
    document = _document()
    del document[field]
    with pytest.raises(MalformedError):
        _parse(document)


@pytest.mark.parametrize(
    "changed",
    [
        {"more": 1},
        {"format": 2},
        {"assurance": "great"},
        {"workers": {"count": -1, "memory_locked": True, "release_hash": "sha1"}},
        {"workers": []},
        {"keks": [{"kek": "zz"}]},
        {"keks": {}},
        {"keys": [{"label": "a", "part": "private", "key": "0" * 62, "attributes": []}]},
    ],
    ids=str,
)
def test_anything_else_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        _parse(_document() | changed)


def test_an_unknown_state_is_refused() -> None:
    document = _document()
    document["keks"][1]["state"] = "suspended"
    with pytest.raises(MalformedError, match="state"):
        _parse(document)


def test_a_software_log_key_is_told_by_its_first_attribute() -> None:
    held = KeyAttribute("HELD", "software log key", True)
    other = KeyAttribute("CLASS", "PRIVATE_KEY", True)
    assert ListedKey("keyturn-log", "wrapped", "c" * 64, (held, other)).in_software
    for attributes in ((), (other,), (other, held), (KeyAttribute("HELD", "else", True),)):
        assert not ListedKey("keyturn-log", "private", "c" * 64, attributes).in_software
