"""A whole keyholder on a real SoftHSM token in a test's directory, with an injected clock."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from keyturn.base.encoding import Digest, b64
from keyturn.hsm.genesis import write_configuration
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder.continuing import Continuation, continue_log
from keyturn.keyholder.genesis import Founding, found, log_signer
from keyturn.keyholder.logdisk import DEFAULT_RESERVE, LogDisk
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.keyholder.releases import Outcome
from keyturn.keyholder.service import Keyholder
from keyturn.keyholder.submissions import Entered
from keyturn.quorum.bodies import Purpose
from keyturn.quorum.bundle import Authority as Bundle
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn.seal.sealedkey import OaepHash, SealedKey, WrappedDek
from keyturn_sim.node import SimNode
from keyturn_sim.vendors import SimVendors
from support.authority import Authority, Clock, Proposal, policy_body
from support.hsmtoken import Model, TestToken, sealed_to
from support.nodes import Node, NodeSecrets

ORIGIN = "test.example/log"
NEXT_ORIGIN = "test.example/log2"
GOOD_FIRMWARE = bytes(range(48))
GPU_MEASUREMENTS = {index: bytes([index]) * 48 for index in range(8)}
WORKLOAD = bytes(range(32))


def keys_body(hsm: Hsm, origin: str = ORIGIN) -> dict[str, object]:
    return {
        "origin": origin,
        "assurance": hsm.assurance.value,
        "keys": [
            {
                "purpose": key.purpose.value,
                "algorithm": key.algorithm.value,
                "spki": b64(key.spki),
                "oaep_hash": key.oaep_hash.value if key.oaep_hash else None,
            }
            for key in hsm.public_keys().values()
        ],
    }


@dataclass
class System:
    """One authority, its keyholder, one admitted kind of node. `restart` is a process's restart."""

    directory: Path
    hsm: Hsm
    clock: Clock
    authority: Authority
    vendors: SimVendors
    fingerprint: Digest
    bundle_bytes: bytes
    keyholder: Keyholder
    origin: str = ORIGIN

    @property
    def bundle(self) -> Bundle:
        return load_bundle(self.bundle_bytes, self.fingerprint, self.clock())

    def start(self, io: DiskIo | None = None, reserve: int = DEFAULT_RESERVE) -> Keyholder:
        """A keyholder process on this directory; `io` is its disk."""
        sign, key = log_signer(self.hsm)
        log = LogDisk.open(self.directory / "log", self.origin, sign, key, reserve=reserve, io=io)
        try:
            self.keyholder = Keyholder(log, self.hsm, self.fingerprint, self.clock)
        except BaseException:
            log.close()
            raise
        return self.keyholder

    def restart(self) -> Keyholder:
        self.keyholder.close()
        return self.start()

    def continuation(self, hsm: Hsm, origin: str = NEXT_ORIGIN) -> Continuation:
        """What officers agree on when the token is lost: the keys of `hsm`, another origin."""
        keys = self.authority.approved(Kind.KEYS, "keys", keys_body(hsm, origin))
        return Continuation((keys.raw, keys.approvals))

    def replace_token(self, hsm: Hsm, origin: str = NEXT_ORIGIN) -> Continuation:
        """The token is gone: its log goes on under the keys of `hsm`; the keyholder is up again."""
        self.keyholder.close()
        what = self.continuation(hsm, origin)
        log = self.directory / "log"
        self.bundle_bytes = continue_log(log, hsm, self.fingerprint, what, self.clock)
        self.authority.entered(
            Kind.KEYS, "keys", Proposal(what.keys[0], parse_statement(what.keys[0]).digest)
        )
        self.hsm, self.origin = hsm, origin
        self.start()
        return what

    def submit(self, proposal: Proposal, key: bytes | None = None) -> Entered:
        return self.keyholder.submissions.submit(proposal.raw, proposal.approvals, key)

    def enact(
        self, kind: Kind, subject: str, body: dict[str, object], key: bytes | None = None
    ) -> Entered:
        """Propose, approve, submit: in force."""
        proposal = self.authority.approved(kind, subject, body)
        entered = self.submit(proposal, key)
        self.authority.entered(kind, subject, proposal)
        return entered

    def sim_node(self, measurement: bytes = GOOD_FIRMWARE, gpus: int = 1) -> SimNode:
        made = tuple(self.vendors.issue_gpu(GPU_MEASUREMENTS) for _ in range(gpus))
        return SimNode.create(self.vendors, measurement=measurement, host_data=WORKLOAD, gpus=made)

    def node(self, node_secrets: NodeSecrets, name: str = "node-1") -> Node:
        return Node(self.sim_node(), node_secrets, name)

    def trust_simulated_roots(self) -> Entered:
        return self.enact(Kind.TRUST_ANCHORS, "trust-anchors", anchors_body(self.vendors))

    def set_policy(self, **changed: object) -> Entered:
        return self.enact(Kind.POLICY, "serving", policy_body(**changed))

    def set_baseline(self, sim: SimNode) -> Entered:
        return self.enact(Kind.REFERENCE_VALUES, "firmware", baseline_body(sim))

    def admit(self, model: Model, *, policy: str = "serving") -> Entered:
        body = admission_body(model, policy)
        return self.enact(Kind.MODEL, str(body["model"]), body, self.key_file(model))

    def key_file(self, model: Model) -> bytes:
        wrapped, oaep = sealed_to(self.hsm, model.dek)
        keys = self.keyholder.journal.state.newest_keys
        assert keys is not None
        return SealedKey(
            WrappedDek(keys.keys[Purpose.INGEST].key_id, OaepHash(oaep.value), wrapped), model.tag
        ).to_bytes()

    def challenge(self) -> bytes:
        return self.keyholder.releases.challenge()[0]

    def ask(self, node: Node, model: Model, wrapped: bytes | None, **options: object) -> Outcome:
        raw = node.request(self.challenge(), model_digest(model), **options)  # type: ignore[arg-type]
        return self.keyholder.releases.release(raw, wrapped)


