"""Writes the protocol's vectors, from the words of docs/PROTOCOL.md and nothing of Keyturn's code.

Only Python's standard library: what the other end of the protocol, written by a stranger, would
compute. Run it to renew the files beside it; tests/vectors/test_protocol.py checks that they are
what it writes, and that Keyturn computes the same.
"""

import base64
import hashlib
import hmac
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
SUITE = "MLKEM768_X25519/HKDF-SHA256/AES-256-GCM+RSA-OAEP"
ORIGIN = "vectors.example/log"
SEED = bytes(range(32))
Case = dict[str, object]


def pattern(label: str, size: int) -> bytes:
    """Bytes that are easy to make again: SHA-256 of the label and a counter, cut to size."""
    blocks = -(-size // 32)
    whole = b"".join(
        hashlib.sha256(f"{label} {block}".encode()).digest() for block in range(blocks)
    )
    return whole[:size]


def lp(data: bytes) -> bytes:
    """§1.1"""
    return struct.pack(">I", len(data)) + data


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compact(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


# Ed25519 (RFC 8032 §5.1), in affine coordinates: slow, and short enough to be read.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BY = 4 * pow(5, -1, P) % P
Point = tuple[int, int]


def _x_of(y: int) -> int:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x % 2 == 0 else P - x


BASE: Point = (_x_of(BY), BY)


def _add(a: Point, b: Point) -> Point:
    t = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + t, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P)
    return x % P, y % P


def _times(scalar: int, point: Point) -> Point:
    total: Point = (0, 1)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point, scalar = _add(point, point), scalar >> 1
    return total


def _encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def _scalar(seed: bytes) -> int:
    low = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return low & ~7 & (2**255 - 1) & ~(1 << 254) | 1 << 254


def public_key(seed: bytes) -> bytes:
    return _encode(_times(_scalar(seed), BASE))


def sign(seed: bytes, message: bytes) -> bytes:
    public = public_key(seed)
    prefix = hashlib.sha512(seed).digest()[32:]
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    start = _encode(_times(r, BASE))
    k = int.from_bytes(hashlib.sha512(start + public + message).digest(), "little") % L
    return start + ((r + k * _scalar(seed)) % L).to_bytes(32, "little")


AUTHORITY = digest(b"the first roster")
"""The fingerprint (§2.6) that statements name which are in no log here."""


def spki(seed: bytes) -> bytes:
    """RFC 8410 §4."""
    return bytes.fromhex("302a300506032b6570032100") + public_key(seed)


# §2: envelopes


def pae(kind: str, payload: bytes) -> bytes:
    return f"DSSEv1 {len(kind.encode())} {kind} {len(payload)} ".encode() + payload


def enveloped(name: str, payload: bytes, seed: bytes) -> Case:
    kind = f"application/vnd.keyturn.{name}.v1+json"
    key_id = hashlib.sha256(spki(seed)).hexdigest()
    signature = sign(seed, pae(kind, payload))
    envelope = {
        "payloadType": kind,
        "payload": b64(payload),
        "signatures": [{"keyid": key_id, "sig": b64(signature)}],
    }
    return {
        "payload_type": kind,
        "payload": payload.decode(),
        "key_spki": spki(seed).hex(),
        "key_id": key_id,
        "pae": pae(kind, payload).hex(),
        "signature": signature.hex(),
        "digest": digest(payload),
        "envelope": compact(envelope).decode(),
    }


def platforms_payload() -> bytes:
    return compact(
        {
            "type": "platforms",
            "format": 1,
            "authority": AUTHORITY,
            "subject": "eu",
            "version": 1,
            "replaces": None,
            "proposer": "ada",
            "time": "2026-11-23T08:00:00Z",
            "proposal_lapses": "2026-11-26T08:00:00Z",
            "expires": "2027-02-21T08:00:00Z",
            "reason": "das erste Gestell, geprüft",
            "ticket": None,
            "body": {"platforms": [{"id": "amd-genoa-00", "site": "Köln", "note": ""}]},
        }
    )


def revocation_payload() -> bytes:
    return compact(
        {
            "type": "revocation",
            "format": 1,
            "authority": AUTHORITY,
            "subject": "node:node-1",
            "version": 1,
            "replaces": None,
            "proposer": "ada",
            "time": "2026-11-23T09:00:00Z",
            "proposal_lapses": "2026-11-24T09:00:00Z",
            "expires": None,
            "reason": "stolen",
            "ticket": "T-1",
            "body": {"target_kind": "node", "target": "node-1"},
        }
    )


def approval_payload(statement: bytes, decision: str) -> bytes:
    return compact(
        {
            "type": "approval",
            "format": 1,
            "statement": digest(statement),
            "decision": decision,
            "officer": "bela",
            "time": "2026-11-23T08:05:00Z",
            "comment": "",
        }
    )


def officer(name: str, roles: list[str], seed: bytes) -> dict[str, object]:
    return {
        "id": name,
        "name": name.title(),
        "roles": roles,
        "keys": [{"algorithm": "ed25519", "spki": b64(spki(seed))}],
        "hpke": b64(pattern(f"hpke {name}", 32)),
    }


def seed_of(name: str) -> bytes:
    return hashlib.sha256(f"seed {name}".encode()).digest()


def roster_payload() -> bytes:
    """A second version: Dora's key is compromised, and proposers do not approve (§2.6, §2.8)."""
    approvers = ("bela", "chen", "emil")
    kinds = (
        "roster keys policy reference-values platforms trust-anchors model ceremony revocation "
        "restore"
    )
    lost = hashlib.sha256(spki(seed_of("dora"))).hexdigest()
    return compact(
        {
            "type": "roster",
            "format": 1,
            "authority": AUTHORITY,
            "subject": "roster",
            "version": 2,
            "replaces": AUTHORITY,
            "proposer": "ada",
            "time": "2026-11-23T10:00:00Z",
            "proposal_lapses": "2026-11-26T10:00:00Z",
            "expires": "2027-02-21T10:00:00Z",
            "reason": "Dora's laptop was stolen",
            "ticket": None,
            "body": {
                "simulation": False,
                "officers": [
                    officer("ada", ["proposer"], SEED),
                    *(
                        officer(name, ["approver", "custodian"], seed_of(name))
                        for name in approvers
                    ),
                ],
                "thresholds": {kind: 2 for kind in kinds.split()},
                "proposer_may_approve": [],
                "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
                "separation": {
                    "apart": [["proposer", "approver"], ["approver", "auditor"]],
                    "required": {"custodian": 3},
                },
                "compromised": [lost],
            },
        }
    )


def ceremony_payload() -> bytes:
    return compact(
        {
            "type": "ceremony",
            "format": 1,
            "authority": AUTHORITY,
            "subject": "backup-2026.1",
            "version": 1,
            "replaces": None,
            "proposer": "ada",
            "time": "2026-11-23T12:00:00Z",
            "proposal_lapses": "2026-11-26T12:00:00Z",
            "expires": "2027-01-01T00:00:00Z",
            "reason": "the yearly backup",
            "ticket": "T-2",
            "body": {
                "ceremony": "backup",
                "script": digest(b"a script"),
                "token": "00a1b2c3d4e5f607",
                "participants": {
                    "administrator": "ada",
                    "custodians": ["bela", "chen"],
                    "witness": "emil",
                    "scribe": None,
                },
                "concerns": [pattern("kek", 32).hex(), digest(b"a model"), "bela"],
                "not_before": "2026-12-01T08:00:00Z",
                "not_after": "2026-12-31T08:00:00Z",
            },
        }
    )


def restore_payload() -> bytes:
    return compact(
        {
            "type": "restore",
            "format": 1,
            "authority": AUTHORITY,
            "subject": pattern("kek", 32).hex(),
            "version": 1,
            "replaces": None,
            "proposer": "ada",
            "time": "2026-11-23T12:00:00Z",
            "proposal_lapses": "2026-11-26T12:00:00Z",
            "expires": "2026-12-02T08:00:00Z",
            "reason": "the HSM burnt",
            "ticket": None,
            "body": {
                "kek": pattern("kek", 32).hex(),
                "backup": digest(b"a backup"),
                "token": "00a1b2c3d4e5f607",
                "host": "vault-2.example",
                "custodians": ["bela", "chen"],
                "not_before": "2026-12-01T08:00:00Z",
                "not_after": "2026-12-02T08:00:00Z",
            },
        }
    )


def enrolment_payload() -> bytes:
    return compact(
        {
            "type": "officer-enrolment",
            "format": 1,
            "authority": AUTHORITY,
            "officer": officer("zoe", ["approver"], seed_of("zoe")),
            "time": "2026-11-23T11:00:00Z",
        }
    )


def statements() -> Iterator[Case]:
    platforms, revocation = platforms_payload(), revocation_payload()
    other = bytes(reversed(SEED))
    yield {"id": "platforms", "reader": "statement", **enveloped("platforms", platforms, SEED)}
    yield {"id": "revocation", "reader": "statement", **enveloped("revocation", revocation, SEED)}
    for decision in ("approve", "reject"):
        payload = approval_payload(platforms, decision)
        yield {"id": decision, "reader": "approval", **enveloped("approval", payload, other)}
    withdrawal = compact(
        {
            "type": "withdrawal",
            "format": 1,
            "statement": digest(platforms),
            "officer": "ada",
            "time": "2026-11-23T08:10:00Z",
            "reason": "a mistake",
        }
    )
    yield {"id": "withdrawal", "reader": "withdrawal", **enveloped("withdrawal", withdrawal, SEED)}
    for name, payload in (("first-roster", first_roster()), ("roster", roster_payload())):
        yield {"id": name, "reader": "statement", **enveloped("roster", payload, SEED)}
    yield {
        "id": "ceremony",
        "reader": "statement",
        **enveloped("ceremony", ceremony_payload(), SEED),
    }
    yield {"id": "restore", "reader": "statement", **enveloped("restore", restore_payload(), SEED)}
    keys = keys_payload(2, digest(b"the first keys"), NEXT_ORIGIN, seed_of("log 2"))
    yield {"id": "keys", "reader": "statement", **enveloped("keys", keys, SEED)}
    request = enveloped("officer-enrolment", enrolment_payload(), seed_of("zoe"))
    yield {"id": "enrolment", "reader": "enrolment", **request}


# §4: core, nonces, binding


def core_of(parts: dict[str, bytes], purpose: str) -> bytes:
    order = ("challenge", "model", "hpke", "rsa", "tls", "prompt", "ak_name", "claims")
    fields = [purpose.encode(), SUITE.encode(), *(parts[name] for name in order)]
    return hashlib.sha256(b"keyturn-core-v1" + b"".join(map(lp, fields))).digest()


def node_claims(lease: str | None) -> bytes:
    return compact(
        {
            "type": "node-claims",
            "format": 1,
            "node": "node-1",
            "agent": "keyturn 0.1.0",
            "lease": lease,
            "caveats": ["unlocked-memory"],
        }
    )


def cores() -> Iterator[Case]:
    full = {
        "challenge": pattern("challenge", 56),
        "model": pattern("model", 32),
        "hpke": pattern("hpke", 1216),
        "rsa": pattern("rsa", 422),
        "tls": pattern("tls", 91),
        "prompt": pattern("prompt", 1216),
        "ak_name": pattern("ak name", 34),
        "claims": node_claims(None),
    }
    lease = pattern("lease", 16).hex()
    kinds = {
        "release-all-keys": ("release", full),
        "release-no-optional-keys": ("release", {**full, "prompt": b"", "ak_name": b""}),
        "renewal": ("renewal", {**full, "hpke": b"", "rsa": b"", "claims": node_claims(lease)}),
        "shifted-by-a-byte": (
            "release",
            {**full, "tls": full["tls"][:-1], "prompt": full["tls"][-1:] + full["prompt"]},
        ),
    }
    for name, (purpose, parts) in kinds.items():
        core = core_of(parts, purpose)
        yield {
            "id": name,
            "purpose": purpose,
            "suite": SUITE,
            **{key: value.hex() for key, value in parts.items()},
            "core": core.hex(),
            "device_nonces": {
                str(index): hashlib.sha256(
                    b"keyturn-device-v1" + core + struct.pack(">I", index)
                ).hexdigest()
                for index in (0, 1, 7, 256)
            },
        }


def bindings() -> Iterator[Case]:
    core = pattern("core", 32)
    one = (pattern("report 0", 4000), [pattern(f"certificate {n}", 700 + n) for n in range(5)])
    two = (pattern("report 1", 3000), [pattern("leaf", 800)])
    nothing: list[bytes] = []
    bare = (pattern("report 2", 100), nothing)
    for name, devices in {
        "no-device": [],
        "one-device": [one],
        "two-devices": [one, two],
        "two-devices-swapped": [two, one],
        "no-chain": [bare],
    }.items():
        whole = b"".join(lp(report + b"".join(map(lp, chain))) for report, chain in devices)
        inner = hashlib.sha384(whole).digest()
        binding = hashlib.sha512(b"keyturn-binding-v1" + core + lp(inner)).hexdigest()
        yield {
            "id": name,
            "core": core.hex(),
            "devices": [
                {"report": report.hex(), "chain": [each.hex() for each in chain]}
                for report, chain in devices
            ],
            "binding": binding,
            "paravisor_nonce": hashlib.sha256(
                b"keyturn-paravisor-v1" + bytes.fromhex(binding)
            ).hexdigest(),
        }


# §5.1: challenge; §3.2, §3.3: content id, tag


def challenges() -> Iterator[Case]:
    for name, seconds in (("now", 1795420800), ("epoch", 0), ("after-2038", 2**32 + 5)):
        random16, boot = pattern(f"random {name}", 16), pattern(f"boot {name}", 32)
        body = random16 + struct.pack(">Q", seconds)
        tag = hmac.new(boot, b"keyturn-challenge-v1" + body, hashlib.sha256).digest()
        good: Case = {
            "id": name,
            "random": random16.hex(),
            "seconds": seconds,
            "boot_key": boot.hex(),
            "challenge": (body + tag).hex(),
            "genuine": True,
        }
        yield good
        spoilt: dict[str, Case] = {
            "other-boot-key": {"boot_key": pattern("another boot", 32).hex()},
            "later": {
                "seconds": seconds + 1,
                "challenge": (random16 + struct.pack(">Q", seconds + 1) + tag).hex(),
            },
            "tag-cut": {"challenge": (body + tag[:-1]).hex()},
            "tag-of-the-body-alone": {
                "challenge": (body + hmac.new(boot, body, hashlib.sha256).digest()).hex()
            },
        }
        for what, forged in spoilt.items():
            yield {**good, "id": f"{name}-{what}", "genuine": False, **forged}


def tags() -> Iterator[Case]:
    dek, manifest = pattern("dek", 32), compact({"type": "sealed-model", "format": 1})
    tag = hmac.new(
        dek, b"keyturn-model-v1" + hashlib.sha256(manifest).digest(), hashlib.sha256
    ).digest()
    good: Case = {
        "id": "fits",
        "dek": dek.hex(),
        "model": digest(manifest),
        "tag": tag.hex(),
        "fits": True,
    }
    yield good
    yield {**good, "id": "another-dek", "dek": pattern("dek 2", 32).hex(), "fits": False}
    yield {**good, "id": "another-model", "model": digest(manifest + b" "), "fits": False}
    yield {**good, "id": "cut", "tag": tag[:-1].hex(), "fits": False}
    swapped = hmac.new(hashlib.sha256(manifest).digest(), b"keyturn-model-v1" + dek, "sha256")
    yield {**good, "id": "key-and-message-swapped", "tag": swapped.hexdigest(), "fits": False}


# §5.5: grant


def grant_body(purpose: str, oaep: str) -> bytes:
    return compact(
        {
            "type": "grant",
            "format": 1,
            "purpose": purpose,
            "lease": pattern("lease", 16).hex(),
            "lease_seconds": 60,
            "challenge": pattern("challenge", 56).hex(),
            "core": pattern("core", 32).hex(),
            "binding": pattern("binding", 64).hex(),
            "model": digest(b"a model"),
            "tag": pattern("tag", 32).hex(),
            "statements": [digest(b"admission"), digest(b"policy"), digest(b"baseline")],
            "ear": digest(b"an EAR"),
            "oaep_hash": oaep,
        }
    )


def grants() -> Iterator[Case]:
    for purpose, oaep in (("release", "sha256"), ("renewal", "sha1")):
        body = grant_body(purpose, oaep)
        yield {
            "id": f"{purpose}-{oaep}",
            "grant": body.decode(),
            "digest": digest(body),
            "hpke_info": hashlib.sha256(body).hexdigest(),
        }


# §6: log, receipt


def tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def proof(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1, leaf to root."""
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return [*proof(index, leaves[:half]), tree(leaves[half:])]
    return [*proof(index - half, leaves[half:]), tree(leaves[:half])]


def note(size: int, root: bytes, origin: str = ORIGIN, seed: bytes = SEED) -> str:
    """C2SP tlog-checkpoint and signed-note: Ed25519 is type 1."""
    text = f"{origin}\n{size}\n{b64(root)}\n"
    key_hash = hashlib.sha256(origin.encode() + b"\n\x01" + public_key(seed)).digest()[:4]
    line = b64(key_hash + sign(seed, text.encode()))
    return f"{text}\n\u2014 {origin} {line}\n"


def leaves_of(count: int) -> list[bytes]:
    first: dict[str, object] = {"type": "log-entry", "format": 1, "kind": "origin"}
    origin = {
        **first,
        "time": "2026-11-23T08:00:00Z",
        "authority": AUTHORITY,
        "previous": None,
    }
    starts: list[dict[str, object]] = [
        {
            **first,
            "kind": "start",
            "time": f"2026-11-23T08:00:{number:02}Z",
            "boot": pattern(f"boot {number}", 16).hex(),
            "software": "keyturn 0.1.0",
        }
        for number in range(1, count)
    ]
    return [compact(each) for each in [origin, *starts]]


def receipts() -> Iterator[Case]:
    for size, index in ((1, 0), (2, 1), (5, 4), (7, 2), (8, 7)):
        leaves = leaves_of(size)
        path = [each.hex() for each in proof(index, leaves)]
        document: dict[str, object] = {
            "type": "receipt",
            "format": 1,
            "index": index,
            "leaf": b64(leaves[index]),
            "proof": path,
            "checkpoint": note(size, tree(leaves)),
        }
        good: Case = {
            "id": f"leaf-{index}-of-{size}",
            "origin": ORIGIN,
            "log_key_spki": spki(SEED).hex(),
            "leaf": leaves[index].decode(),
            "root": tree(leaves).hex(),
            "receipt": compact(document).decode(),
            "proves": True,
        }
        yield good
        others = {"another-leaf": {**document, "leaf": b64(leaves[index] + b" ")}}
        if size > 1:
            others["another-index"] = {**document, "index": (index + 1) % size}
            others["proof-cut"] = {**document, "proof": path[:-1]}
        others["checkpoint-unsigned"] = {
            **document,
            "checkpoint": note(size, tree(leaves)).replace(f"\n{size}\n", f"\n{size + 1}\n", 1),
        }
        for what, forged in others.items():
            receipt = compact(forged).decode()
            yield {**good, "id": f"{good['id']}-{what}", "receipt": receipt, "proves": False}


def entries() -> Iterator[Case]:
    """The kinds that no statement, grant or start makes: leaves, and what must be refused."""
    frame = {"type": "log-entry", "format": 1, "time": "2026-11-23T08:00:00Z"}
    statement, approval = digest(b"a statement"), digest(b"its envelope")
    values: dict[str, object] = {"workers": 2, "module": None, "names": ["b", "a"], "\u00e9": True}
    settings = json.dumps(
        {
            "type": "settings",
            "format": 1,
            "program": "keyholder",
            "software": "keyturn 0.1.0",
            "values": values,
        },
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    ).encode()
    yield {
        "id": "settings",
        "program": "keyholder",
        "software": "keyturn 0.1.0",
        "values": values,
        "document": settings.decode(),
        "digest": digest(settings),
    }
    good: dict[str, dict[str, object]] = {
        "decision": {
            "statement": statement,
            "officer": "bela",
            "decision": "reject",
            "envelopes": [digest(b"the statement's envelope"), approval],
        },
        "report": {
            "program": "control",
            "event": "sign-in-failures",
            "officer": None,
            "reason": "unknown-officer",
            "count": 40,
            "since": "2026-11-23T07:50:00Z",
        },
        "configuration": {
            "program": "keyholder",
            "settings": digest(settings),
            "changed": ["workers"],
            "software": "keyturn 0.1.0",
        },
    }
    wrong: list[tuple[str, str, dict[str, object]]] = [
        ("decision", "one-envelope", {"envelopes": [approval]}),
        ("decision", "abstains", {"decision": "abstain"}),
        ("report", "of-the-keyholder", {"program": "keyholder"}),
        ("report", "none", {"count": 0}),
        ("report", "another-event", {"event": "sign-ins"}),
        ("configuration", "of-an-agent", {"program": "agent"}),
        ("configuration", "a-name-twice", {"changed": ["workers", "workers"]}),
        ("decision", "kind-to-come", {"kind": "ceremony-step"}),
    ]
    for kind, further in good.items():
        leaf = compact({**frame, "kind": kind, **further}).decode()
        yield {"id": kind, "kind": kind, "leaf": leaf, "reads": True}
    for kind, name, changed in wrong:
        leaf = compact({**frame, "kind": kind, **good[kind], **changed}).decode()
        yield {"id": f"{kind}-{name}", "kind": kind, "leaf": leaf, "reads": False}


# §6.2: the log goes on under another key

NEXT_ORIGIN = "vectors.example/log2"
RSA_OID, P256_OIDS = "06092a864886f70d0101010500", "06072a8648ce3d020106082a8648ce3d030107"
P256_BASE = (  # SEC 2 §2.4.2: G, uncompressed
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def der(tag: int, contents: bytes) -> bytes:
    """X.690 §8.1, definite lengths."""
    size = len(contents)
    if size < 128:
        return bytes([tag, size]) + contents
    length = size.to_bytes(-(-size.bit_length() // 8), "big")
    return bytes([tag, 0x80 | len(length)]) + length + contents


def rsa_spki(label: str) -> bytes:
    """RFC 8017 §A.1: 3072 bits and odd. Nobody has its private half."""
    modulus = b"\0\xff" + pattern(label, 382) + b"\x01"
    key = der(0x30, der(2, modulus) + der(2, bytes.fromhex("010001")))
    return der(0x30, der(0x30, bytes.fromhex(RSA_OID)) + der(3, b"\0" + key))


def keys_payload(
    version: int,
    replaces: str | None,
    origin: str,
    log_seed: bytes,
    authority: str | None = None,
) -> bytes:
    """Of the authority that `first_roster` founds, or of another."""
    p256 = der(0x30, der(0x30, bytes.fromhex(P256_OIDS)) + der(3, b"\0" + bytes.fromhex(P256_BASE)))
    keys: list[tuple[str, str, bytes, str | None]] = [
        ("ingest", "rsa-3072", rsa_spki(f"ingest {version}"), "sha256"),
        ("log", "ed25519", spki(log_seed), None),
        ("result", "p256", p256, None),
    ]
    if version > 1:
        keys.append(("keyholder", "ed25519", spki(seed_of("keyholder")), None))
    names = ("purpose", "algorithm", "spki", "oaep_hash")
    return compact(
        {
            "type": "keys",
            "format": 1,
            "authority": authority or digest(first_roster()),
            "subject": "keys",
            "version": version,
            "replaces": replaces,
            "proposer": "ada",
            "time": f"2026-11-23T1{version}:00:00Z",
            "proposal_lapses": "2026-11-26T10:00:00Z",
            "expires": "2027-02-21T10:00:00Z",
            "reason": "the token" if version == 1 else "the token was lost",
            "ticket": None,
            "body": {
                "origin": origin,
                "assurance": "hardware",
                "keys": [dict(zip(names, (a, b, b64(c), d), strict=True)) for a, b, c, d in keys],
            },
        }
    )


def first_roster() -> bytes:
    document = json.loads(roster_payload())
    body = {name: value for name, value in document["body"].items() if name != "compromised"}
    return compact({**document, "authority": None, "version": 1, "replaces": None, "body": body})


class Told:
    """A log as it is told: leaves, and the objects that they name."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.objects: list[str] = []

    def entry(self, kind: str, hour: int, **further: object) -> None:
        frame = {"type": "log-entry", "format": 1, "kind": kind}
        self.leaves.append(compact({**frame, "time": f"2026-11-23T{hour}:30:00Z", **further}))

    def statement(self, payload: bytes, hour: int, by: tuple[str, ...] = ("bela", "chen")) -> None:
        document = json.loads(payload)
        envelopes = [str(enveloped(document["type"], payload, SEED)["envelope"])]
        for name in by:
            said = {
                "type": "approval",
                "format": 1,
                "statement": digest(payload),
                "decision": "approve",
                "officer": name,
                "time": document["time"],
                "comment": "",
            }
            envelopes.append(str(enveloped("approval", compact(said), seed_of(name))["envelope"]))
        self.objects += envelopes
        self.entry(
            "statement",
            hour,
            statement=digest(payload),
            statement_kind=document["type"],
            subject=document["subject"],
            version=document["version"],
            envelopes=[digest(each.encode()) for each in envelopes],
        )

    def start(self, hour: int) -> None:
        boot = pattern(f"boot {hour}", 16).hex()
        self.entry("start", hour, boot=boot, software="keyturn 0.1.0")


def founded_log() -> tuple[Told, str, bytes]:
    """Four entries under the first log key; the fingerprint, and the `keys` payload."""
    told, roster = Told(), first_roster()
    told.entry("origin", 10, authority=digest(roster), previous=None)
    told.statement(roster, 10)
    keys = keys_payload(1, None, ORIGIN, seed_of("log 1"))
    told.statement(keys, 11)
    told.start(11)
    return told, digest(roster), keys


def continuations() -> Iterator[Case]:
    old, new, stranger = seed_of("log 1"), seed_of("log 2"), seed_of("log 3")

    def told(
        what: str,
        *,
        previous: str | None = None,
        by: tuple[str, ...] = ("bela", "chen"),
        origin: str = NEXT_ORIGIN,
        entry: bool = True,
        keys: bool = True,
        signed: tuple[str, bytes] = (NEXT_ORIGIN, new),
        authority: str | None = None,
    ) -> Case:
        log, fingerprint, first = founded_log()
        last = previous or note(4, tree(log.leaves), ORIGIN, old)
        if entry:
            log.entry("origin", 12, authority=fingerprint, previous=last)
        if keys:
            log.statement(keys_payload(2, digest(first), origin, new, authority), 12, by)
        log.start(13)
        size = len(log.leaves)
        return {
            "id": what,
            "fingerprint": fingerprint,
            "leaves": [each.decode() for each in log.leaves],
            "objects": log.objects,
            "checkpoint": note(size, tree(log.leaves), *signed),
            "origins": [ORIGIN, origin],
            "last": 4,
            "holds": what == "goes-on",
        }

    whole = [each for each in founded_log()[0].leaves]
    other = tree([*whole[:3], whole[3] + b" "])
    yield told("goes-on")
    yield told("one-approval-short", by=("bela",))
    yield told("from-another-tree", previous=note(4, other, ORIGIN, old))
    yield told("from-an-earlier-size", previous=note(3, tree(whole[:3]), ORIGIN, old))
    yield told("by-another-key", previous=note(4, tree(whole), ORIGIN, stranger))
    yield told("by-the-newer-key", previous=note(4, tree(whole), NEXT_ORIGIN, new))
    yield told("under-the-same-origin", origin=ORIGIN, signed=(ORIGIN, new))
    yield told("keys-of-another-authority", authority=AUTHORITY)
    yield told("without-new-keys", keys=False)
    yield told("without-an-origin-entry", entry=False)
    yield told("signed-by-the-older-key", signed=(ORIGIN, old))


# §9: witnesses

WITNESS = "witness.example/w1"
WITNESS_SEED = bytes(range(64, 96))


def consistency(old: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """RFC 6962 §2.1.2, SUBPROOF."""
    if old == len(leaves):
        return [] if whole else [tree(leaves)]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= half:
        return [*consistency(old, leaves[:half], whole), tree(leaves[half:])]
    return [*consistency(old - half, leaves[half:], False), tree(leaves[:half])]


def cosignature(text: str, time: int) -> str:
    """§9.1: a signature line, key type 4."""
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    public = public_key(WITNESS_SEED)
    key_id = hashlib.sha256(WITNESS.encode() + b"\n\x04" + public).digest()[:4]
    value = key_id + struct.pack(">Q", time) + sign(WITNESS_SEED, message)
    return f"\u2014 {WITNESS} {b64(value)}\n"


def cosignatures() -> Iterator[Case]:
    for size, time in ((1, 0), (5, 1_763_884_800), (8, 2**53 - 1)):
        signed = note(size, tree(leaves_of(size)))
        text = signed.partition("\n\n")[0] + "\n"
        line = cosignature(text, time)
        good: Case = {
            "id": f"size-{size}-time-{time}",
            "witness_spki": spki(WITNESS_SEED).hex(),
            "name": WITNESS,
            "time": time,
            "note": signed + line,
            "verifies": True,
        }
        yield good
        other = cosignature(text.replace(f"\n{size}\n", f"\n{size + 1}\n"), time)
        yield {**good, "id": f"{good['id']}-of-another", "note": signed + other, "verifies": False}


def add_checkpoints() -> Iterator[Case]:
    for old, new in ((0, 1), (1, 2), (3, 7), (4, 8), (6, 8), (7, 7)):
        leaves = leaves_of(new)
        path = consistency(old, leaves) if 0 < old < new else []
        signed = note(new, tree(leaves))
        request = "".join(f"{line}\n" for line in (f"old {old}", *map(b64, path), "")) + signed
        yield {
            "id": f"{old}-to-{new}",
            "origin": ORIGIN,
            "log_key_spki": spki(SEED).hex(),
            "old": old,
            "old_root": tree(leaves[:old]).hex() if old else hashlib.sha256().hexdigest(),
            "new": new,
            "proof": [each.hex() for each in path],
            "request": request,
        }


def base45(data: bytes) -> str:
    """RFC 9285."""
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
    made = ""
    for at in range(0, len(data), 2):
        pair = data[at : at + 2]
        value = int.from_bytes(pair)
        for _ in range(len(pair) + 1):
            made += letters[value % 45]
            value //= 45
    return made


def stored(whole: bytes) -> bytes:
    """RFC 1950 and 1951 without compressing: one block, the same whatever zlib is at hand."""
    head = b"\x78\x01\x01" + struct.pack("<HH", len(whole), len(whole) ^ 0xFFFF)
    return head + whole + struct.pack(">I", zlib.adler32(whole))


def parts() -> Iterator[Case]:
    """§8.4: the texts of a transfer's pictures, as they come, and what they give."""

    def texts(whole: bytes, packed: bytes, size: int) -> list[str]:
        pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
        head = b"KTQ\x01" + hashlib.sha256(whole).digest()[:8]
        return [
            base45(head + struct.pack(">HH", place, len(pieces)) + piece)
            for place, piece in enumerate(pieces, start=1)
        ]

    whole, other = pattern("proposal", 150), pattern("another", 150)
    made, foreign = texts(whole, stored(whole), 60), texts(other, stored(other), 60)
    yield {"id": "in-order", "texts": made, "whole": whole.hex()}
    yield {"id": "backwards-and-twice", "texts": [*made[::-1], made[1]], "whole": whole.hex()}
    yield {"id": "one-part", "texts": texts(b"{}", stored(b"{}"), 800), "whole": b"{}".hex()}
    wrong = {
        "second-missing": (made[::2], "PartsMissing"),
        "part-of-another": ([made[0], foreign[1], made[2]], "ForeignPart"),
        "another-digest": (texts(other, stored(whole), 800), "MalformedPart"),
        "more-after-the-end": (texts(whole, stored(whole) + b"x", 800), "MalformedPart"),
        "cut": (texts(whole, stored(whole)[:-1], 800), "MalformedPart"),
        "no-base45": ([made[0][:-1] + "a"], "MalformedPart"),
        "version-2": ([base45(b"KTQ\x02" + bytes(8) + b"\0\1\0\1x")], "MalformedPart"),
        "index-0": ([base45(b"KTQ\x01" + bytes(8) + b"\0\0\0\1x")], "MalformedPart"),
        "257-parts": ([base45(b"KTQ\x01" + bytes(8) + b"\0\1\1\1x")], "MalformedPart"),
        "801-bytes": (texts(whole, stored(bytes(900)), 801)[:1], "MalformedPart"),
    }
    for name, (found, kind) in wrong.items():
        yield {"id": name, "texts": found, "refused": kind}


FILES = {
    "statements.json": ("our protocol §2.1, §2.3, §2.4; DSSE v1; RFC 8032", statements),
    "core.json": ("our protocol §4.2, §4.3", cores),
    "binding.json": ("our protocol §4.3", bindings),
    "challenge.json": ("our protocol §5.1", challenges),
    "tag.json": ("our protocol §3.3", tags),
    "grant.json": ("our protocol §5.5", grants),
    "entries.json": ("our protocol §6.2", entries),
    "continuation.json": ("our protocol §2.6, §6.2; C2SP tlog-checkpoint", continuations),
    "receipt.json": ("our protocol §6.1, §6.4; RFC 6962; C2SP tlog-checkpoint", receipts),
    "cosignature.json": ("our protocol §9.1; C2SP tlog-cosignature", cosignatures),
    "parts.json": ("our protocol §8.4; RFC 1950; RFC 9285", parts),
    "add-checkpoint.json": ("our protocol §9.2; RFC 6962; C2SP tlog-witness", add_checkpoints),
}


def content(name: str) -> str:
    """What a file of vectors holds."""
    source, cases = FILES[name]
    document = {"source": source, "encoding": "bytes in lower-case hex", "cases": list(cases())}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for each in FILES:
        (HERE / each).write_text(content(each), encoding="utf-8")
