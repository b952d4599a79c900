"""The authority that `keyturn bench release` founds for itself: officers, statements, a model.

The officers' keys live for the run only. Every statement goes through the keyholder's socket
with its quorum, as everywhere else.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import Algorithm
from keyturn.keyholder.initialise import DEFAULT_ROLES, Founder, Initialised, Plan, initialise
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.statements import compose_payload, statement_type
from keyturn.seal.keys import DEK_SIZE, model_tag, wipe
from keyturn.seal.sealedkey import OaepHash, SealedKey
from keyturn.vault.wrapping import wrap_dek_rsa_oaep
from keyturn.wire.keyholder import Submit
from keyturn.wire.keyholder_client import ask_once

ORIGIN = "bench.keyturn.example/log"
LIFE = timedelta(days=7)
DRIVER, VBIOS = "590.12", "96.00.A5.00.01"
GPU_ARCHITECTURE = "GH100"
BASELINE = "bench-firmware"


@dataclass(frozen=True, slots=True)
class Firmware:
    """What good nodes measure; made up for the run."""

    cpu: bytes  # 48 bytes
    gpu: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A model in force: what nodes ask for, and its DEK under the KEK."""

    model: Digest
    tag: bytes
    wrapped: bytes


class Desk:
    """Five officers at one desk, and the authority that they founded below `directory`."""

    def __init__(self, directory: Path, module: Path | None = None) -> None:
        """Genesis. Takes seconds: the token makes RSA keys. Raises as `initialise`."""
        self._signers: list[OfficerSigner] = []
        founders = []
        for number in range(5):
            secret = generate(f"officer-{number}", f"Officer {number}", Algorithm.ED25519)
            self._signers.append(OfficerSigner(secret))
            founders.append(Founder(self._signers[-1], secret.public.roster_entry(DEFAULT_ROLES)))
        plan = Plan(directory, ORIGIN, simulation=True, module=module, life=LIFE)
        self.founded: Initialised = initialise(plan, founders, _now)
        self._authority = load_bundle(self.bundle, self.founded.fingerprint, _now())

    @property
    def signers(self) -> tuple[OfficerSigner, ...]:
        return tuple(self._signers)

    @property
    def bundle(self) -> bytes:
        return self.founded.bundle.read_bytes()

    def enact(
        self,
        keyholder: Path,
        kind: Kind,
        subject: str,
        body: dict[str, object],
        key: bytes | None = None,
    ) -> bytes | None:
        """Propose, approve, submit: in force. Returns a model's DEK under the KEK."""
        proposer, *others = self._signers
        payload = compose_payload(
            kind,
            subject,
            authority=self.founded.fingerprint,
            version=1,
            replaces=None,
            proposer=proposer.officer,
            time=_now(),
            reason="bench",
            body=body,
            life=LIFE,
        )
        statement = proposer.sign(statement_type(kind), payload)
        approvals = tuple(
            each.sign(
                APPROVAL_TYPE,
                approval_payload(
                    statement.digest, Decision.APPROVE, officer=each.officer, time=_now()
                ),
            ).to_bytes()
            for each in others[: DEFAULT_THRESHOLDS[kind]]
        )
        return ask_once(keyholder, Submit(statement.to_bytes(), approvals, key)).wrapped

    def trust(self, keyholder: Path, roots: Mapping[str, str], firmware: Firmware) -> None:
        """Simulated roots and the one baseline."""
        anchors: dict[str, object] = {
            "hardware": "pinned",
            "simulated": [
                {"vendor": "amd", "product": "Genoa", "spki_sha256": roots["amd-sev"]},
                {"vendor": "nvidia", "product": "GPU", "spki_sha256": roots["nvidia-device"]},
            ],
        }
        self.enact(keyholder, Kind.TRUST_ANCHORS, "trust-anchors", anchors)
        self.enact(keyholder, Kind.REFERENCE_VALUES, BASELINE, _baseline(firmware))

    def admit(self, keyholder: Path, name: str, gpus: int) -> Admitted:
        """A policy for nodes with so many GPUs, and a model under it."""
        self.enact(keyholder, Kind.POLICY, name, _policy(gpus))
        model = Digest("sha256:" + secrets.token_hex(32))
        dek = bytearray(secrets.token_bytes(DEK_SIZE))
        try:
            tag = model_tag(dek, model)
            hash_ = OaepHash(self._authority.ingest_oaep_hash().value)
            wrapped = wrap_dek_rsa_oaep(self._authority.ingest_key().spki, hash_, dek)
        finally:
            wipe(dek)
        body: dict[str, object] = {
            "model": model,
            "name": name,
            "version": "1",
            "tag": tag.hex(),
            "policy": name,
        }
        key = SealedKey(wrapped, tag).to_bytes()
        under_kek = self.enact(keyholder, Kind.MODEL, model, body, key)
        if under_kek is None:
            raise MalformedError("the keyholder admitted a model without its DEK")
        return Admitted(model, tag, under_kek)


def _baseline(firmware: Firmware) -> dict[str, object]:
    return {
        "snp": {"measurements": [{"value": firmware.cpu.hex(), "source": "bench"}]},
        "gpu": [
            {
                "architecture": GPU_ARCHITECTURE,
                "driver": DRIVER,
                "vbios": VBIOS,
                "measurements": {
                    str(index): [value.hex()] for index, value in firmware.gpu.items()
                },
                "source": "bench",
            }
        ],
    }


def _policy(gpus: int) -> dict[str, object]:
    return {
        "tees": ["snp"],
        "snp": {
            "products": ["Genoa"],
            "min_tcb": {"Genoa": {"fmc": 0, "bootloader": 1, "tee": 0, "snp": 1, "microcode": 1}},
            "debug": False,
            "migrate_ma": False,
            "smt": True,
            "alias_check": False,
            "vlek": False,
            "max_vmpl": 0,
        },
        "gpu": {"count": gpus},
        "baselines": [BASELINE],
        "workloads": "any",
        "platforms": "any",
        "lease_seconds": 600,
        "accepted_caveats": [caveat.value for caveat in Caveat],
    }


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
