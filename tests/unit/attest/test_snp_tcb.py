"""TCB layouts by product (AMD 56860, TCB_VERSION)."""

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.snp_tcb import SnpProduct, parse_tcb, product_of_cpuid


def test_family_19h_and_1ah_place_the_numbers_differently() -> None:
    genoa = parse_tcb(SnpProduct.GENOA, bytes.fromhex("0a00000000001b58"))
    assert (genoa.fmc, genoa.bootloader, genoa.tee, genoa.snp, genoa.microcode) == (
        None, 10, 0, 27, 88,
    )  # fmt: skip
    turin = parse_tcb(SnpProduct.TURIN, bytes.fromhex("0102030400000009"))
    assert (turin.fmc, turin.bootloader, turin.tee, turin.snp, turin.microcode) == (1, 2, 3, 4, 9)


@pytest.mark.parametrize(
    ("product", "raw"),
    [
        (SnpProduct.MILAN, "0000010000000000"),
        (SnpProduct.GENOA, "0000000000010000"),
        (SnpProduct.TURIN, "0000000001000000"),
        (SnpProduct.TURIN, "0000000000000100"),
    ],
)
def test_reserved_bytes_are_zero(product: SnpProduct, raw: str) -> None:
    with pytest.raises(MalformedEvidence):
        parse_tcb(product, bytes.fromhex(raw))


def test_a_tcb_is_at_least_another_in_every_part() -> None:
    low = parse_tcb(SnpProduct.MILAN, bytes.fromhex("0300000000000873"))
    high = parse_tcb(SnpProduct.MILAN, bytes.fromhex("03000000000008d2"))
    mixed = parse_tcb(SnpProduct.MILAN, bytes.fromhex("04000000000007ff"))
    assert high.at_least(low)
    assert low.at_least(low)
    assert not low.at_least(high)
    assert not mixed.at_least(low)


@pytest.mark.parametrize(
    ("family", "model", "product"),
    [
        (0x19, 0x01, SnpProduct.MILAN),
        (0x19, 0x11, SnpProduct.GENOA),
        (0x19, 0xA0, SnpProduct.GENOA),
        (0x1A, 0x02, SnpProduct.TURIN),
        (0x17, 0x31, None),
        (0x19, 0x50, None),
        (0x1A, 0x50, None),
    ],
)
def test_products_by_cpuid(family: int, model: int, product: SnpProduct | None) -> None:
    assert product_of_cpuid(family, model) is product
