"""One body of every kind, with everything in it that a body can have."""

from keyturn.base.encoding import b64
from keyturn.quorum.kinds import Kind
from support.authority import Authority, Clock, policy_body, tdx_rule
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


CAPTURED: dict[str, object] = {
    "method": "captured",
    "document": f"sha256:{'d1' * 32}",
    "signer": "CN=a signer",
    "obtained": "2026-11-01T00:00:00Z",
    "until": "2027-11-01T00:00:00Z",
}
TPM_RULE: dict[str, object] = {
    "bank": "sha256",
    "pcrs": ["4", "7"],
    "secure_boot": True,
    "applications": True,
    "authorities": False,
    "variables": ["db"],
}


def policy() -> dict[str, object]:
    tdx = tdx_rule(
        advisories=["INTEL-SA-00837"],
        service_tds=["5e" * 48],
        xfam="00000000000602e7",
        registers=["mrtd", "rtmr1"],
        min_evaluation_number=18,
    )
    return policy_body(
        tees=["snp", "tdx"],
        tdx=tdx,
        tpm=TPM_RULE,
        gpu={
            "count": 8,
            "switches": 4,
            "architectures": ["GH100"],
            "modes": ["PPCIE"],
            "drivers": ["570.1"],
            "vbioses": ["96.00"],
            "rim": True,
        },
        workloads=["cd" * 32],
        platforms=["hall"],
        sites=["Berlin"],
        collateral={"amd-crl": 86_400, "intel-tcb-info": 3_600},
        evidence_seconds=60,
        witnesses=1,
        accepted_caveats=["simulated"],
    )


def baseline() -> dict[str, object]:
    body = measurements(b"\x0f" * 48, gpu=[GPU])
    of_snp = body["snp"]
    assert isinstance(of_snp, dict)
    of_snp["measurements"][0]["provenance"] = CAPTURED
    switch = {"architecture": "LS10", "bios": "96.10", "measurements": {"0": ["ab" * 48]}}
    boot = {
        "pcrs": {"sha256": {"7": ["bb" * 32]}},
        "applications": ["ab" * 32],
        "authorities": [],
        "variables": {"db": ["cd" * 32]},
        "source": "a capture",
    }
    return {
        **body,
        "tdx": [{"registers": {"mrtd": ["0a" * 48], "rtmr1": ["0b" * 48]}, "source": "a capture"}],
        "switches": [{**switch, "source": "the RIM"}],
        "tpm": [boot],
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
        Kind.POLICY: ("serving", policy()),
        Kind.REFERENCE_VALUES: ("firmware", baseline()),
        Kind.PLATFORMS: ("hall", platforms("amd-genoa-0c0c0c0c", "nvidia-gh100-11")),
        Kind.TRUST_ANCHORS: (
            "trust-anchors",
            {
                "hardware": ["a9" * 32],
                "tpm": [{"name": "a maker", "spki_sha256": "ef" * 32}],
                "simulated": [{"vendor": "amd", "product": "Genoa", "spki_sha256": "ab" * 32}],
            },
        ),
        Kind.MODEL: (MODEL, {**admission(MODEL)}),  # type: ignore[arg-type]
        Kind.CEREMONY: ("backup-2026", ceremony()),
        Kind.REVOCATION: ("node:node-1", {"target_kind": "node", "target": "node-1"}),
        Kind.RESTORE: ("7e" * 32, restore()),
    }
