"""Which vendor roots evidence may chain to (invariant I9).

Hardware roots are pinned here by the SHA-256 of their SPKI; the certificates themselves come
with the collateral and must match a pin. Simulated roots come from a `trust-anchors` statement
and mark everything that hangs on them. A set of anchors cannot be made to call any other root
hardware.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NewType

from keyturn.base.errors import MalformedError

SpkiDigest = NewType("SpkiDigest", str)
"""64 lower-case hex digits: SHA-256 of a DER SubjectPublicKeyInfo."""


class Vendor(Enum):
    AMD_SEV = "amd-sev"
    NVIDIA_DEVICE = "nvidia-device"
    INTEL_SGX = "intel-sgx"
    NVIDIA_RIM = "nvidia-rim"
    TPM = "tpm"


SIMULATED = "SIMULATED "


@dataclass(frozen=True, slots=True)
class Anchor:
    """One trusted root. `product` is AMD's product line; None: as the certificate's name says."""

    vendor: Vendor
    product: str | None
    spki: SpkiDigest
    simulated: bool
    source: str

    def plain_name(self, common_name: str) -> str:
        """A certificate's common name as the vendor writes it: a simulated one's has a mark."""
        return common_name.removeprefix(SIMULATED) if self.simulated else common_name


# AMD Key Distribution Service, specification 57230: the ARK of each product line, second
# certificate of https://kdsintf.amd.com/vcek/v1/<product>/cert_chain.
_KDS = "AMD KDS (57230) /vcek/v1/{}/cert_chain"
# NVIDIA/nvtrust guest_tools/gpu_verifiers/local_gpu_verifier, certs/verifier_device_root.pem.
_NVTRUST = "NVIDIA nvtrust certs/verifier_device_root.pem"
# Intel SGX Root CA, which issues for TDX too: the DER at this address, named by the root itself.
_INTEL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
# The same, certs/verifier_RIM_root.pem: NVIDIA CoRIM signing Root CA.
_NVTRUST_RIM = "NVIDIA nvtrust certs/verifier_RIM_root.pem"


def _ark(product: str, spki: str) -> Anchor:
    return Anchor(Vendor.AMD_SEV, product, SpkiDigest(spki), False, _KDS.format(product))


_PINNED = (
    _ark("Milan", "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9"),
    _ark("Genoa", "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831"),
    _ark("Turin", "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08"),
    Anchor(
        Vendor.NVIDIA_DEVICE,
        None,
        SpkiDigest("a90c4eb5acfd3e3d03a25db6a26b84f720ad0503196c627c21ddd48dd85b06a4"),
        False,
        _NVTRUST,
    ),
    Anchor(
        Vendor.INTEL_SGX,
        None,
        SpkiDigest("a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"),
        False,
        _INTEL,
    ),
    Anchor(
        Vendor.NVIDIA_RIM,
        None,
        SpkiDigest("dec1dc316477aa851eebdf51327ae9f864bc8d89254657ed1e7eb9168af1e1a3"),
        False,
        _NVTRUST_RIM,
    ),
)


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """The roots in force. Raises MalformedError on a hardware root that is not pinned."""

    anchors: tuple[Anchor, ...]

    def __post_init__(self) -> None:
        pinned = {anchor.spki for anchor in _PINNED}
        for anchor in self.anchors:
            extended = anchor.vendor is Vendor.TPM  # no root of TPMs is pinned here
            if not anchor.simulated and not extended and anchor not in _PINNED:
                raise MalformedError("a hardware root that is not pinned", found=anchor.spki)
            if anchor.simulated and anchor.spki in pinned:
                raise MalformedError("a hardware root called simulated", found=anchor.spki)
        if len({(anchor.vendor, anchor.spki) for anchor in self.anchors}) != len(self.anchors):
            raise MalformedError("a trust anchor stands twice")

    def find(self, vendor: Vendor, spki: SpkiDigest) -> Anchor | None:
        """The anchor of `vendor` with this key, if it is one."""
        for anchor in self.anchors:
            if anchor.vendor is vendor and anchor.spki == spki:
                return anchor
        return None

    def expected(self, vendor: Vendor) -> str:
        """The keys that would be accepted, for messages."""
        keys = [a.spki[:16] for a in self.anchors if a.vendor is vendor]
        return "one of " + ", ".join(keys) if keys else f"no root of {vendor.value} is trusted"

    def narrowed_to(self, keep: Iterable[SpkiDigest]) -> "TrustAnchors":
        """Only the anchors whose key is in `keep` (a statement may narrow, never widen)."""
        kept = frozenset(keep)
        return TrustAnchors(tuple(a for a in self.anchors if a.spki in kept))

    def with_tpm_issuers(self, issuers: Iterable[SpkiDigest], *, source: str) -> "TrustAnchors":
        """These and issuers of TPMs' EK and AK certificates: the one kind of real anchor that a
        statement may add (DESIGN §6)."""
        extra = tuple(Anchor(Vendor.TPM, None, spki, False, source) for spki in issuers)
        return TrustAnchors(self.anchors + extra)

    def with_simulated(
        self, roots: Mapping[Vendor, Iterable[SpkiDigest]], *, source: str
    ) -> "TrustAnchors":
        """These and simulated roots: only for an authority with `simulation: true`."""
        extra = tuple(
            Anchor(vendor, None, spki, True, source)
            for vendor, keys in roots.items()
            for spki in keys
        )
        return TrustAnchors(self.anchors + extra)


HARDWARE_ANCHORS = TrustAnchors(_PINNED)
"""The pinned hardware roots and nothing else."""
