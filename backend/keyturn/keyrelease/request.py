"""The release request: keys, claims and evidence over one challenge (our protocol §4.4, §5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from keyturn.base.encoding import Digest, b64, digest_bytes, digest_of, unb64
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.keyrelease.binding import (
    CHALLENGE_SIZE,
    HPKE_PUBLIC_SIZE,
    SUITE,
    NodeKeys,
    Purpose,
    compute_binding,
    compute_core,
    device_evidence,
)
from keyturn.keyrelease.errors import MalformedRequest
from keyturn.keyrelease.tpmpart import TpmPart, read_tpm_part
from keyturn.quorum.policy_body import Caveat

MAX_REQUEST = 256 << 10
MAX_CLAIMS = 4 << 10
MAX_DEVICES = 64
MAX_QUOTE = 32 << 10
MAX_RUNTIME = 32 << 10


@dataclass(frozen=True, slots=True)
class SnpEvidence:
    """DER certificates and the report, as the node's hardware and its host gave them.

    `runtime`: the exact runtime data of a paravisor, which then owns the report data (§4.3a).
    """

    report: bytes
    vek: bytes
    intermediate: bytes
    root: bytes
    runtime: bytes | None = None


@dataclass(frozen=True, slots=True)
class TdxEvidence:
    """A quote, which has its PCK chain within (certification data type 5)."""

    quote: bytes


@dataclass(frozen=True, slots=True)
class GpuEvidence:
    report: bytes
    chain: tuple[bytes, ...]  # DER, leaf first


@dataclass(frozen=True, slots=True)
class SwitchEvidence:
    report: bytes
    chain: tuple[bytes, ...]  # DER, leaf first


@dataclass(frozen=True, slots=True)
class Evidence:
    """Devices are numbered through: GPUs from 0, then switches (our protocol §4.3)."""

    cpu: SnpEvidence | TdxEvidence
    gpus: tuple[GpuEvidence, ...]
    tpm: TpmPart | None = None
    switches: tuple[SwitchEvidence, ...] = ()

    @property
    def devices(self) -> tuple[GpuEvidence | SwitchEvidence, ...]:
        return (*self.gpus, *self.switches)

    @property
    def runtime(self) -> bytes | None:
        """The paravisor's runtime data, if one stands between."""
        return self.cpu.runtime if isinstance(self.cpu, SnpEvidence) else None


