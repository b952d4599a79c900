import pytest

from keyturn.base.signatures import KeyId
from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.kekwork import (
    AttributeReport,
    CeremonyOrder,
    KekOrigin,
    KekProfile,
    KekReport,
    KekState,
    RewrapItem,
    check_ceremony_id,
    check_kek_id,
)

REPORT = KekReport(
    KeyId("ab" * 32),
    KekProfile.RECOVERABLE,
    KekState.ACTIVE,
    KekOrigin.IMPORTED,
    (AttributeReport("SENSITIVE", "True", True),),
)


def test_a_kek_is_tight_when_every_attribute_is_as_wanted() -> None:
    loose = AttributeReport("MODIFIABLE", "True", False)
    assert REPORT.tight
    assert not KekReport(
        REPORT.id, REPORT.profile, REPORT.state, REPORT.origin, (*REPORT.attributes, loose)
    ).tight


@pytest.mark.parametrize(
    ("ceremony", "seq", "record", "part"),
    [("", 0, 32, 0), ("A", 0, 32, 0), ("a", -1, 32, 0), ("a", 0, 31, 0), ("a", 0, 32, -1)],
)
def test_an_order_without_its_step_is_none(ceremony: str, seq: int, record: int, part: int) -> None:
    with pytest.raises(HsmRequestError):
        CeremonyOrder(ceremony, seq, bytes(record), part)


@pytest.mark.parametrize("sizes", [(31, 32, 40), (32, 33, 40), (32, 32, 48)])
def test_an_item_has_three_fixed_sizes(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(HsmRequestError):
        RewrapItem(*(bytes(size) for size in sizes))


def test_ids_are_read_strictly() -> None:
    assert check_kek_id("0f" * 32) == "0f" * 32
    check_ceremony_id("kek-rotation.2026-11-29")
    for wrong in ("0F" * 32, "0f" * 31, "", "0f" * 32 + "\n"):
        with pytest.raises(HsmRequestError):
            check_kek_id(wrong)
    for wrong in ("-a", "a-", "a" * 65, "a b", "a\n"):
        with pytest.raises(HsmRequestError):
            check_ceremony_id(wrong)
