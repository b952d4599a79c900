"""SIMULATED Intel TDX: an Intel that certifies platforms, and trust domains that are quoted.

Formats: Intel TDX DCAP quote versions 4 and 5, PCK certificate profile, PCS API v4. What Intel
says of a platform are plain documents, so that a test can say anything else and have it signed.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256
from keyturn.base.strictjson import Json, JsonObject, dump
from keyturn.base.times import format_time
from keyturn_sim.pki import (
    der_of,
    der_oid,
    der_tlv,
    der_uint,
    make_certificate,
    make_crl,
    new_p256_key,
    spki_digest,
)

_ARC = "1.2.840.113741.1.13.1"
_QE_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
_AUTH_DATA = bytes(range(32))
MR_SIGNER_QE = sha256(b"SIMULATED quoting enclave")
QE_PRODUCT = 2
FMSPC = bytes.fromhex("51a000000000")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimPlatform:
    """What a PCK certificate says.

    `flags`: dynamic platform, cached keys, SMT; None: no such extension, as under a Processor CA.
    """

    components: tuple[int, ...] = (5,) * 16
    pce_svn: int = 11
    ppid: bytes = b"\x5a" * 16
    pce_id: bytes = bytes(2)
    fmspc: bytes = FMSPC
    sgx_type: int = 1
    flags: tuple[bool, bool, bool] | None = (False, False, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimTd:
    """One trust domain's report. The fields of TDX 1.5 count in version 5 only."""

    tee_tcb_svn: bytes = bytes((5, 1, 3)).ljust(16, b"\0")
    mr_seam: bytes = b"\x5e" * 48
    mr_signer_seam: bytes = bytes(48)
    seam_attributes: bytes = bytes(8)
    td_attributes: bytes = (1 << 28).to_bytes(8, "little")
    xfam: bytes = (0x602E7).to_bytes(8, "little")
    mr_td: bytes = b"\x42" * 48
    mr_config_id: bytes = bytes(48)
    mr_owner: bytes = bytes(48)
    mr_owner_config: bytes = bytes(48)
    rtmrs: tuple[bytes, bytes, bytes, bytes] = (bytes(48),) * 4
    tee_tcb_svn_2: bytes | None = None
    mr_service_td: bytes = bytes(48)

    def body(self, report_data: bytes) -> bytes:
        """584 or, with `tee_tcb_svn_2`, 648 bytes."""
        fields = (
            self.tee_tcb_svn, self.mr_seam, self.mr_signer_seam, self.seam_attributes,
            self.td_attributes, self.xfam, self.mr_td, self.mr_config_id, self.mr_owner,
            self.mr_owner_config, *self.rtmrs, report_data,
        )  # fmt: skip
        extra = () if self.tee_tcb_svn_2 is None else (self.tee_tcb_svn_2, self.mr_service_td)
        return b"".join((*fields, *extra))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimQe:
    """The quoting enclave's own report."""

    mr_signer: bytes = MR_SIGNER_QE
    product: int = QE_PRODUCT
    svn: int = 4
    misc_select: int = 0
    attributes: bytes = bytes((0x15,)).ljust(16, b"\0")

    def report(self, report_data: bytes) -> bytes:
        return b"".join(
            (
                bytes(16), self.misc_select.to_bytes(4, "little"), bytes(28), self.attributes,
                bytes(32), bytes(32), self.mr_signer, bytes(96),
                struct.pack("<HH", self.product, self.svn), bytes(60), report_data,
            )
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SimMachine:
    """A certified platform with its quoting enclave: signs quotes of any TD."""

    pck_key: ec.EllipticCurvePrivateKey = field(repr=False)
    attestation_key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: bytes
    pck_serial: int
    qe: SimQe = SimQe()

    def quote(self, td: SimTd, report_data: bytes, *, version: int = 4) -> bytes:
        """Version 4 (TD report 1.0), or 5 (1.5 where the TD has its fields)."""
        body = td.body(report_data)
        if version == 5:
            body = struct.pack("<HI", 3 if len(body) == 648 else 2, len(body)) + body
        header = struct.pack("<HHI4x16s20x", version, 2, 0x81, _QE_VENDOR)
        return self.sign(header + body)

    def sign(self, signed: bytes, *, auth: bytes = _AUTH_DATA, cert_type: int = 5) -> bytes:
        """Append the signature data to a header and body, whatever they say."""
        public = self.attestation_key.public_key()
        raw_key = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        qe = self.qe.report(sha256(raw_key + auth) + bytes(32))
        inner = (
            qe
            + sign_raw(self.pck_key, qe)
            + struct.pack("<H", len(auth))
            + auth
            + struct.pack("<HI", cert_type, len(self.chain))
            + self.chain
        )
        data = (
            sign_raw(self.attestation_key, signed)
            + raw_key
            + struct.pack("<HI", 6, len(inner))
            + inner
        )
        return signed + struct.pack("<I", len(data)) + data


@dataclass(frozen=True, slots=True)
class SimIntel:
    """The authorities. `ca_name` is `Platform` or `Processor`."""

    root: x509.Certificate
    root_key: ec.EllipticCurvePrivateKey = field(repr=False)
    ca: x509.Certificate
    ca_key: ec.EllipticCurvePrivateKey = field(repr=False)
    signer: x509.Certificate
    signer_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, ca_name: str = "Platform") -> "SimIntel":
        root_key, ca_key, signer_key = new_p256_key(), new_p256_key(), new_p256_key()
        name = "Intel SGX Root CA"
        root = make_certificate(name, root_key, None, root_key, is_ca=True, path_length=1)
        ca_text = f"Intel SGX PCK {ca_name} CA"
        ca = make_certificate(ca_text, ca_key, root, root_key, is_ca=True, path_length=0)
        signer = make_certificate("Intel SGX TCB Signing", signer_key, root, root_key, is_ca=False)
        return cls(root, root_key, ca, ca_key, signer, signer_key)

    @property
    def root_spki(self) -> str:
        return spki_digest(self.root)

    def certify(self, platform: SimPlatform | None = None, qe: SimQe | None = None) -> SimMachine:
        """Issue a PCK certificate and start its quoting enclave."""
        key = new_p256_key()
        extension = pck_extension(platform or SimPlatform())
        pck = make_certificate(
            "Intel SGX PCK Certificate",
            key,
            self.ca,
            self.ca_key,
            is_ca=False,
            extensions=((_ARC, extension),),
        )
        chain = _pem(pck, self.ca, self.root)
        return SimMachine(key, new_p256_key(), chain, pck.serial_number, qe or SimQe())

    def documents(
        self,
        now: datetime,
        *,
        tcb_info: Mapping[str, object] | None = None,
        revoked: tuple[int, ...] = (),
    ) -> tuple[CollateralDocument, ...]:
        """What Intel's service answers about `SimPlatform()`, each with its signer's chain."""
        whole = self.collateral(now, tcb_info=tcb_info, revoked=revoked)
        signer, root = der_of(self.signer), der_of(self.root)

        def answer(kind: CollateralKind, scope: str, name: str, key: str) -> CollateralDocument:
            text, signature = whole[name], whole[f"{name}_signature"]
            data = f'{{"{key}":{text},"signature":"{signature}"}}'.encode()
            return CollateralDocument(kind, scope, data, (signer, root))

        def listed(kind: CollateralKind, scope: str, name: str, *ca: bytes) -> CollateralDocument:
            return CollateralDocument(kind, scope, bytes.fromhex(str(whole[name])), (*ca, root))

        of = CollateralKind
        return (
            answer(of.INTEL_TCB_INFO, FMSPC.hex(), "tcb_info", "tcbInfo"),
            answer(of.INTEL_QE_IDENTITY, "td", "qe_identity", "enclaveIdentity"),
            listed(of.INTEL_ROOT_CRL, "root", "root_ca_crl"),
            listed(of.INTEL_PCK_CRL, "platform", "pck_crl", der_of(self.ca)),
        )

    def collateral(
        self,
        now: datetime,
        *,
        tcb_info: Mapping[str, object] | None = None,
        qe_identity: Mapping[str, object] | None = None,
        revoked: tuple[int, ...] = (),
        root_revoked: tuple[int, ...] = (),
    ) -> JsonObject:
        """A set of collateral, issued a day before `now`, as Intel's answers put together."""
        since, until = now - timedelta(days=1), now + timedelta(days=29)
        info = dump(tcb_info if tcb_info is not None else tcb_info_of(now))
        identity = dump(qe_identity if qe_identity is not None else qe_identity_of(now))
        listed = partial(make_crl, this_update=since, next_update=until)
        root_crl = listed(self.root, self.root_key, revoked=root_revoked)
        pck_crl = listed(self.ca, self.ca_key, revoked=revoked)
        signer_chain = _pem(self.signer, self.root).decode()
        return {
            "tcb_info": info.decode(),
            "tcb_info_signature": sign_raw(self.signer_key, info).hex(),
            "tcb_info_issuer_chain": signer_chain,
            "qe_identity": identity.decode(),
            "qe_identity_signature": sign_raw(self.signer_key, identity).hex(),
            "qe_identity_issuer_chain": signer_chain,
            "root_ca_crl": root_crl.hex(),
            "pck_crl": pck_crl.hex(),
            "pck_crl_issuer_chain": _pem(self.ca, self.root).decode(),
        }


