"""The authority of a paper host's cast, and statements as its officers carry them on a stick."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import ScriptKind
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.bundle import Authority, bundle_of, bundle_root, load_bundle
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, payload_type
from keyturn.quorum.statements import compose_payload
from support.authority import spki
from support.paperhost import KEEPERS, Participant, signed

Cast = Mapping[str, Participant]


def statement(
    cast: Cast,
    authority: Digest | None,
    kind: Kind,
    subject: str,
    body: dict[str, object],
    now: datetime,
    approvers: Sequence[str] = KEEPERS[:3],
) -> tuple[bytes, list[bytes], Digest]:
    """Proposed by the administrator, approved by these: envelopes, and the statement's digest."""
    payload = compose_payload(
        kind,
        subject,
        authority=authority,
        body=body,
        version=1,
        replaces=None,
        proposer="novak",
        time=now,
        reason="for a test",
        life=timedelta(days=30),
    )
    digest = digest_of(payload)
    approvals = []
    for each in approvers:
        approved = approval_payload(digest, Decision.APPROVE, officer=each, time=now)
        approvals.append(signed(cast, each, APPROVAL_TYPE, approved))
    return signed(cast, "novak", payload_type(kind.value), payload), approvals, digest


def carried(
    cast: Cast,
    authority: Digest,
    kind: Kind,
    subject: str,
    body: dict[str, object],
    now: datetime,
    approvers: Sequence[str] = KEEPERS[:3],
) -> bytes:
    """A proposal's file (our protocol §8.2), without a bundle."""
    raw, approvals, _digest = statement(cast, authority, kind, subject, body, now, approvers)
    return dump(
        {
            "type": "proposal-export",
            "format": 1,
            "statement": b64(raw),
            "approvals": [b64(each) for each in approvals],
            "bundle": "",
        }
    )


def today(now: datetime) -> dict[str, object]:
    return {
        "not_before": format_time(now - timedelta(minutes=1)),
        "not_after": format_time(now + timedelta(days=1)),
    }


def ceremony_body(kind: ScriptKind, now: datetime) -> dict[str, object]:
    """Novak leads it, Osei looks on, Lind writes."""
    people: dict[str, object] = {
        "administrator": "novak",
        "custodians": list(KEEPERS),
        "witness": "osei",
        "scribe": "lind",
    }
    return {
        "ceremony": kind.value,
        "script": SCRIPTS[kind].digest,
        "token": None,
        "participants": people,
        "concerns": [],
        **today(now),
    }


def restore_body(kek: str, backup: Digest, token: str, now: datetime) -> dict[str, object]:
    return {
        "kek": kek,
        "backup": backup,
        "token": token,
        "host": "the ceremony's machine",
        "custodians": list(KEEPERS),
        **today(now),
    }


def paper_authority(cast: Cast, now: datetime) -> Authority:
    """As its bundle proves it."""
    raw = paper_bundle(cast, now)
    return load_bundle(raw, bundle_root(raw), now)


def paper_bundle(cast: Cast, now: datetime) -> bytes:
    roster: dict[str, object] = {
        "simulation": False,
        "officers": [each.entry for each in cast.values()],
        "thresholds": {kind.value: n for kind, n in DEFAULT_THRESHOLDS.items()},
        "proposer_may_approve": [],
        "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
    }
    first, approvals, founded = statement(cast, None, Kind.ROSTER, "roster", roster, now)
    keys, also, _keys = statement(cast, founded, Kind.KEYS, "keys", _keys_body(), now)
    return bundle_of([(first, approvals)], (keys, also))


@cache
def _keys_body() -> dict[str, object]:
    der, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    ingest = rsa.generate_private_key(public_exponent=65537, key_size=3072).public_key()
    entries = [
        ("ingest", "rsa-3072", ingest.public_bytes(der, form), "sha256"),
        ("log", "ed25519", spki(ed25519.Ed25519PrivateKey.generate()), None),
        ("result", "p256", spki(ec.generate_private_key(ec.SECP256R1())), None),
    ]
    return {
        "origin": "paper.example/keyturn",
        "assurance": "software",
        "keys": [
            {"purpose": purpose, "algorithm": each, "spki": b64(key), "oaep_hash": oaep}
            for purpose, each, key, oaep in entries
        ],
    }
