"""The simulated AMD and NVIDIA: roots and intermediates, and the devices they certify."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump, parse_object
from keyturn_sim.gpu import SimGpu, composite_device_id
from keyturn_sim.pki import (
    der_of,
    key_to_der,
    make_certificate,
    new_p384_key,
    new_rsa_key,
    p384_key,
    rsa_key,
    spki_digest,
)
from keyturn_sim.snp import PRODUCTS, SimTcb, vcek_extensions

FILE = "vendors.json"
_TYPE = "keyturn-sim-vendors"
_COMPOSITE_DEVICE_ID = "2.23.133.5.4.1"
DRIVER = "590.12"
VBIOS = "96.00.A5.00.01"


@dataclass(frozen=True, slots=True)
class SimVendors:
    """Both vendors' keys and certificates. `create` takes seconds: keep them with `save`."""

    product: str
    ark_key: rsa.RSAPrivateKey = field(repr=False)
    ark: x509.Certificate = field(repr=False)
    ask_key: rsa.RSAPrivateKey = field(repr=False)
    ask: x509.Certificate = field(repr=False)
    device_root: x509.Certificate = field(repr=False)
    identity: x509.Certificate = field(repr=False)
    provisioner_key: ec.EllipticCurvePrivateKey = field(repr=False)
    provisioner: x509.Certificate = field(repr=False)

    @classmethod
    def create(cls, product: str = "Genoa") -> Self:
        """Make new vendors; `product` is Milan, Genoa or Turin."""
        if product not in PRODUCTS:
            raise ValueError(f"no product {product!r}; one of {PRODUCTS}")
        ark_key, ask_key = new_rsa_key(), new_rsa_key()
        ark = make_certificate(f"ARK-{product}", ark_key, None, ark_key, is_ca=True)
        ask = make_certificate(f"SEV-{product}", ask_key, ark, ark_key, is_ca=True, path_length=0)
        root_key, identity_key, provisioner_key = (new_p384_key() for _ in range(3))
        root = make_certificate("NVIDIA Device Identity CA", root_key, None, root_key, is_ca=True)
        identity = make_certificate(
            "NVIDIA GH100 Identity", identity_key, root, root_key, is_ca=True
        )
        provisioner = make_certificate(
            "NVIDIA GH100 Provisioner ICA 1", provisioner_key, identity, identity_key, is_ca=True
        )
        return cls(
            product, ark_key, ark, ask_key, ask, root, identity, provisioner_key, provisioner
        )

    @property
    def roots(self) -> dict[str, str]:
        """Hex SHA-256 of each root's SPKI, by vendor as a trust-anchors statement names them."""
        return {"amd-sev": spki_digest(self.ark), "nvidia-device": spki_digest(self.device_root)}

    @property
    def intermediate_der(self) -> bytes:
        return der_of(self.ask)

    @property
    def root_der(self) -> bytes:
        return der_of(self.ark)

    def issue_vcek(self, chip_id: bytes, tcb: SimTcb) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
        """A VCEK of one chip at one TCB: its key and DER certificate."""
        key = new_p384_key()
        certificate = make_certificate(
            "SEV-VCEK",
            key,
            self.ask,
            self.ask_key,
            is_ca=False,
            extensions=vcek_extensions(self.product, chip_id, tcb),
        )
        return key, der_of(certificate)

    def issue_gpu(
        self,
        measurements: Mapping[int, bytes],
        *,
        driver: str = DRIVER,
        vbios: str = VBIOS,
        fwid: bytes | None = None,
        nvdec0: bool = True,
    ) -> SimGpu:
        """A GPU with keys and a chain of its own."""
        fwid = secrets.token_bytes(48) if fwid is None else fwid
        brom_key, leaf_key = new_p384_key(), new_p384_key()
        brom = make_certificate(
            "GH100 A01 GSP BROM", brom_key, self.provisioner, self.provisioner_key, is_ca=True
        )
        firmware = (_COMPOSITE_DEVICE_ID, composite_device_id(brom_key.public_key(), fwid))
        leaf = make_certificate(
            "GH100 A01 GSP FMC LF",
            leaf_key,
            brom,
            brom_key,
            is_ca=False,
            extensions=(firmware,),
        )
        path = (leaf, brom, self.provisioner, self.identity, self.device_root)
        chain = tuple(map(der_of, path))
        return SimGpu(driver, vbios, dict(measurements), fwid, leaf_key, chain, nvdec0)

    def save(self, folder: Path) -> None:
        """Write into `folder`, made with mode 0700; the file has mode 0600."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        document: dict[str, object] = {"type": _TYPE, "format": 1, "product": self.product}
        for name in _KEYS:
            document[name] = b64(key_to_der(getattr(self, name)))
        for name in _CERTIFICATES:
            document[name] = b64(der_of(getattr(self, name)))
        write_private(folder / FILE, dump(document))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises MalformedError, OSError."""
        fields = parse_object((folder / FILE).read_bytes(), limit=1 << 20, what="sim vendors")
        fields.literal("type", _TYPE)
        fields.literal("format", 1)
        product = fields.text("product")
        keys = {name: fields.b64(name) for name in _KEYS}
        certificates = {
            name: x509.load_der_x509_certificate(fields.b64(name)) for name in _CERTIFICATES
        }
        fields.done()
        return cls(
            product=product,
            ark_key=rsa_key(keys["ark_key"]),
            ask_key=rsa_key(keys["ask_key"]),
            provisioner_key=p384_key(keys["provisioner_key"]),
            **certificates,
        )


_KEYS = ("ark_key", "ask_key", "provisioner_key")
_CERTIFICATES = ("ark", "ask", "device_root", "identity", "provisioner")


def write_private(path: Path, data: bytes) -> None:
    """Replace a file as one step; mode 0600 from its first byte on."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