def tcb_info_of(now: datetime, **changed: Json) -> JsonObject:
    """TCB info of `SimPlatform()`, whose newest level is up to date; fields can be replaced."""
    info: JsonObject = {
        "id": "TDX",
        "version": 3,
        "issueDate": format_time(now - timedelta(days=1)),
        "nextUpdate": format_time(now + timedelta(days=29)),
        "fmspc": FMSPC.hex().upper(),
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": 18,
        "tdxModule": module_of(),
        "tdxModuleIdentities": [
            {"id": "TDX_01", **module_of(), "tcbLevels": [svn_level(5), svn_level(2, "OutOfDate")]}
        ],
        "tcbLevels": [level(5, 11, 3), level(2, 5, 0, "OutOfDate", "INTEL-SA-00001")],
    }
    return info | changed


def qe_identity_of(now: datetime, **changed: Json) -> JsonObject:
    """Identity of `SimQe()`; fields can be replaced."""
    identity: JsonObject = {
        "id": "TD_QE",
        "version": 2,
        "issueDate": format_time(now - timedelta(days=1)),
        "nextUpdate": format_time(now + timedelta(days=29)),
        "tcbEvaluationDataNumber": 18,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11" + "00" * 15,
        "attributesMask": "FBFFFFFFFFFFFFFF" + "00" * 8,
        "mrsigner": MR_SIGNER_QE.hex().upper(),
        "isvprodid": QE_PRODUCT,
        "tcbLevels": [svn_level(4), svn_level(2, "OutOfDate", "INTEL-SA-00002")],
    }
    return identity | changed


