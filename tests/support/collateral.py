"""Documents of collateral by simulated vendors, as they are handed in (our protocol §4.7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn_sim.pki import der_of
from keyturn_sim.tdx import SimIntel, qe_identity_of, sign_raw, tcb_info_of
from keyturn_sim.vendors import SimVendors

DAY = timedelta(days=1)
KIND = CollateralKind


@dataclass
class IntelDesk:
    """Intel's documents at a time; `number` is list and evaluation number."""

    intel: SimIntel = field(default_factory=SimIntel.create)

    @property
    def anchors(self) -> TrustAnchors:
        roots = {Vendor.INTEL_SGX: [SpkiDigest(self.intel.root_spki)]}
        return HARDWARE_ANCHORS.with_simulated(roots, source="a test")

    def tcb_info(self, issued: datetime, number: int = 18, **changed: object) -> CollateralDocument:
        text = dump(tcb_info_of(issued, **_dates(issued, number), **changed))  # type: ignore[arg-type]
        scope = str(changed.get("fmspc", tcb_info_of(issued)["fmspc"])).lower()
        return self._document(KIND.INTEL_TCB_INFO, scope, "tcbInfo", text)

    def qe_identity(self, issued: datetime, number: int = 18) -> CollateralDocument:
        text = dump(qe_identity_of(issued, **_dates(issued, number)))
        return self._document(KIND.INTEL_QE_IDENTITY, "td", "enclaveIdentity", text)

    def root_crl(
        self, issued: datetime, number: int = 1, revoked: tuple[int, ...] = ()
    ) -> CollateralDocument:
        data = crl(self.intel.root, self.intel.root_key, issued, number, revoked)
        return CollateralDocument(KIND.INTEL_ROOT_CRL, "root", data, (der_of(self.intel.root),))

    def pck_crl(
        self, issued: datetime, number: int = 1, revoked: tuple[int, ...] = ()
    ) -> CollateralDocument:
        data = crl(self.intel.ca, self.intel.ca_key, issued, number, revoked)
        chain = (der_of(self.intel.ca), der_of(self.intel.root))
        return CollateralDocument(KIND.INTEL_PCK_CRL, "platform", data, chain)

    def everything(self, issued: datetime, number: int = 18) -> tuple[CollateralDocument, ...]:
        """What one TD needs."""
        return (
            self.tcb_info(issued, number),
            self.qe_identity(issued, number),
            self.root_crl(issued, number),
            self.pck_crl(issued, number),
        )

    def _document(
        self, kind: CollateralKind, scope: str, name: str, text: bytes
    ) -> CollateralDocument:
        signature = sign_raw(self.intel.signer_key, text).hex()
        data = b'{"%s":%s,"signature":"%s"}' % (name.encode(), text, signature.encode())
        chain = (der_of(self.intel.signer), der_of(self.intel.root))
        return CollateralDocument(kind, scope, data, chain)


def amd_crl(
    vendors: SimVendors,
    issued: datetime,
    number: int = 1,
    revoked: tuple[int, ...] = (),
    *,
    by_ask: bool = False,
) -> CollateralDocument:
    """Of the ARK, or of the ASK, which is what can name a VCEK."""
    issuer, key = (vendors.ask, vendors.ask_key) if by_ask else (vendors.ark, vendors.ark_key)
    data = crl(issuer, key, issued, number, revoked)
    chain = (vendors.intermediate_der, vendors.root_der)
    return CollateralDocument(KIND.AMD_CRL, f"vcek/{vendors.product}", data, chain)


def ocsp_document(answer: bytes, chain: tuple[bytes, ...]) -> CollateralDocument:
    """`chain` begins with the certificate that was asked about."""
    return CollateralDocument(KIND.NVIDIA_OCSP, sha256(chain[0]).hex(), answer, chain)


def crl(
    issuer: x509.Certificate,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    issued: datetime,
    number: int,
    revoked: tuple[int, ...],
) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(issued)
        .next_update(issued + 30 * DAY)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(issued)
        builder = builder.add_revoked_certificate(entry.build())
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
        return builder.sign(key, hashes.SHA384(), rsa_padding=pss).public_bytes(Encoding.DER)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _dates(issued: datetime, number: int) -> Mapping[str, object]:
    return {
        "issueDate": format_time(issued),
        "nextUpdate": format_time(issued + 30 * DAY),
        "tcbEvaluationDataNumber": number,
    }
