"""What the scope of each kind of collateral says, and which documents it needs to be proved."""

import re
from dataclasses import dataclass

from keyturn.attest.snp_tcb import SnpProduct, parse_tcb
from keyturn.base.collateral import CollateralKind
from keyturn.collateral.errors import WrongScope

Key = tuple[CollateralKind, str]
"""Names one document: what it is, and what it is about."""

_PRODUCTS = "|".join(each.value for each in SnpProduct)
_FORMS = {
    CollateralKind.AMD_CHAIN: (rf"(vcek|vlek)/({_PRODUCTS})\Z", "vcek/Milan"),
    CollateralKind.AMD_CRL: (rf"(vcek|vlek)/({_PRODUCTS})\Z", "vcek/Milan"),
    CollateralKind.AMD_VEK: (
        rf"({_PRODUCTS})/((?:[0-9a-f]{{2}}){{8,64}})/([0-9a-f]{{16}})\Z",
        "<product>/<chip id in hex>/<8 bytes of TCB in hex>",
    ),
    CollateralKind.INTEL_TCB_INFO: (r"([0-9a-f]{12})\Z", "an FMSPC, 12 lower-case hex digits"),
    CollateralKind.INTEL_QE_IDENTITY: (r"(td)\Z", "td"),
    CollateralKind.INTEL_ROOT_CRL: (r"(root)\Z", "root"),
    CollateralKind.INTEL_PCK_CRL: (r"(processor|platform)\Z", "processor or platform"),
    CollateralKind.NVIDIA_RIM: (r"([A-Za-z0-9][A-Za-z0-9._-]{0,199})\Z", "a RIM's id"),
    CollateralKind.NVIDIA_OCSP: (r"([0-9a-f]{64})\Z", "a certificate's SHA-256 in hex"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One document to fetch.

    `path` is for OCSP alone: the certificate asked about (its SHA-256 is the scope), its issuer,
    and so on to the root, DER.
    """

    kind: CollateralKind
    scope: str
    path: tuple[bytes, ...] = ()

    @property
    def key(self) -> Key:
        return (self.kind, self.scope)


def scope_parts(kind: CollateralKind, scope: str) -> tuple[str, ...]:
    """Take a scope apart. Raises WrongScope."""
    pattern, example = _FORMS[kind]
    found = re.match(pattern, scope)
    if found is None:
        raise WrongScope(
            f"{kind.value} has no such scope", found=repr(scope[:80]), expected=example
        )
    return found.groups()


def canonical_scope(kind: CollateralKind, scope: str) -> str:
    """The one spelling of a scope, as it is kept: an FMSPC in lower case. Raises WrongScope."""
    found = scope.lower() if kind is CollateralKind.INTEL_TCB_INFO else scope
    scope_parts(kind, found)
    return found


@dataclass(frozen=True, slots=True)
class VekScope:
    """The scope of a VCEK. `chip`: the HWID as KDS knows it, 8 bytes on Turin, 64 before."""

    product: SnpProduct
    chip: bytes
    tcb: bytes


def vek_scope(scope: str) -> VekScope:
    """Raises WrongScope, MalformedEvidence (a TCB with reserved bytes)."""
    name, chip, tcb = scope_parts(CollateralKind.AMD_VEK, scope)
    product = SnpProduct(name)
    if len(chip) != 2 * product.hwid_size:
        raise WrongScope(
            f"a chip of {name} is named by another number of bytes",
            found=str(len(chip) // 2),
            expected=str(product.hwid_size),
            hint="Turin's chip id is the first 8 bytes of a report's; the rest is zero",
        )
    parse_tcb(product, bytes.fromhex(tcb))
    return VekScope(product, bytes.fromhex(chip), bytes.fromhex(tcb))


def needed_for(kind: CollateralKind, scope: str) -> Key | None:
    """The document whose certificates prove this one, where its own answer does not bring them."""
    if kind is CollateralKind.AMD_VEK:
        return (CollateralKind.AMD_CHAIN, f"vcek/{vek_scope(scope).product.value}")
    if kind is CollateralKind.AMD_CRL:
        return (CollateralKind.AMD_CHAIN, scope)
    if kind is CollateralKind.INTEL_ROOT_CRL:
        return (CollateralKind.INTEL_QE_IDENTITY, "td")
    return None
