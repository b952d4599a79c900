"""AMD product lines and the layout of their TCB versions.

Sources: AMD 56860 (structure TCB_VERSION), AMD 57230 (VCEK extensions). Family 19h and family
1Ah place the same numbers in different bytes, so a TCB has no meaning without its product.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from keyturn.attest.errors import MalformedEvidence


class SnpProduct(Enum):
    MILAN = "Milan"
    GENOA = "Genoa"
    TURIN = "Turin"

    @property
    def hwid_size(self) -> int:
        """Bytes of HWID in a VCEK; the rest of the report's 64-byte chip id is zero."""
        return 8 if self is SnpProduct.TURIN else 64

    @property
    def struct_version(self) -> int:
        """structVersion in a VEK (1.3.6.1.4.1.3704.1.1)."""
        return 1 if self is SnpProduct.TURIN else 0


@dataclass(frozen=True, slots=True)
class Tcb:
    """Security version numbers of one TCB; `fmc` exists on Turin only. `raw`: 8 bytes."""

    fmc: int | None
    bootloader: int
    tee: int
    snp: int
    microcode: int
    raw: bytes

    @property
    def parts(self) -> tuple[int, ...]:
        return (self.fmc or 0, self.bootloader, self.tee, self.snp, self.microcode)

    def at_least(self, other: "Tcb") -> bool:
        """Every component, each by itself, is no older than `other`'s."""
        return all(mine >= theirs for mine, theirs in zip(self.parts, other.parts, strict=True))

    def __str__(self) -> str:
        fmc = "" if self.fmc is None else f"fmc {self.fmc}, "
        return (
            f"{fmc}bootloader {self.bootloader}, tee {self.tee}, "
            f"snp {self.snp}, microcode {self.microcode}"
        )


@lru_cache(maxsize=1024)
def parse_tcb(product: SnpProduct, raw: bytes) -> Tcb:
    """Read 8 bytes. Raises MalformedEvidence when a reserved byte is not zero."""
    if product is SnpProduct.TURIN:
        fmc, bootloader, tee, snp = raw[0], raw[1], raw[2], raw[3]
        reserved = raw[4:7]
    else:
        fmc, bootloader, tee, snp = None, raw[0], raw[1], raw[6]
        reserved = raw[2:6]
    if any(reserved):
        raise MalformedEvidence("SNP TCB: reserved bytes are not zero", found=raw.hex())
    return Tcb(fmc, bootloader, tee, snp, raw[7], raw)


# CPUID family, models, product. Genoa's chain also serves Bergamo and Siena (models A0h-AFh).
_MODELS = (
    (0x19, range(0x00, 0x10), SnpProduct.MILAN),
    (0x19, range(0x10, 0x20), SnpProduct.GENOA),
    (0x19, range(0xA0, 0xB0), SnpProduct.GENOA),
    (0x1A, range(0x00, 0x12), SnpProduct.TURIN),
)


def product_of_cpuid(family: int, model: int) -> SnpProduct | None:
    """The product line of a version 3 report's CPUID; None when it is not known here."""
    for known_family, models, product in _MODELS:
        if family == known_family and model in models:
            return product
    return None
