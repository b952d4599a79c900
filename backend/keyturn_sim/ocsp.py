"""What the simulated NVIDIA's OCSP service answers (RFC 6960), signed by the issuer itself."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from keyturn_sim.pki import der_tlv

_ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")
_BASIC = bytes.fromhex("06092b0601050507300101")
_LASTS = timedelta(days=1)


def make_ocsp(
    subject: x509.Certificate,
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    revoked: bool = False,
) -> bytes:
    """One answer, DER, given an hour before `now` for a day."""
    at = (now - timedelta(hours=1)).replace(microsecond=0)
    status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=subject,
        issuer=issuer,
        algorithm=hashes.SHA384(),
        cert_status=status,
        this_update=at,
        next_update=at + _LASTS,
        revocation_time=at if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, issuer)
    made = builder.sign(issuer_key, hashes.SHA384())
    return _produced(made, at, issuer_key)


def _produced(made: ocsp.OCSPResponse, at: datetime, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The library stamps the machine's time: put the answer's own there, and sign anew."""
    stamped = made.produced_at_utc.strftime("%Y%m%d%H%M%SZ").encode()
    tbs = made.tbs_response_bytes.replace(stamped, at.strftime("%Y%m%d%H%M%SZ").encode(), 1)
    signature = key.sign(tbs, ec.ECDSA(hashes.SHA384()))
    parts = tbs + _ECDSA_SHA384 + der_tlv(0x03, b"\0" + signature)
    typed = der_tlv(0x30, _BASIC + der_tlv(0x04, der_tlv(0x30, parts)))
    return der_tlv(0x30, der_tlv(0x0A, b"\0") + der_tlv(0xA0, typed))
