"""What an error carries beside its words."""

from keyturn.keyrelease.errors import Forked, OtherSize


def test_the_known_size_is_told() -> None:
    assert OtherSize(7, 3).size == 7
    assert str(OtherSize(7, 3)).endswith("found 3; expected 7")
    assert Forked(7).message == "the log signed two roots for one size"
