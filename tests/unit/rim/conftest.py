"""A made-up vendor of manifests, made once a session."""

from datetime import UTC, datetime

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.chains import ChainCache
from keyturn.rim.verify import RimAsked
from support.rimmaker import RimVendor, body, resource

VALUE, OTHER = "02" * 48, "03" * 48


@pytest.fixture(scope="session")
def rim_vendor() -> RimVendor:
    return RimVendor.create()


@pytest.fixture(scope="session")
def rim_asked(rim_vendor: RimVendor) -> RimAsked:
    roots = {Vendor.NVIDIA_RIM: [SpkiDigest(rim_vendor.spki)]}
    return RimAsked(
        anchors=HARDWARE_ANCHORS.with_simulated(roots, source="test"),
        now=datetime(2026, 11, 23, 8, tzinfo=UTC),
        cache=ChainCache(),
    )


@pytest.fixture(scope="session")
def manifest() -> str:
    """A driver's manifest, without its signature."""
    return body(resource(1, VALUE, OTHER), resource(2, "00" * 48, active="False"))
