"""OCSP answers by a library's builder, independent of our reader, and ways to spoil them."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from keyturn_sim.pki import der_tlv
from support.nvdevices import Signer, certify

_ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")
_BASIC = bytes.fromhex("06092b0601050507300101")
RESPONDER = (ExtendedKeyUsageOID.OCSP_SIGNING,)


def responder(issuer: Signer, **changed: object) -> Signer:
    """A responder that `issuer` certified to answer for it."""
    chosen = {"is_ca": False, "purposes": RESPONDER, **changed}
    return certify("NVIDIA OCSP Responder", issuer, **chosen)  # type: ignore[arg-type]


def answer(
    subject: Signer,
    issuer: Signer,
    *,
    now: datetime,
    by: Signer | None = None,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    reason: x509.ReasonFlags | None = None,
    nonce: bytes | None = None,
    age: timedelta = timedelta(hours=1),
    lasts: timedelta | None = timedelta(days=1),
    algorithm: hashes.HashAlgorithm | None = None,
    by_key: bool = False,
    shown: bool = True,
    produced_at: datetime | None = None,
) -> bytes:
    """One answer, signed by `by`, or by the issuer itself; `produced_at`: as thisUpdate."""
    signer = by or issuer
    at = (now - age).replace(microsecond=0)
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=subject.certificate,
        issuer=issuer.certificate,
        algorithm=algorithm or hashes.SHA384(),
        cert_status=status,
        this_update=at,
        next_update=at + lasts if lasts else None,
        revocation_time=at if revoked else None,
        revocation_reason=reason,
    )
    encoding = ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME
    builder = builder.responder_id(encoding, signer.certificate)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    made = builder.sign(signer.key, hashes.SHA384())
    shown_der = signer.der if by is not None and shown else None
    return _produced(made, produced_at or at, signer, shown_der)


def _produced(made: ocsp.OCSPResponse, at: datetime, signer: Signer, shown: bytes | None) -> bytes:
    """The library stamps the real time: put another one there, and sign anew."""
    stamped = made.produced_at_utc.strftime("%Y%m%d%H%M%SZ").encode()
    tbs = made.tbs_response_bytes.replace(stamped, at.strftime("%Y%m%d%H%M%SZ").encode(), 1)
    signature = signer.key.sign(tbs, ec.ECDSA(hashes.SHA384()))
    parts = tbs + _ECDSA_SHA384 + der_tlv(0x03, b"\0" + signature)
    if shown is not None:
        parts += der_tlv(0xA0, der_tlv(0x30, shown))
    typed = der_tlv(0x30, _BASIC + der_tlv(0x04, der_tlv(0x30, parts)))
    return der_tlv(0x30, der_tlv(0x0A, b"\0") + der_tlv(0xA0, typed))