def model_digest(model: Model) -> Digest:
    return Digest("sha256:" + model.digest.hex())


def admission_body(model: Model, policy: str = "serving") -> dict[str, object]:
    return {
        "model": model_digest(model),
        "name": "mini",
        "version": "1",
        "tag": model.tag.hex(),
        "policy": policy,
    }


def anchors_body(vendors: SimVendors) -> dict[str, object]:
    roots = vendors.roots
    return {
        "hardware": "pinned",
        "simulated": [
            {"vendor": "amd", "product": "Genoa", "spki_sha256": roots["amd-sev"]},
            {"vendor": "nvidia", "product": "GPU", "spki_sha256": roots["nvidia-device"]},
        ],
    }


def baseline_body(sim: SimNode) -> dict[str, object]:
    return {
        "snp": {"measurements": [{"value": sim.launch.measurement.hex(), "source": "a test"}]},
        "gpu": [
            {
                "architecture": "GH100",
                "driver": gpu.driver,
                "vbios": gpu.vbios,
                "measurements": {
                    str(index): [value.hex()] for index, value in gpu.measurements.items()
                },
                "source": "a test",
            }
            for gpu in sim.gpus[:1]
        ],
    }


def reasons(outcome: Outcome) -> set[str]:
    """The stable reasons of a refusal."""
    assert not outcome.granted
    found = json.loads(json.dumps(outcome.answer))["reasons"]
    return {each["reason"] for each in found}


@contextmanager
def running(
    directory: Path, hsm: Hsm, vendors: SimVendors, *, simulation: bool = True
) -> Iterator[System]:
    """Genesis, and a keyholder that is up."""
    clock = Clock()
    authority = Authority(clock, simulation=simulation)
    roster = authority.approved(Kind.ROSTER, "roster", authority.roster_body())
    authority.entered(Kind.ROSTER, "roster", roster)
    keys = authority.approved(Kind.KEYS, "keys", keys_body(hsm))
    authority.entered(Kind.KEYS, "keys", keys)
    founding = Founding((roster.raw, roster.approvals), (keys.raw, keys.approvals))
    log = directory / "log"
    bundle = found(log, ORIGIN, hsm, roster.digest, founding, clock)
    system = System(
        directory,
        hsm,
        clock,
        authority,
        vendors,
        roster.digest,
        bundle,
        None,  # type: ignore[arg-type]
    )
    system.start()
    try:
        yield system
    finally:
        system.keyholder.close()


def clone_token(template: TestToken, directory: Path) -> TestToken:
    """A copy of a finished SoftHSM token: the same keys, a life of its own."""
    configuration = write_configuration(directory)
    shutil.copytree(template.directory / "tokens", directory / "tokens", dirs_exist_ok=True)
    config = replace(template.config, softhsm_configuration=configuration)
    return replace(template, config=config, directory=directory)
