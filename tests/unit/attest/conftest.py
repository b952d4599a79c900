"""A simulated world to verify: vendors made once a session, a node, anchors that believe it."""

from datetime import UTC, datetime

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.snp import SnpCollateral
from keyturn_sim import SimNode, SimVendors

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def vendors() -> SimVendors:
    return SimVendors.create()


@pytest.fixture(scope="session")
def anchors(vendors: SimVendors) -> TrustAnchors:
    roots = {Vendor(name): [SpkiDigest(spki)] for name, spki in vendors.roots.items()}
    return HARDWARE_ANCHORS.with_simulated(roots, source="test")


@pytest.fixture(scope="session")
def node(vendors: SimVendors) -> SimNode:
    gpu = vendors.issue_gpu({index: bytes([index + 1]) * 48 for index in range(40)})
    return SimNode.create(vendors, measurement=b"\x42" * 48, gpus=(gpu,))


@pytest.fixture(scope="session")
def collateral(node: SimNode) -> SnpCollateral:
    return SnpCollateral(**node.collateral())
