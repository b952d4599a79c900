"""OCSP answers of the simulated NVIDIA, read by the library that did not stamp them."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from keyturn_sim import SimVendors
from keyturn_sim.ocsp import make_ocsp

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize("revoked", [False, True])
def test_an_answer_is_signed_and_of_its_time(vendors: SimVendors, revoked: bool) -> None:
    nvidia = vendors.nvidia
    raw = make_ocsp(nvidia.provisioner, nvidia.identity, nvidia.identity_key, NOW, revoked=revoked)
    found = ocsp.load_der_ocsp_response(raw)
    key = nvidia.identity_key.public_key()
    key.verify(found.signature, found.tbs_response_bytes, ec.ECDSA(hashes.SHA384()))
    expected = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
    assert found.certificate_status is expected
    assert found.serial_number == nvidia.provisioner.serial_number
    assert found.produced_at_utc == found.this_update_utc == NOW - timedelta(hours=1)
