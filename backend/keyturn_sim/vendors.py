"""All simulated vendors together: their roots, the devices they certify, and their collateral."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256
from keyturn.base.strictjson import dump, parse_object
from keyturn_sim.gpu import SimGpu
from keyturn_sim.keeping import keep, kept, write_private
from keyturn_sim.nvidia import DRIVER, VBIOS, SimNvidia
from keyturn_sim.pki import (
    der_of,
    make_certificate,
    make_crl,
    new_p384_key,
    new_rsa_key,
    spki_digest,
)
from keyturn_sim.rim import SimRimSigner
from keyturn_sim.snp import PRODUCTS, SimTcb, vcek_extensions
from keyturn_sim.tdx import SimIntel
from keyturn_sim.tpm import SimTpmMaker

FILE = "vendors.json"
_TYPE = "keyturn-sim-vendors"
__all__ = ["DRIVER", "FILE", "VBIOS", "SimAmd", "SimVendors"]


@dataclass(frozen=True, slots=True)
class SimAmd:
    """ARK and ASK of one product."""

    ark_key: rsa.RSAPrivateKey = field(repr=False)
    ark: x509.Certificate
    ask_key: rsa.RSAPrivateKey = field(repr=False)
    ask: x509.Certificate

    @classmethod
    def create(cls, product: str) -> Self:
        """Takes seconds: RSA-4096."""
        ark_key, ask_key = new_rsa_key(), new_rsa_key()
        ark = make_certificate(f"ARK-{product}", ark_key, None, ark_key, is_ca=True)
        ask = make_certificate(f"SEV-{product}", ask_key, ark, ark_key, is_ca=True, path_length=0)
        return cls(ark_key, ark, ask_key, ask)


@dataclass(frozen=True, slots=True)
class SimVendors:
    """Every vendor's keys and certificates. `create` takes seconds: keep them with `save`."""

    product: str
    amd: SimAmd = field(repr=False)
    nvidia: SimNvidia = field(repr=False)
    intel: SimIntel = field(repr=False)
    tpm: SimTpmMaker = field(repr=False)
    rim: SimRimSigner = field(repr=False)

    @classmethod
    def create(cls, product: str = "Genoa") -> Self:
        """Make new vendors; `product`, AMD's, is Milan, Genoa or Turin."""
        if product not in PRODUCTS:
            raise ValueError(f"no product {product!r}; one of {PRODUCTS}")
        return cls(
            product,
            SimAmd.create(product),
            SimNvidia.create(),
            SimIntel.create(),
            SimTpmMaker.create(),
            SimRimSigner.create(),
        )

    @property
    def roots(self) -> dict[str, str]:
        """Hex SHA-256 of each root's SPKI, by the verifiers' names of vendors."""
        return {
            "amd-sev": spki_digest(self.ark),
            "nvidia-device": self.nvidia.root_spki,
            "intel-sgx": self.intel.root_spki,
            "tpm": self.tpm.root_spki,
            "nvidia-rim": self.rim.root_spki,
        }

    def trust_anchors(self) -> dict[str, object]:
        """The body of a `trust-anchors` statement that believes them (our protocol §2.6)."""
        named = (
            ("amd", self.product, "amd-sev"),
            ("nvidia", "GPU", "nvidia-device"),
            ("intel", "TDX", "intel-sgx"),
            ("nvidia-rim", "RIM", "nvidia-rim"),
            ("tpm", "TPM", "tpm"),
        )
        roots = self.roots
        return {
            "hardware": "pinned",
            "simulated": [
                {"vendor": vendor, "product": product, "spki_sha256": roots[root]}
                for vendor, product, root in named
            ],
        }

    @property
    def ark_key(self) -> rsa.RSAPrivateKey:
        return self.amd.ark_key

    @property
    def ask_key(self) -> rsa.RSAPrivateKey:
        return self.amd.ask_key

    @property
    def ark(self) -> x509.Certificate:
        return self.amd.ark

    @property
    def ask(self) -> x509.Certificate:
        return self.amd.ask

    @property
    def device_root(self) -> x509.Certificate:
        return self.nvidia.root

    @property
    def identity(self) -> x509.Certificate:
        return self.nvidia.identity

    @property
    def provisioner(self) -> x509.Certificate:
        return self.nvidia.provisioner

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
        """A GPU by itself, with keys and a chain of its own."""
        fwid = secrets.token_bytes(48) if fwid is None else fwid
        return self.nvidia.issue_gpu(
            measurements, driver=driver, vbios=vbios, fwid=fwid, nvdec0=nvdec0
        )

    def collateral(
        self,
        now: datetime,
        *,
        chains: Sequence[Sequence[bytes]] = (),
        revoked: frozenset[bytes] = frozenset(),
    ) -> tuple[CollateralDocument, ...]:
        """What the vendors publish at `now`.

        `chains`: of NVIDIA's devices, which OCSP is asked about. `revoked`: DER certificates,
        VCEKs, PCKs or parts of those chains, that are said to be revoked.
        """
        digests = frozenset(map(sha256, revoked))
        shown = tuple(map(x509.load_der_x509_certificate, revoked))
        return (
            self._amd_crl(now, _serials(shown, self.ask)),
            *self.intel.documents(now, revoked=_serials(shown, self.intel.ca)),
            *self.nvidia.ocsp(chains, now, digests),
        )

    def _amd_crl(self, now: datetime, serials: tuple[int, ...]) -> CollateralDocument:
        """The ARK's list, as AMD publishes it; the ASK's where VCEKs are revoked."""
        issuer, key = (self.ask, self.ask_key) if serials else (self.ark, self.ark_key)
        data = make_crl(
            issuer,
            key,
            this_update=now - timedelta(hours=1),
            next_update=now + timedelta(days=29),
            revoked=serials,
            number=int(now.timestamp()),
        )
        chain = (self.intermediate_der, self.root_der)
        return CollateralDocument(CollateralKind.AMD_CRL, f"vcek/{self.product}", data, chain)

    def save(self, folder: Path) -> None:
        """Write into `folder`, made with mode 0700; the file has mode 0600."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        document: dict[str, object] = {"type": _TYPE, "format": 1, "product": self.product}
        for name in _PARTS:
            document[name] = keep(getattr(self, name))
        write_private(folder / FILE, dump(document))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises MalformedError, OSError."""
        fields = parse_object((folder / FILE).read_bytes(), limit=1 << 20, what="sim vendors")
        fields.literal("type", _TYPE)
        fields.literal("format", 1)
        vendors = cls(
            fields.text("product"),
            amd=kept(SimAmd, fields.fields("amd")),
            nvidia=kept(SimNvidia, fields.fields("nvidia")),
            intel=kept(SimIntel, fields.fields("intel")),
            tpm=kept(SimTpmMaker, fields.fields("tpm")),
            rim=kept(SimRimSigner, fields.fields("rim")),
        )
        fields.done()
        return vendors


def _serials(shown: Sequence[x509.Certificate], issuer: x509.Certificate) -> tuple[int, ...]:
    return tuple(each.serial_number for each in shown if each.issuer == issuer.subject)


_PARTS = ("amd", "nvidia", "intel", "tpm", "rim")
