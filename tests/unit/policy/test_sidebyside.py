"""Found against expected: both sides whole, and where they part."""

import pytest

from keyturn.policy.sidebyside import Part, Shape, compare, leading_hex


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("", ""),
        ("abc", ""),
        ("535.104.05", "535.129.03"),
        ("aa" * 32, "ab" * 32 + " (baseline firmware)"),
        ("aa" * 32, "aa" * 48),
        ("allowed by guest policy", "forbidden by guest policy"),
        ("x" * 5000, "y" * 3),
        ("bootloader 3, tee 0", "at least bootloader 4, tee 0"),
        ("日本語 text\n", "日本 text"),
    ],
)
def test_all_parts_together_are_both_texts(found: str, expected: str) -> None:
    parts = compare(found, expected).parts
    assert "".join(each.found for each in parts) == found
    assert "".join(each.expected for each in parts) == expected


def test_hex_values_of_one_length_are_divided_into_four_bytes() -> None:
    found = compare("00" * 8, "00" * 4 + "00000001 or more")
    assert found.shape is Shape.HEX
    assert found.parts == (
        Part("00000000", "00000000"),
        Part("00000000", "00000001"),
        Part("", " or more"),
    )
    assert [each.same for each in found.parts] == [True, False, False]


def test_versions_are_divided_at_their_dots() -> None:
    found = compare("535.104.05", "535.129.03")
    assert found.shape is Shape.WORDS
    assert [each for each in found.parts if not each.same] == [
        Part("104", "129"),
        Part("05", "03"),
    ]


def test_the_hex_at_a_texts_beginning() -> None:
    assert leading_hex("ab" * 8 + " (x)") == "ab" * 8
    assert leading_hex("abc") == ""
