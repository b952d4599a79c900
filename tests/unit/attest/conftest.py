"""A simulated world to verify: vendors made once a session, a node, anchors that believe it."""

from datetime import UTC, datetime

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.snp import SnpCollateral
from keyturn.attest.tdx_collateral import TdxCollateral, read_collateral
from keyturn.base.strictjson import dump
from keyturn_sim import SimNode, SimVendors
from keyturn_sim.tdx import SimIntel, SimMachine
from support.tpms import booted, tpm_maker

__all__ = ["booted", "tpm_maker"]

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


@pytest.fixture(scope="session")
def intel() -> SimIntel:
    return SimIntel.create()


@pytest.fixture(scope="session")
def intel_anchors(intel: SimIntel) -> TrustAnchors:
    roots = {Vendor.INTEL_SGX: [SpkiDigest(intel.root_spki)]}
    return HARDWARE_ANCHORS.with_simulated(roots, source="test")


@pytest.fixture(scope="session")
def machine(intel: SimIntel) -> SimMachine:
    return intel.certify()


@pytest.fixture(scope="session")
def intel_collateral(intel: SimIntel) -> TdxCollateral:
    return read_collateral(dump(intel.collateral(NOW)))
