from dataclasses import replace

from keyturn.client.hsm import HsmSaid
from keyturn_app.screens.hsm.viewmodel import detail_of, rows_of, tiles_of
from support import tokens

NAMED = {"c3" * 32: "ingest", "d4" * 32: "log", "e5" * 32: "result"}


def test_newest_keks_come_first_and_pairs_after_them() -> None:
    rows = rows_of(tokens.INVENTORY, NAMED)
    assert [each.id for each in rows[:3]] == [
        tokens.ACTIVE.id,
        tokens.RETIRED.id,
        tokens.GONE.id,
    ]
    assert [each.name for each in rows[3:]] == ["Ingest key", "Log key", "Result key"]


def test_tiles_tell_trouble_apart() -> None:
    said = HsmSaid(tokens.INVENTORY, None)
    tiles = {each.name: each for each in tiles_of(said, NAMED, tokens.NOW)}
    assert tiles["keys"].text == "1 not as made"
    assert tiles["preflight"].figure == "–"
    assert tiles["workers"].text == "memory not locked"
    fine = replace(tokens.INVENTORY, keks=(tokens.ACTIVE,), workers=None)
    tiles = {each.name: each for each in tiles_of(HsmSaid(fine, None), NAMED, tokens.NOW)}
    assert tiles["keys"].text == "as made"
    assert tiles["workers"].text == "not said"
    unnamed = {each.name: each for each in tiles_of(HsmSaid(fine, None), {}, tokens.NOW)}
    assert unnamed["keys"].text == "3 not in force"


def test_no_active_kek_is_danger() -> None:
    none = replace(tokens.INVENTORY, keks=(tokens.GONE,))
    (kek,) = (e for e in tiles_of(HsmSaid(none, None), NAMED, tokens.NOW) if e.name == "kek")
    assert (kek.figure, kek.look.icon) == ("None", "octagon-x")


def test_an_untested_vendor_is_said_to_be() -> None:
    vendor = replace(tokens.VENDOR, name="Thales Luna", tested=False)
    said = HsmSaid(replace(tokens.INVENTORY, vendor=vendor), None)
    assert "Thales Luna, not tested" in tiles_of(said, NAMED, tokens.NOW)[0].text


def test_a_pairs_detail_has_both_halves() -> None:
    detail = detail_of(tokens.INVENTORY, "d4" * 32, NAMED)
    assert detail is not None
    assert [each.title for each in detail.halves] == ["Private half", "Public half"]
    assert "that is proved" in detail.text
    assert not detail.is_kek
    assert detail_of(tokens.INVENTORY, "77" * 32, NAMED) is None


def test_a_software_log_key_is_shown_as_one_everywhere() -> None:
    row = rows_of(tokens.NARROW, NAMED)[-1]
    assert (row.name, row.profile) == ("Software log key", "In the workers' memory")
    tiles = {each.name: each for each in tiles_of(HsmSaid(tokens.NARROW, None), NAMED, tokens.NOW)}
    assert (tiles["keys"].text, tiles["keys"].look.icon) == ("software log key", "triangle-alert")
    detail = detail_of(tokens.NARROW, "d4" * 32, NAMED)
    assert detail is not None
    assert detail.title == "Software log key"
    assert "does not sign with Ed25519" in detail.text
    assert [each.title for each in detail.halves] == ["Wrapped on the token"]
    assert detail.halves[0].attributes[0] == ("HELD", "software log key", True)
    whole = detail_of(tokens.INVENTORY, "d4" * 32, NAMED)
    assert whole is not None
    assert "does not sign" not in whole.text