@dataclass(frozen=True, slots=True)
class NodeClaims:
    """What the measured workload says about itself; trusted only as far as it is measured."""

    node: str
    agent: str
    lease: str | None
    caveats: frozenset[Caveat]
    raw: bytes

    @staticmethod
    def make(node: str, agent: str, lease: str | None, caveats: Sequence[Caveat]) -> "NodeClaims":
        raw = dump(
            {
                "type": "node-claims",
                "format": 1,
                "node": node,
                "agent": agent,
                "lease": lease,
                "caveats": sorted(caveat.value for caveat in set(caveats)),
            }
        )
        return NodeClaims(node, agent, lease, frozenset(caveats), raw)


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A parsed request: nothing in it is proved. `raw` are its exact bytes.

    `digest` is theirs; `core` (32 bytes) and `binding` (64 bytes that the CPU's report data must
    equal) follow from the rest (our protocol §4.2, §4.3). Raises ValueError on wrong sizes.
    """

    purpose: Purpose
    challenge: bytes
    model: Digest
    keys: NodeKeys
    claims: NodeClaims
    evidence: Evidence
    raw: bytes
    digest: Digest = field(init=False)
    core: bytes = field(init=False)
    binding: bytes = field(init=False)

    def __post_init__(self) -> None:
        # Computed once: each is asked for several times, and hashes all there is.
        model = digest_bytes(self.model)
        core = compute_core(self.purpose, self.challenge, model, self.keys, self.claims.raw)
        devices = [device_evidence(each.report, each.chain) for each in self.evidence.devices]
        object.__setattr__(self, "digest", digest_of(self.raw))
        object.__setattr__(self, "core", core)
        object.__setattr__(self, "binding", compute_binding(core, devices))


def build_request(
    purpose: Purpose,
    challenge: bytes,
    model: Digest,
    keys: NodeKeys,
    claims: NodeClaims,
    evidence: Evidence,
) -> bytes:
    """The exact bytes that a node sends."""
    return dump(
        {
            "type": "release-request",
            "format": 1,
            "purpose": purpose.value,
            "suite": SUITE,
            "challenge": challenge.hex(),
            "model": model,
            "keys": {
                "hpke": _optional(keys.hpke),
                "rsa": _optional(keys.rsa),
                "tls": b64(keys.tls),
                "prompt": _optional(keys.prompt),
                "ak_name": _optional(keys.ak_name),
            },
            "claims": b64(claims.raw),
            "evidence": evidence_document(evidence),
        }
    )


def parse_request(raw: bytes) -> ReleaseRequest:
    """Raises MalformedError. The request must be complete for its purpose."""
    fields = parse_object(raw, limit=MAX_REQUEST, what="release request")
    fields.literal("type", "release-request")
    fields.literal("format", 1)
    purpose = fields.choice("purpose", Purpose)
    fields.literal("suite", SUITE)
    request = ReleaseRequest(
        purpose,
        fields.hex("challenge", size=CHALLENGE_SIZE),
        fields.digest("model"),
        _keys(fields.fields("keys"), purpose),
        parse_claims(fields.b64("claims", limit=MAX_CLAIMS)),
        read_evidence(fields.fields("evidence")),
        raw,
    )
    fields.done()
    if (request.claims.lease is None) != (purpose is Purpose.RELEASE):
        raise MalformedRequest("claims: a renewal names its lease, a release names none")
    return request


def parse_claims(raw: bytes) -> NodeClaims:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_CLAIMS, what="node claims")
    fields.literal("type", "node-claims")
    fields.literal("format", 1)
    node = fields.text("node", limit=64)
    if not node.isascii() or not node.replace("-", "").replace(".", "").isalnum():
        raise MalformedRequest("claims: node", found=repr(node), expected="[A-Za-z0-9.-]")
    agent = fields.text("agent", limit=64)
    lease = fields.nullable("lease", lambda name: fields.hex(name, size=16).hex())
    caveats = []
    for name in fields.texts("caveats", limit=64):
        try:
            caveats.append(Caveat(name))
        except ValueError as error:
            raise MalformedRequest(f"claims: {error}") from error
    fields.done()
    return NodeClaims(node, agent, lease, frozenset(caveats), raw)


def _keys(fields: Fields, purpose: Purpose) -> NodeKeys:
    keys = NodeKeys(
        hpke=_read_optional(fields, "hpke"),
        rsa=_read_optional(fields, "rsa"),
        tls=fields.b64("tls", limit=1024),
        prompt=_read_optional(fields, "prompt"),
        ak_name=_read_optional(fields, "ak_name"),
    )
    fields.done()
    sizes = (len(keys.hpke), bool(keys.rsa))
    if purpose is Purpose.RELEASE and sizes != (HPKE_PUBLIC_SIZE, True):
        raise MalformedRequest("keys: a release needs an HPKE key of 1216 bytes and an RSA key")
    if purpose is Purpose.RENEWAL and sizes != (0, False):
        raise MalformedRequest("keys: a renewal carries no HPKE and no RSA key")
    if not keys.tls:
        raise MalformedRequest("keys: the TLS key is missing")
    return keys


def evidence_document(evidence: Evidence) -> dict[str, object]:
    """As it travels (our protocol §4.4)."""
    cpu = evidence.cpu
    document: dict[str, object] = {}
    if isinstance(cpu, TdxEvidence):
        document["tdx"] = {"quote": b64(cpu.quote)}
    else:
        document["snp"] = {
            "report": b64(cpu.report),
            "vek": b64(cpu.vek),
            "intermediate": b64(cpu.intermediate),
            "root": b64(cpu.root),
            **({"runtime": b64(cpu.runtime)} if cpu.runtime is not None else {}),
        }
    document["gpus"] = _device_documents(evidence.gpus)
    if evidence.switches:
        document["switches"] = _device_documents(evidence.switches)
    if evidence.tpm is not None:
        document["tpm"] = evidence.tpm.to_document()
    return document


def _device_documents(devices: Sequence[GpuEvidence | SwitchEvidence]) -> list[dict[str, object]]:
    return [
        {"report": b64(each.report), "chain": [b64(cert) for cert in each.chain]}
        for each in devices
    ]


def read_evidence(fields: Fields) -> Evidence:
    """Raises MalformedError."""
    if fields.has("snp") == fields.has("tdx"):
        raise MalformedRequest(
            "evidence: not one kind of CPU",
            found="both" if fields.has("snp") else "neither",
            expected="snp or tdx",
        )
    cpu = _snp(fields.fields("snp")) if fields.has("snp") else _tdx(fields.fields("tdx"))
    gpus = tuple(GpuEvidence(*each) for each in _devices(fields, "gpus"))
    switches: tuple[SwitchEvidence, ...] = ()
    if fields.has("switches"):
        switches = tuple(SwitchEvidence(*each) for each in _devices(fields, "switches"))
        if not switches:
            raise MalformedRequest("evidence: switches is empty", expected="absent, or a switch")
    if len(gpus) + len(switches) > MAX_DEVICES:
        raise MalformedRequest(
            "evidence: devices",
            found=str(len(gpus) + len(switches)),
            expected=f"at most {MAX_DEVICES}",
        )
    tpm = read_tpm_part(fields.fields("tpm")) if fields.has("tpm") else None
    fields.done()
    return Evidence(cpu, gpus, tpm, switches)


def _snp(fields: Fields) -> SnpEvidence:
    found = SnpEvidence(
        fields.b64("report", limit=4096),
        fields.b64("vek", limit=8192),
        fields.b64("intermediate", limit=8192),
        fields.b64("root", limit=8192),
        fields.b64("runtime", limit=MAX_RUNTIME) if fields.has("runtime") else None,
    )
    fields.done()
    if found.runtime == b"":
        raise MalformedRequest("evidence: runtime is empty", expected="absent, or runtime data")
    return found


def _tdx(fields: Fields) -> TdxEvidence:
    found = TdxEvidence(fields.b64("quote", limit=MAX_QUOTE))
    fields.done()
    return found


def _devices(fields: Fields, name: str) -> list[tuple[bytes, tuple[bytes, ...]]]:
    found = []
    for each in fields.objects(name, limit=MAX_DEVICES):
        report = each.b64("report", limit=32 << 10)
        chain = each.texts("chain", limit=10)
        found.append((report, tuple(unb64(c, what=f"{name}: certificate") for c in chain)))
        each.done()
    return found


def _read_optional(fields: Fields, name: str) -> bytes:
    found = fields.nullable(name, lambda each: fields.b64(each, limit=4096))
    if found == b"":
        raise MalformedRequest(f"keys: {name} is empty", expected="null, or a key")
    return found or b""


def _optional(key: bytes) -> str | None:
    return b64(key) if key else None
