"""A node in the test's own process: simulated hardware, real keys, the agent's own requests."""

from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa, x25519

from keyturn.agent.attester import Machine, TpmSource, collect
from keyturn.agent.machine import CpuSource
from keyturn.base.encoding import Digest
from keyturn.keyrelease.binding import NodeKeys, Purpose, compute_core
from keyturn.keyrelease.request import (
    Evidence,
    GpuEvidence,
    NodeClaims,
    SnpEvidence,
    SwitchEvidence,
    TdxEvidence,
    build_request,
)
from keyturn.quorum.tee_rules import Tee
from keyturn_sim.node import SimNode
from keyturn_sim.tdnode import SimTdNode

Sim = SimNode | SimTdNode
_DER = serialization.Encoding.DER
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


@dataclass
class NodeSecrets:
    """What a node keeps in memory. RSA is slow to make, so one per test module may be shared."""

    rsa_key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 3072)
    )
    tls: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    mlkem_key: mlkem.MLKEM768PrivateKey = field(default_factory=mlkem.MLKEM768PrivateKey.generate)
    x25519_key: x25519.X25519PrivateKey = field(default_factory=x25519.X25519PrivateKey.generate)

    @property
    def hpke(self) -> hpke.MLKEM768X25519PrivateKey:
        return hpke.MLKEM768X25519PrivateKey(self.mlkem_key, self.x25519_key)

    def public(self, purpose: Purpose) -> NodeKeys:
        tls = self.tls.public_key().public_bytes(_DER, _SPKI)
        if purpose is Purpose.RENEWAL:
            return NodeKeys(b"", b"", tls)
        raw = (
            self.mlkem_key.public_key().public_bytes_raw()
            + self.x25519_key.public_key().public_bytes_raw()
        )
        return NodeKeys(raw, self.rsa_key.public_key().public_bytes(_DER, _SPKI), tls)


class SimSource:
    """A simulated machine in the test's own process. `cpu`: where else its CPU is asked."""

    def __init__(self, sim: Sim, cpu: CpuSource | None = None) -> None:
        self.sim = sim
        self.asked: list[str] = []
        self._cpu = cpu

    def describe(self) -> Machine:
        devices = self.sim.devices
        return Machine(
            len(devices.gpus),
            simulated=True,
            switches=len(devices.switches),
            tee=Tee.TDX if isinstance(self.sim, SimTdNode) else Tee.SNP,
            paravisor=self._cpu is not None and self._cpu.paravisor,
        )

    def gpu(self, index: int, nonce: bytes) -> GpuEvidence:
        self.asked.append(f"gpu {index}")
        gpu = self.sim.devices.gpus[index]
        return GpuEvidence(self.sim.devices.report(gpu, nonce), gpu.chain)

    def switch(self, index: int, nonce: bytes) -> SwitchEvidence:
        self.asked.append(f"switch {index}")
        switch = self.sim.devices.switches[index]
        return SwitchEvidence(self.sim.devices.report(switch, nonce), switch.chain)

    def cpu(self, report_data: bytes) -> SnpEvidence | TdxEvidence:
        if self._cpu is not None:
            return self._cpu.cpu(report_data)
        if isinstance(self.sim, SimTdNode):
            self.asked.append("tdx")
            return TdxEvidence(self.sim.tdx_quote(report_data))
        self.asked.append("snp")
        return SnpEvidence(self.sim.snp_report(report_data), **self.sim.collateral())


@dataclass
class Node:
    """Asks as an agent would. `cpu`: where else than at `sim` its CPU is asked."""

    sim: SimNode
    secrets: NodeSecrets
    name: str = "node-1"
    tpm: TpmSource | None = None
    cpu: CpuSource | None = None

    def evidence(self, core: bytes, sim: Sim | None = None) -> Evidence:
        """Devices first, CPU last (our protocol §4.3), by the agent's own code."""
        return collect(SimSource(sim or self.sim, self.cpu), core, self.tpm)

    def request(
        self,
        challenge: bytes,
        model: Digest,
        *,
        lease: str | None = None,
        sim: Sim | None = None,
        claims: NodeClaims | None = None,
    ) -> bytes:
        purpose = Purpose.RELEASE if lease is None else Purpose.RENEWAL
        claims = claims or NodeClaims.make(self.name, "test", lease, ())
        keys = self.secrets.public(purpose)
        if self.tpm is not None:
            keys = replace(keys, ak_name=self.tpm.ak_name())
        core = compute_core(purpose, challenge, bytes.fromhex(model[7:]), keys, claims.raw)
        return build_request(purpose, challenge, model, keys, claims, self.evidence(core, sim))
