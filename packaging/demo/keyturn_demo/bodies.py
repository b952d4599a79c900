"""The bodies of the demo's statements, as officers would write them (our protocol §2.6)."""

from collections.abc import Mapping

from keyturn.quorum.policy_body import Caveat
from keyturn_demo import boots
from keyturn_demo.world import (
    GOOD_FIRMWARE,
    GPU_MEASUREMENTS,
    RTMRS,
    WORKLOAD,
    WRONG_FIRMWARE,
)

LEASE_SECONDS = 16
MODEL_NAME = "all-MiniLM-L6-v2"
BASELINE = "firmware-2026-11"
BEFORE = "firmware-2026-10"
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


TDX: dict[str, object] = {
    "tcb_statuses": ["UpToDate"],
    "min_evaluation_number": 17,
    "advisories": [],
    "debug": False,
    "migratable": False,
    "service_tds": [],
    "sept_ve_disable": True,
    "dynamic_platform": False,
    "cached_keys": False,
    "smt": True,
    "xfam": "any",
    "registers": ["mrtd", "rtmr0", "rtmr1", "rtmr2"],
}


def baseline(boot: Mapping[str, object] | None = None) -> dict[str, object]:
    """`boot`: a golden machine's, with which the baseline speaks of TDs and TPMs too."""
    registers = {f"rtmr{index}": [value.hex()] for index, value in RTMRS.items()}
    td = {"registers": {"mrtd": [GOOD_FIRMWARE.hex()], **registers}, "source": "build 2026-11"}
    return {
        **({"tdx": [td], "tpm": [boot]} if boot is not None else {}),
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


def baseline_before(boot: Mapping[str, object] | None) -> dict[str, object]:
    """Of the firmware that the refused machines still run."""
    value = {"value": WRONG_FIRMWARE.hex(), "source": "build 2026-10, measured twice"}
    return {**baseline(boot), "snp": {"measurements": [value]}}


def policy(lease_seconds: int = LEASE_SECONDS, *, every_kind: bool = False) -> dict[str, object]:
    """`every_kind`: for SNP and TDX machines, each with a TPM; else for SNP alone."""
    more: dict[str, object] = {"tdx": TDX, "tpm": boots.rule()} if every_kind else {}
    return {
        **more,
        "tees": ["snp", "tdx"] if every_kind else ["snp"],
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
