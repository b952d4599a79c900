"""The simulated Intel: its certificates and documents say what was asked, and are signed."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

from keyturn.base.strictjson import parse_object
from keyturn_sim.tdx import SimIntel, SimQe, SimTd, qe_identity_of, sign_raw, tcb_info_of

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def intel() -> SimIntel:
    return SimIntel.create()


def test_every_subject_says_simulated(intel: SimIntel) -> None:
    chain = x509.load_pem_x509_certificates(intel.certify().chain)
    assert chain[1:] == [intel.ca, intel.root]
    for certificate in (*chain, intel.signer):
        (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert str(name.value).startswith("SIMULATED Intel SGX ")
    chain[0].verify_directly_issued_by(intel.ca)
    intel.ca.verify_directly_issued_by(intel.root)


def test_bodies_have_intels_sizes() -> None:
    assert len(SimTd().body(bytes(64))) == 584
    assert len(SimTd(tee_tcb_svn_2=bytes(16)).body(bytes(64))) == 648
    assert len(SimQe().report(bytes(64))) == 384


def test_documents_are_signed_as_they_are_written(intel: SimIntel) -> None:
    whole = intel.collateral(NOW, tcb_info=tcb_info_of(NOW, tcbEvaluationDataNumber=99))
    key = intel.signer_key.public_key()
    for name in ("tcb_info", "qe_identity"):
        text, signature = str(whole[name]).encode(), bytes.fromhex(str(whole[f"{name}_signature"]))
        r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        key.verify(encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA256()))
        with pytest.raises(InvalidSignature):
            key.verify(encode_dss_signature(r, s), text + b" ", ec.ECDSA(hashes.SHA256()))
    info = parse_object(str(whole["tcb_info"]).encode(), limit=1 << 20, what="TCB info")
    assert info.integer("tcbEvaluationDataNumber") == 99
    for name, issuer in (("root_ca_crl", intel.root), ("pck_crl", intel.ca)):
        crl = x509.load_der_x509_crl(bytes.fromhex(str(whole[name])))
        assert crl.issuer == issuer.subject


def test_fields_can_be_replaced_and_added() -> None:
    assert tcb_info_of(NOW, id="SGX")["id"] == "SGX"
    assert qe_identity_of(NOW, more=1)["more"] == 1


def test_raw_signatures_are_64_bytes(intel: SimIntel) -> None:
    assert {len(sign_raw(intel.root_key, bytes((n,)))) for n in range(20)} == {64}
