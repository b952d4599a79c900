from pathlib import Path

import pytest

from keyturn.hsm.errors import TokenError
from keyturn.hsm.numbered import read_numbered, store_numbered
from keyturn.hsm.profiles import Label, data_object
from support.hsmsession import open_slot


def test_the_newest_counts_also_when_a_kill_left_two(tmp_path: Path) -> None:
    with open_slot(tmp_path / "t") as slot:
        session = slot.session
        assert read_numbered(session, Label.MARK) == ()
        store_numbered(session, Label.MARK, b"first")
        store_numbered(session, Label.MARK, b"second")
        assert [(each.number, each.content) for each in read_numbered(session, Label.MARK)] == [
            (1, b"second")
        ]
        session.create(data_object(Label.MARK, (2).to_bytes(8, "big") + b"third"))
        assert [each.content for each in read_numbered(session, Label.MARK)] == [
            b"third",
            b"second",
        ]
        store_numbered(session, Label.MARK, b"fourth")
        assert [(each.number, each.content) for each in read_numbered(session, Label.MARK)] == [
            (3, b"fourth")
        ]


def test_one_without_content_is_damaged(tmp_path: Path) -> None:
    with open_slot(tmp_path / "t") as slot:
        slot.session.create(data_object(Label.KEKS, bytes(8)))
        with pytest.raises(TokenError, match="keyturn-keks is damaged"):
            read_numbered(slot.session, Label.KEKS)
