"""Lists inside sentences: in order, cut where they get long, and never without saying so."""

from keyturn_app.statements.listing import SHOWN, brief, left_over, listed, or_any, value


def test_a_list_is_in_order_and_cut_with_how_many_are_left() -> None:
    assert listed({"b", "a"}) == "a, b"
    many = [f"{n:03}" for n in range(SHOWN + 2)]
    assert listed(many).endswith(f"{SHOWN - 1:03} and 2 more")
    assert list(left_over(SHOWN)) == []
    assert list(left_over(SHOWN + 1)) == ["and 1 more"]


def test_any_is_said_and_nothing_is_not_any() -> None:
    assert or_any(None, "Any.", "One of: {list}.") == "Any."
    assert or_any([], "Any.", "One of: {list}.") == "One of: ."


def test_digits_are_grouped_and_long_texts_cut() -> None:
    assert value("ab" * 16) == " ".join(["abab"] * 8)
    assert value("abcd") == "abcd"
    assert brief("x" * 300) == "x" * 200 + " …"