def module_of(mr_signer: bytes = bytes(48)) -> JsonObject:
    return {"mrsigner": mr_signer.hex(), "attributes": "00" * 8, "attributesMask": "FF" * 8}


def svn_level(svn: int, status: str = "UpToDate", *advisories: str) -> JsonObject:
    """One level of a TDX module or a quoting enclave."""
    return {"tcb": {"isvsvn": svn}, **_judged(status, advisories)}


def level(
    sgx: int, pce_svn: int, tdx: int, status: str = "UpToDate", *advisories: str
) -> JsonObject:
    """One level of a platform: every SGX component, and TDX components 0 and 2."""
    tcb: JsonObject = {
        "sgxtcbcomponents": [{"svn": sgx} for _ in range(16)],
        "pcesvn": pce_svn,
        "tdxtcbcomponents": [{"svn": tdx if at in (0, 2) else 0} for at in range(16)],
    }
    return {"tcb": tcb, **_judged(status, advisories)}


def pck_extension(platform: SimPlatform) -> bytes:
    """The SGX extensions of a PCK certificate, DER."""
    tcb = [_pair(f"2.{n + 1}", der_uint(svn)) for n, svn in enumerate(platform.components)]
    tcb.append(_pair("2.17", der_uint(platform.pce_svn)))
    tcb.append(_pair("2.18", der_tlv(0x04, bytes(platform.components))))
    found = [
        _pair("1", der_tlv(0x04, platform.ppid)),
        _pair("2", der_tlv(0x30, b"".join(tcb))),
        _pair("3", der_tlv(0x04, platform.pce_id)),
        _pair("4", der_tlv(0x04, platform.fmspc)),
        _pair("5", der_tlv(0x0A, bytes((platform.sgx_type,)))),
    ]
    if platform.flags is not None:
        flags = enumerate(platform.flags, 1)
        bits = (_pair(f"7.{n}", der_tlv(0x01, b"\xff" if on else b"\0")) for n, on in flags)
        found.append(_pair("6", der_tlv(0x04, b"\x1d" * 16)))
        found.append(_pair("7", der_tlv(0x30, b"".join(bits))))
    return der_tlv(0x30, b"".join(found))


def sign_raw(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """ECDSA P-256 with SHA-256: 64 bytes, r || s, big endian."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _pair(number: str, value: bytes) -> bytes:
    return der_tlv(0x30, der_oid(f"{_ARC}.{number}") + value)


def _judged(status: str, advisories: tuple[str, ...]) -> JsonObject:
    judged: JsonObject = {"tcbDate": "2026-01-01T00:00:00Z", "tcbStatus": status}
    return {**judged, "advisoryIDs": list(advisories)} if advisories else judged


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
