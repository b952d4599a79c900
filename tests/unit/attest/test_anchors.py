"""I9: no set of anchors calls a root hardware that is not pinned."""

from dataclasses import replace

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, Anchor, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.base.errors import MalformedError

OTHER = SpkiDigest("ab" * 32)


@pytest.mark.parametrize(
    ("path", "vendor", "product"),
    [
        ("snp/roots/milan-ark.pem", Vendor.AMD_SEV, "Milan"),
        ("snp/roots/genoa-ark.pem", Vendor.AMD_SEV, "Genoa"),
        ("snp/roots/turin-ark.pem", Vendor.AMD_SEV, "Turin"),
        ("nvidia/roots/nvidia-device-identity-ca.pem", Vendor.NVIDIA_DEVICE, None),
    ],
)
def test_the_vendors_published_roots_are_pinned(vectors_dir, path, vendor, product) -> None:  # type: ignore[no-untyped-def]
    (raw,) = pem_certificates((vectors_dir / path).read_bytes())
    anchor = HARDWARE_ANCHORS.find(vendor, parse_certificate(raw).spki)
    assert anchor is not None
    assert (anchor.product, anchor.simulated) == (product, False)


def test_intels_published_root_is_pinned(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    root = parse_certificate((vectors_dir / "tdx" / "intel-sgx-root-ca.der").read_bytes())
    anchor = HARDWARE_ANCHORS.find(Vendor.INTEL_SGX, root.spki)
    assert anchor is not None
    assert (anchor.product, anchor.simulated) == (None, False)
    assert HARDWARE_ANCHORS.find(Vendor.AMD_SEV, root.spki) is None


def test_a_root_of_one_vendor_is_none_of_another() -> None:
    amd = HARDWARE_ANCHORS.anchors[0]
    assert HARDWARE_ANCHORS.find(Vendor.NVIDIA_DEVICE, amd.spki) is None


def test_an_unpinned_hardware_root_cannot_be_made() -> None:
    with pytest.raises(MalformedError, match="not pinned"):
        TrustAnchors((Anchor(Vendor.AMD_SEV, None, OTHER, False, "me"),))
    with pytest.raises(MalformedError, match="not pinned"):
        TrustAnchors((replace(HARDWARE_ANCHORS.anchors[0], product="Turin"),))


def test_a_hardware_root_cannot_be_called_simulated() -> None:
    spki = HARDWARE_ANCHORS.anchors[0].spki
    with pytest.raises(MalformedError, match="called simulated"):
        HARDWARE_ANCHORS.with_simulated({Vendor.AMD_SEV: [spki]}, source="t")


def test_simulated_roots_are_marked_and_stand_once() -> None:
    extended = HARDWARE_ANCHORS.with_simulated({Vendor.AMD_SEV: [OTHER]}, source="t")
    found = extended.find(Vendor.AMD_SEV, OTHER)
    assert found is not None
    assert found.simulated
    with pytest.raises(MalformedError, match="twice"):
        extended.with_simulated({Vendor.AMD_SEV: [OTHER]}, source="t")


def test_narrowing_keeps_only_what_is_named_and_never_adds() -> None:
    genoa = HARDWARE_ANCHORS.anchors[1]
    narrowed = HARDWARE_ANCHORS.narrowed_to([genoa.spki, OTHER])
    assert narrowed.anchors == (genoa,)
    assert narrowed.expected(Vendor.NVIDIA_DEVICE) == "no root of nvidia-device is trusted"
