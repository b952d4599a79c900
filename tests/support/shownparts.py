"""Requests of machines that are put together part by part: TDs, switches, a paravisor."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import Digest, b64url, sha256
from keyturn.base.strictjson import dump
from keyturn.keyrelease.binding import (
    NodeKeys,
    Purpose,
    compute_binding,
    compute_core,
    device_evidence,
    device_nonce,
    paravisor_nonce,
)
from keyturn.keyrelease.request import (
    Evidence,
    GpuEvidence,
    NodeClaims,
    ReleaseRequest,
    SnpEvidence,
    SwitchEvidence,
    TdxEvidence,
    build_request,
    parse_request,
)
from keyturn.keyrelease.tpmpart import TpmPart
from keyturn_sim.node import SimNode
from keyturn_sim.tdx import SimTd
from support import tpm as made
from support.collateral import IntelDesk
from support.nvdevices import Device
from support.nvdevices import Vendor as NvVendor

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
MODEL = Digest("sha256:" + "11" * 32)
Cpu = Callable[[bytes], SnpEvidence | TdxEvidence]
"""The CPU's part over 64 bytes of report data."""


def anchors_of(*, amd: str = "", intel: str = "", nvidia: str = "") -> TrustAnchors:
    """SPKI digests of simulated roots."""
    named = {Vendor.AMD_SEV: amd, Vendor.INTEL_SGX: intel, Vendor.NVIDIA_DEVICE: nvidia}
    roots = {vendor: [SpkiDigest(spki)] for vendor, spki in named.items() if spki}
    return HARDWARE_ANCHORS.with_simulated(roots, source="a test")


@dataclass
class Parts:
    """One machine. `ask` makes the request of a challenge."""

    cpu: Cpu
    gpus: Sequence[Device] = ()
    switches: Sequence[Device] = ()
    paravisor: "Paravisor | None" = None
    keys: NodeKeys = field(default_factory=lambda: NodeKeys(b"h" * 1216, b"rsa", b"tls"))

    def ask(self, challenge: bytes = bytes(56)) -> ReleaseRequest:
        keys = self.keys
        if self.paravisor is not None:
            keys = replace(keys, ak_name=self.paravisor.ak_name)
        claims = NodeClaims.make("node-1", "a test", None, ())
        core = compute_core(Purpose.RELEASE, challenge, bytes.fromhex(MODEL[7:]), keys, claims.raw)
        shown = [
            (each.report(device_nonce(core, number)), each.chain)
            for number, each in enumerate((*self.gpus, *self.switches))
        ]
        binding = compute_binding(core, [device_evidence(*each) for each in shown])
        evidence = Evidence(
            self.cpu(binding),
            tuple(GpuEvidence(*each) for each in shown[: len(self.gpus)]),
            self.paravisor.quote(paravisor_nonce(binding)) if self.paravisor else None,
            tuple(SwitchEvidence(*each) for each in shown[len(self.gpus) :]),
        )
        raw = build_request(Purpose.RELEASE, challenge, MODEL, keys, claims, evidence)
        return parse_request(raw)


def td_cpu(intel: IntelDesk, td: SimTd | None = None) -> Cpu:
    machine = intel.intel.certify()
    return lambda binding: TdxEvidence(machine.quote(td or SimTd(), binding))


def snp_cpu(sim: SimNode, runtime: bytes | None = None) -> Cpu:
    """With `runtime`, as the paravisor that owns the report data asks."""

    def shown(binding: bytes) -> SnpEvidence:
        data = binding if runtime is None else sha256(runtime) + bytes(32)
        parts = sim.collateral()
        return SnpEvidence(
            sim.snp_report(data), parts["vek"], parts["intermediate"], parts["root"], runtime
        )

    return shown


def protected_set(gpus: int = 2, switches: int = 2) -> tuple[NvVendor, list[Device], list[Device]]:
    """PPCIE: all GPUs are linked with all switches."""
    vendor = NvVendor.create()
    gpu_pdis = [bytes([0xA0 + n]) * 8 for n in range(gpus)]
    switch_pdis = [bytes([0x50 + n]) * 8 for n in range(switches)]
    linked = b"".join(each[::-1] for each in switch_pdis)
    made_gpus = [
        vendor.gpu(pdi=pdi, f22=linked + bytes(8), f36=b"\x02\0", f21=b"\xaa") for pdi in gpu_pdis
    ]
    made_switches = [vendor.switch(pdi, tuple(gpu_pdis)) for pdi in switch_pdis]
    return vendor, made_gpus, made_switches


@dataclass
class Paravisor:
    """A paravisor's TPM with an RSA AK, named in its runtime data."""

    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False
    )

    @property
    def runtime(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        jwk = {
            "kid": "HCLAkPub",
            "key_ops": ["sign"],
            "kty": "RSA",
            "e": b64url(numbers.e.to_bytes(3, "big")),
            "n": b64url(numbers.n.to_bytes(256, "big")),
        }
        return dump({"keys": [jwk], "vm-configuration": {"secure-boot": True}, "user-data": "00"})

    @property
    def ak(self) -> bytes:
        return made.rsa_public(self.key)

    @property
    def ak_name(self) -> bytes:
        return b"\0\x0b" + hashlib.sha256(self.ak).digest()

    def quote(self, nonce: bytes) -> TpmPart:
        values = {number: bytes([number]) * 32 for number in range(24)}
        raw = made.quote({made.SHA256: values}, nonce)
        pcrs = {HashAlgorithm.SHA256: values}
        return TpmPart(raw, made.sign(self.key, raw), self.ak, (), pcrs)
