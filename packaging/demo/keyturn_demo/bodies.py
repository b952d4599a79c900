"""The bodies of the demo's statements, as officers would write them (our protocol §2.6)."""

from keyturn.quorum.policy_body import Caveat
from keyturn_demo.world import GOOD_FIRMWARE, GPU_MEASUREMENTS, WORKLOAD

LEASE_SECONDS = 12
MODEL_NAME = "all-MiniLM-L6-v2"
BASELINE = "firmware-2026-11"
POLICY = "serving-eu"
DRIVER = "590.12"
VBIOS = "96.00.A5.00.01"

ACCEPTED = (
    Caveat.SIMULATED,
    Caveat.KEYHOLDER_HOST_TRUSTED,
    Caveat.SOFTWARE_ASSURANCE,
    Caveat.NO_WITNESS,
    Caveat.HOST_CONTROLLED_CLOCK,
    Caveat.BOOT_TIME_ONLY,
    Caveat.PHYSICAL_ACCESS,
    Caveat.NO_DEVICE_BINDING_HARDWARE,
    Caveat.UNLOCKED_MEMORY,
)


def trust_anchors(roots: dict[str, str]) -> dict[str, object]:
    return {
        "hardware": "pinned",
        "simulated": [
            {"vendor": "amd", "product": "Genoa", "spki_sha256": roots["amd-sev"]},
            {"vendor": "nvidia", "product": "GPU", "spki_sha256": roots["nvidia-device"]},
        ],
    }


def baseline() -> dict[str, object]:
    return {
        "snp": {
            "measurements": [
                {"value": GOOD_FIRMWARE.hex(), "source": "build 2026-11, measured twice"}
            ]
        },
        "gpu": [
            {
                "architecture": "GH100",
                "driver": DRIVER,
                "vbios": VBIOS,
                "measurements": {
                    str(index): [value.hex()] for index, value in GPU_MEASUREMENTS.items()
                },
                "source": "golden node",
            }
        ],
    }


def policy(lease_seconds: int = LEASE_SECONDS) -> dict[str, object]:
    return {
        "tees": ["snp"],
        "snp": {
            "products": ["Genoa"],
            "min_tcb": {"Genoa": {"fmc": 0, "bootloader": 1, "tee": 0, "snp": 1, "microcode": 1}},
            "debug": False,
            "migrate_ma": False,
            "smt": True,
            "alias_check": True,
            "vlek": False,
            "max_vmpl": 0,
        },
        "gpu": {"count": 1},
        "baselines": [BASELINE],
        "workloads": [WORKLOAD.hex()],
        "platforms": "any",
        "lease_seconds": lease_seconds,
        "accepted_caveats": [caveat.value for caveat in ACCEPTED],
    }


def admission(digest: str, tag: str) -> dict[str, object]:
    return {
        "model": digest,
        "name": MODEL_NAME,
        "version": "1",
        "tag": tag,
        "policy": POLICY,
    }


def node_revocation(node: str) -> dict[str, object]:
    return {"target_kind": "node", "target": node}
