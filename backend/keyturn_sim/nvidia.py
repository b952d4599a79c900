"""The simulated NVIDIA: certifies GPUs and switches, and answers whether a certificate is good."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256
from keyturn_sim.gpu import SimGpu, composite_device_id
from keyturn_sim.nvswitch import SimSwitch
from keyturn_sim.ocsp import make_ocsp
from keyturn_sim.pki import der_of, make_certificate, new_p384_key, spki_digest

_COMPOSITE_DEVICE_ID = "2.23.133.5.4.1"
DRIVER = "590.12"
VBIOS = "96.00.A5.00.01"
_GPU_PDI, _SWITCH_PDI = "41", "50"


@dataclass(frozen=True, slots=True)
class SimNvidia:
    """The top of every device's chain."""

    root: x509.Certificate
    root_key: ec.EllipticCurvePrivateKey = field(repr=False)
    identity: x509.Certificate
    identity_key: ec.EllipticCurvePrivateKey = field(repr=False)
    provisioner: x509.Certificate
    provisioner_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls) -> "SimNvidia":
        root_key, identity_key, provisioner_key = (new_p384_key() for _ in range(3))
        root = make_certificate("NVIDIA Device Identity CA", root_key, None, root_key, is_ca=True)
        identity = make_certificate(
            "NVIDIA GH100 Identity", identity_key, root, root_key, is_ca=True
        )
        provisioner = make_certificate(
            "NVIDIA GH100 Provisioner ICA 1", provisioner_key, identity, identity_key, is_ca=True
        )
        return cls(root, root_key, identity, identity_key, provisioner, provisioner_key)

    @property
    def root_spki(self) -> str:
        return spki_digest(self.root)

    def issue_gpu(
        self,
        measurements: Mapping[int, bytes],
        *,
        driver: str = DRIVER,
        vbios: str = VBIOS,
        fwid: bytes | None = None,
        nvdec0: bool = True,
        pdi: bytes = b"",
        switches: tuple[bytes, ...] = (),
    ) -> SimGpu:
        """A GPU with keys and a chain of its own."""
        fwid = secrets.token_bytes(48) if fwid is None else fwid
        device = f"{_GPU_PDI}{pdi.hex().upper()}" if pdi else ""
        key, chain = self._chain("GH100 A01 GSP", device, fwid)
        return SimGpu(driver, vbios, dict(measurements), fwid, key, chain, nvdec0, pdi, switches)

    def issue_set(
        self,
        gpus: int,
        switches: int,
        measurements: Mapping[int, bytes],
        switch_measurements: Mapping[int, bytes],
        *,
        driver: str = DRIVER,
        vbios: str = VBIOS,
    ) -> tuple[tuple[SimGpu, ...], tuple[SimSwitch, ...]]:
        """A protected PCIe set: every GPU is linked to every switch. At most 8 GPUs."""
        seen = tuple(secrets.token_bytes(8) for _ in range(gpus))
        own = tuple(secrets.token_bytes(8) for _ in range(switches))
        made = tuple(
            self.issue_gpu(measurements, driver=driver, vbios=vbios, pdi=pdi, switches=own)
            for pdi in seen
        )
        return made, tuple(self.issue_switch(pdi, seen, switch_measurements) for pdi in own)

    def issue_switch(
        self, pdi: bytes, gpus: Sequence[bytes], measurements: Mapping[int, bytes]
    ) -> SimSwitch:
        """A switch that sees GPUs by their PDIs."""
        key, chain = self._chain("LS_10 A01 FSP", f"{_SWITCH_PDI}{pdi.hex().upper()}", None)
        return SimSwitch(pdi, tuple(gpus), dict(measurements), key, chain)

    def twin_of(self, switch: SimSwitch) -> SimSwitch:
        """Another switch that tells the same of its links; its certificate names another PDI."""
        stranger = self.issue_switch(secrets.token_bytes(8), switch.gpus, switch.measurements)
        return replace(stranger, pdi=switch.pdi)

    def ocsp(
        self, chains: Sequence[Sequence[bytes]], now: datetime, revoked: frozenset[bytes]
    ) -> tuple[CollateralDocument, ...]:
        """An answer about each certificate of devices' chains that NVIDIA issued: all but leaves
        and root. `revoked`: SHA-256 of those that are said to be."""
        signers = {
            der_of(self.provisioner): (self.identity, self.identity_key),
            der_of(self.identity): (self.root, self.root_key),
        }
        found: dict[bytes, CollateralDocument] = {}
        for chain in chains:
            for place, raw in enumerate(chain[1:-1], 1):
                issuer, key = signers.get(raw, (self.provisioner, self.provisioner_key))
                subject, digest = x509.load_der_x509_certificate(raw), sha256(raw)
                if digest not in found:
                    answer = make_ocsp(subject, issuer, key, now, revoked=digest in revoked)
                    found[digest] = CollateralDocument(
                        CollateralKind.NVIDIA_OCSP, digest.hex(), answer, tuple(chain[place:])
                    )
        return tuple(found.values())

    def _chain(
        self, name: str, device: str, fwid: bytes | None
    ) -> tuple[ec.EllipticCurvePrivateKey, tuple[bytes, ...]]:
        """A leaf's key, and five certificates, leaf first."""
        brom_key, leaf_key = new_p384_key(), new_p384_key()
        brom = make_certificate(
            f"{name} BROM",
            brom_key,
            self.provisioner,
            self.provisioner_key,
            is_ca=True,
            device=device,
        )
        firmware = (
            ((_COMPOSITE_DEVICE_ID, composite_device_id(brom_key.public_key(), fwid)),)
            if fwid is not None
            else ()
        )
        leaf = make_certificate(
            f"{name} FMC LF", leaf_key, brom, brom_key, is_ca=False, extensions=firmware
        )
        path = (leaf, brom, self.provisioner, self.identity, self.root)
        return leaf_key, tuple(map(der_of, path))
