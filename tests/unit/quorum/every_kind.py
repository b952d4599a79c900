"""One body of every kind, with everything in it that a body can have."""

from keyturn.base.encoding import b64
from keyturn.quorum.kinds import Kind
from support.authority import Authority, Clock, policy_body
from unit.quorum.authority_log import (
    CAST,
    KeyholderKeys,
    admission,
    ceremony,
    measurements,
    platforms,
    restore,
)

MODEL = f"sha256:{'ab' * 32}"
GPU = {
    "architecture": "GH100",
    "driver": "570.1",
    "vbios": "96.00",
    "measurements": {"0": ["ab" * 48]},
    "source": "the RIM",
}


def roster() -> dict[str, object]:
    """With the roles that `ceremony` and `restore` need."""
    authority = Authority(Clock())
    for name, roles in CAST.items():
        authority.people[name].roles = roles
    body = authority.roster_body()
    witness = b64(bytes.fromhex("302a300506032b6570032100") + bytes([9]) * 32)
    officers = body["officers"]
    assert isinstance(officers, list)
    officers[0]["hpke"] = b64(bytes([7]) * 32)
    return {
        **body,
        "witnesses": {
            "keys": [{"algorithm": "ed25519", "spki": witness}],
            "k": 1,
            "t_seconds": 300,
        },
        "separation": {"apart": [["approver", "auditor"]], "required": {"custodian": 2}},
        "compromised": ["c0" * 32],
    }


def bodies() -> dict[Kind, tuple[str, dict[str, object]]]:
    """Subject and body of each."""
    return {
        Kind.ROSTER: ("roster", roster()),
        Kind.KEYS: ("keys", KeyholderKeys().body()),
        Kind.POLICY: (
            "serving",
            policy_body(workloads=["cd" * 32], platforms=["hall"], accepted_caveats=["simulated"]),
        ),
        Kind.REFERENCE_VALUES: ("firmware", measurements(b"\x0f" * 48, gpu=[GPU])),
        Kind.PLATFORMS: ("hall", platforms("amd-genoa-0c0c0c0c", "nvidia-gh100-11")),
        Kind.TRUST_ANCHORS: (
            "trust-anchors",
            {
                "hardware": "pinned",
                "simulated": [{"vendor": "amd", "product": "Genoa", "spki_sha256": "ab" * 32}],
            },
        ),
        Kind.MODEL: (MODEL, {**admission(MODEL)}),  # type: ignore[arg-type]
        Kind.CEREMONY: ("backup-2026", ceremony()),
        Kind.REVOCATION: ("node:node-1", {"target_kind": "node", "target": "node-1"}),
        Kind.RESTORE: ("7e" * 32, restore()),
    }
