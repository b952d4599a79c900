"""A node in the test's own process: simulated hardware, real keys, real requests."""

from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa, x25519

from keyturn.agent.attester import TpmSource
from keyturn.base.encoding import Digest
from keyturn.keyrelease.binding import (
    NodeKeys,
    Purpose,
    compute_binding,
    compute_core,
    device_evidence,
    device_nonce,
    tpm_nonce,
)
from keyturn.keyrelease.request import (
    Evidence,
    GpuEvidence,
    NodeClaims,
    SnpEvidence,
    build_request,
)
from keyturn_sim.node import SimNode

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


@dataclass
class Node:
    """Asks as an agent would."""

    sim: SimNode
    secrets: NodeSecrets
    name: str = "node-1"
    tpm: TpmSource | None = None

    def evidence(self, core: bytes, sim: SimNode | None = None) -> Evidence:
        """Devices first, CPU last (our protocol §4.3)."""
        sim = sim or self.sim
        gpus = tuple(
            GpuEvidence(sim.gpu_report(index, device_nonce(core, index)), gpu.chain)
            for index, gpu in enumerate(sim.gpus)
        )
        binding = compute_binding(core, [device_evidence(g.report, g.chain) for g in gpus])
        parts = sim.collateral()
        snp = SnpEvidence(
            sim.snp_report(binding), parts["vek"], parts["intermediate"], parts["root"]
        )
        return Evidence(snp, gpus, self.tpm.quote(tpm_nonce(core)) if self.tpm else None)

    def request(
        self,
        challenge: bytes,
        model: Digest,
        *,
        lease: str | None = None,
        sim: SimNode | None = None,
        claims: NodeClaims | None = None,
    ) -> bytes:
        purpose = Purpose.RELEASE if lease is None else Purpose.RENEWAL
        claims = claims or NodeClaims.make(self.name, "test", lease, ())
        keys = self.secrets.public(purpose)
        if self.tpm is not None:
            keys = replace(keys, ak_name=self.tpm.ak_name())
        core = compute_core(purpose, challenge, bytes.fromhex(model[7:]), keys, claims.raw)
        return build_request(purpose, challenge, model, keys, claims, self.evidence(core, sim))
