"""What an agent needs beside itself: a simulated machine, and a model sealed to a keyholder."""

import secrets
from pathlib import Path

from keyturn.agent.attester import Machine
from keyturn.base.encoding import digest_bytes
from keyturn.keyrelease.request import GpuEvidence, SnpEvidence
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.vault.sealer import SealedModel, seal_directory
from keyturn_sim.node import SimNode
from support.hsmtoken import Model, sealed_to
from support.system import System


class SimSource:
    """A simulated machine in the test's own process."""

    def __init__(self, sim: SimNode) -> None:
        self.sim = sim
        self.asked: list[str] = []

    def describe(self) -> Machine:
        return Machine(len(self.sim.gpus), simulated=True)

    def gpu(self, index: int, nonce: bytes) -> GpuEvidence:
        self.asked.append(f"gpu {index}")
        return GpuEvidence(self.sim.gpu_report(index, nonce), self.sim.gpus[index].chain)

    def snp(self, report_data: bytes) -> SnpEvidence:
        self.asked.append("snp")
        collateral = self.sim.collateral()
        return SnpEvidence(self.sim.snp_report(report_data), **collateral)


def seal_for(system: System, source: Path, out: Path, name: str) -> tuple[SealedModel, Model]:
    """Seal a directory to a keyholder's ingest key; also what only a test may know of it."""
    dek = bytearray(secrets.token_bytes(32))

    def wrap(key: bytearray | memoryview) -> WrappedDek:
        ciphertext, oaep = sealed_to(system.hsm, bytes(key))
        ingest = system.bundle.ingest_key()
        return WrappedDek(ingest.key_id, OaepHash(oaep.value), ciphertext)

    sealed = seal_directory(
        source,
        out,
        dek=dek,
        identity=ModelIdentity(ModelId(name), name, "1"),
        created=system.clock(),
        randomness=secrets.token_bytes,
        wrap=wrap,
        threads=1,
    )
    return sealed, Model(bytes(dek), digest_bytes(sealed.model_digest), sealed.key.tag)
