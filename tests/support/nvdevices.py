"""NVIDIA devices of a made-up vendor, as many kinds as real ones: Hopper, Blackwell, switches.

Independent of the verifier, and freer than the simulator: every name, field and extension can
be chosen, so that each check has something to refuse.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from keyturn_sim.gpu import composite_device_id
from keyturn_sim.pki import der_tlv, new_p384_key, spki_digest

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
_SHA384 = bytes.fromhex("0609608648016503040202")


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def certify(
    name: str,
    issuer: Signer | None,
    *,
    is_ca: bool = True,
    serial: str | None = None,
    dates: tuple[datetime, datetime] = (
        datetime(2021, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ),
    extensions: tuple[tuple[str, bytes], ...] = (),
    purposes: tuple[x509.ObjectIdentifier, ...] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
    signs: bool | None = None,
    path_length: int | None = None,
) -> Signer:
    """Certify a new key; `issuer` None: a root. `serial`: the subject's serialNumber.

    `signs`: whether keyUsage has digitalSignature; None: as a leaf and a CA have it.
    """
    key = key or new_p384_key()
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if serial:
        names.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial))
    subject = x509.Name(names)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
        .add_extension(x509.BasicConstraints(is_ca, path_length), critical=True)
        .add_extension(_usage(is_ca, not is_ca if signs is None else signs), critical=True)
    )
    for oid, value in extensions:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(unknown, critical=False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
    signed = builder.sign(issuer.key if issuer else key, hashes.SHA384())
    return Signer(signed, key)


@dataclass(frozen=True, slots=True)
class Vendor:
    """The top of every device's chain."""

    root: Signer
    identity: Signer
    provisioner: Signer

    @classmethod
    def create(cls) -> "Vendor":
        root = certify("NVIDIA Device Identity CA", None)
        identity = certify("NVIDIA GH100 Identity", root)
        return cls(root, identity, certify("NVIDIA GH100 Provisioner ICA 1", identity))

    @property
    def spki(self) -> str:
        return spki_digest(self.root.certificate)

    def device(
        self,
        chip: str,
        fields: Mapping[int, bytes],
        *,
        processor: str = "GSP",
        pdi: bytes | None = None,
        extension: tuple[str, bytes] | None = None,
        values: Mapping[int, bytes] | None = None,
        blocks: int = 64,
    ) -> "Device":
        """A device with keys of its own; `values` are its measurements, numbered from 0."""
        kind = "41" if processor == "GSP" else "50"
        serial = f"{kind}{pdi.hex().upper()}" if pdi else None
        brom = certify(f"{chip} A01 {processor} BROM", self.provisioner, serial=serial)
        leaf = certify(
            f"{chip} A01 {processor} FMC LF",
            brom,
            is_ca=False,
            extensions=(extension,) if extension else (),
        )
        path = (leaf, brom, self.provisioner, self.identity, self.root)
        chain = tuple(each.der for each in path)
        return Device(leaf.key, chain, path, dict(fields), dict(values or {}), blocks)

    def gpu(
        self,
        chip: str = "GH100",
        *,
        pdi: bytes | None = None,
        fwid: bytes | None = None,
        values: Mapping[int, bytes] | None = None,
        **fields: bytes,
    ) -> "Device":
        """A GPU; `fields` are named f<type>, as f36=b"..", and replace the usual ones."""
        fwid = secrets.token_bytes(48) if fwid is None else fwid
        extension = (
            ("2.23.133.5.4.1.1", tcb_info(fwid, bytes(48)))
            if chip.startswith("GB")
            else ("2.23.133.5.4.1", composite_device_id(new_p384_key().public_key(), fwid))
        )
        usual = {
            3: b"590.12\0",
            6: bytes.fromhex("00a5009601000000"),
            11: b"\x55",
            15: b"885\0\0",
            17: b"G520\0",
            18: b"0200\0",
            20: fwid,
            36: b"\0\0",
        }
        chosen = {int(name[1:]): value for name, value in fields.items()}
        return self.device(
            chip, usual | chosen, pdi=pdi, extension=extension, values=values or {1: b"\x02" * 48}
        )

    def switch(self, pdi: bytes, gpus: tuple[bytes, ...], **fields: bytes) -> "Device":
        """An LS10 switch that sees `gpus`."""
        places = (*gpus, *([b"\xff" * 8] * 8))[:8]
        usual = {6: b"96.10.73.00.01", 22: pdi, 24: b"\0\0", 25: b"\x01\0"}
        usual[26] = b"".join(places) + bytes(range(64))
        chosen = {int(name[1:]): value for name, value in fields.items()}
        return self.device(
            "LS_10",
            usual | chosen,
            processor="FSP",
            pdi=pdi,
            values={0: b"\x09" * 48},
            blocks=31,
        )


@dataclass(frozen=True, slots=True)
class Device:
    """One device that signs reports of what it was told to be."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    path: tuple[Signer, ...] = field(repr=False)
    fields: Mapping[int, bytes] = field(hash=False)
    values: Mapping[int, bytes] = field(hash=False)
    blocks: int

    def with_fields(self, **fields: bytes | None) -> "Device":
        """The same with other opaque fields; None leaves one out."""
        changed = {**self.fields, **{int(name[1:]): each for name, each in fields.items()}}
        return replace(self, fields={kind: v for kind, v in changed.items() if v is not None})

    def report(self, nonce: bytes) -> bytes:
        record = b"".join(
            bytes((index + 1, 1)) + _le(len(value) + 3) + b"\x01" + _le(len(value)) + value
            for index in range(self.blocks)
            for value in (self.values.get(index, bytes(48)),)
        )
        opaque = b"".join(_le(kind) + _le(len(v)) + v for kind, v in self.fields.items())
        signed = b"\x11\xe0\x01\xff" + nonce + b"\0" + b"\x11\x60\0\0" + bytes((self.blocks,))
        signed += len(record).to_bytes(3, "little") + record + secrets.token_bytes(32)
        signed += _le(len(opaque)) + opaque
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA384())))
        return signed + r.to_bytes(48, "big") + s.to_bytes(48, "big")


def tcb_info(*fwids: bytes, algorithm: bytes = _SHA384) -> bytes:
    """DiceTcbInfo as Blackwell's leaf has it: vendor, model, version, svn, layer, index, fwids."""
    listed = b"".join(der_tlv(0x30, algorithm + der_tlv(0x04, each)) for each in fwids)
    body = der_tlv(0x80, b"NVIDIA") + der_tlv(0x81, b"GB100 A01 GSP") + der_tlv(0x82, b"01")
    body += der_tlv(0x83, b"\0") + der_tlv(0x84, b"\0") + der_tlv(0x85, b"\0")
    body += der_tlv(0xA6, listed) + der_tlv(0x87, b"\0\x80\0\0\0") + der_tlv(0x89, b"\x01\0")
    return der_tlv(0x30, body)


def _usage(is_ca: bool, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=not signs and not is_ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _le(value: int) -> bytes:
    return value.to_bytes(2, "little")
