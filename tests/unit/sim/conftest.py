"""Simulated vendors, made once a session: RSA-4096 keys take seconds."""

import pytest

from keyturn_sim import SimNode, SimVendors
from support.tpms import booted, tpm_maker

__all__ = ["booted", "tpm_maker"]


@pytest.fixture(scope="session")
def vendors() -> SimVendors:
    return SimVendors.create()


@pytest.fixture(scope="session")
def node(vendors: SimVendors) -> SimNode:
    gpus = tuple(vendors.issue_gpu({3: b"\x03" * 48}) for _ in range(2))
    return SimNode.create(vendors, measurement=b"\x42" * 48, gpus=gpus)
