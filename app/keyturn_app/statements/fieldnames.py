"""The fields of statements' bodies, in words for people. No Qt."""

import re

from keyturn.quorum.kinds import Kind
from keyturn_app.i18n import _


def field_words(kind: Kind, place: str) -> str:
    """A place in a body, like `snp.min_tcb.Genoa.snp`, in words; its last part where unknown."""
    known = _known(kind)
    if place in known:
        return known[place]
    for pattern, words in _patterns().items():
        found = re.fullmatch(pattern, place)
        if found is not None:
            return words.format(*found.groups())
    return place.rpartition(".")[2].replace("_", " ")


def _known(kind: Kind) -> dict[str, str]:
    if kind is Kind.POLICY:
        return _policy()
    if kind is Kind.MODEL:
        return {
            "model": _("Model digest"),
            "name": _("Name"),
            "version": _("Version"),
            "tag": _("Tag of the key"),
            "policy": _("Policy that releases it"),
        }
    if kind is Kind.REVOCATION:
        return {"target_kind": _("What is revoked"), "target": _("Which")}
    if kind in {Kind.CEREMONY, Kind.RESTORE}:
        return _authorises()
    return {
        "snp.measurements": _("Launch measurement"),
        "gpu": _("GPU firmware"),
        "tdx": _("TD"),
        "switches": _("NVSwitch firmware"),
        "platforms": _("Platform"),
        "hardware": _("Hardware roots"),
        "simulated": _("Simulated root"),
        "simulation": _("Simulation"),
        "officers": _("Officer"),
        "proposer_may_approve": _("Proposer may also approve"),
        "witnesses.keys": _("Witness key"),
        "witnesses.k": _("Witnesses that a release needs"),
        "witnesses.t_seconds": _("Oldest cosignature, seconds"),
        "separation.apart": _("Roles that no officer holds both of"),
        "compromised": _("Key named compromised"),
        "origin": _("Name of the log"),
        "assurance": _("Assurance"),
        "keys": _("Public key"),
    }


def _authorises() -> dict[str, str]:
    return {
        "ceremony": _("Which ceremony"),
        "script": _("Script that is followed"),
        "token": _("Serial of the token"),
        "participants": _("Who takes part"),
        "participants.administrator": _("Administrator"),
        "participants.custodians": _("Custodian"),
        "participants.witness": _("Witness"),
        "participants.scribe": _("Takes notes"),
        "concerns": _("What it concerns"),
        "not_before": _("Not before"),
        "not_after": _("Not after"),
        "kek": _("KEK"),
        "backup": _("Backup"),
        "host": _("Host"),
        "custodians": _("Custodian"),
    }


def _policy() -> dict[str, str]:
    return {
        "tees": _("Kind of TEE"),
        "snp.products": _("Processor generation"),
        "snp.debug": _("Debugging allowed"),
        "snp.migrate_ma": _("Migration agent allowed"),
        "snp.smt": _("SMT allowed"),
        "snp.alias_check": _("Alias check required"),
        "snp.vlek": _("VLEK allowed"),
        "snp.max_vmpl": _("Highest VMPL"),
        "tdx.tcb_statuses": _("What Intel may call the TCB"),
        "tdx.min_evaluation_number": _("Lowest TCB evaluation data number"),
        "tdx.advisories": _("Accepted advisory of Intel"),
        "tdx.debug": _("TD under debug allowed"),
        "tdx.migratable": _("TD that can be migrated allowed"),
        "tdx.service_tds": _("Service TD that may be bound"),
        "tdx.sept_ve_disable": _("SEPT_VE_DISABLE required"),
        "tdx.dynamic_platform": _("Platform with changing packages allowed"),
        "tdx.cached_keys": _("Platform that caches its keys allowed"),
        "tdx.smt": _("SMT allowed with TDX"),
        "tdx.xfam": _("Mask of processor features"),
        "tdx.registers": _("Register that is compared"),
        "gpu.count": _("GPUs"),
        "gpu.switches": _("NVSwitches"),
        "gpu.architectures": _("GPU architecture"),
        "gpu.modes": _("GPU mode"),
        "gpu.drivers": _("GPU driver"),
        "gpu.vbioses": _("GPU VBIOS"),
        "gpu.rim": _("Values from signed RIMs only"),
        "tpm.bank": _("Bank of PCRs"),
        "tpm.pcrs": _("PCR that is compared"),
        "tpm.secure_boot": _("Secure Boot required"),
        "tpm.applications": _("Boot applications compared"),
        "tpm.authorities": _("Authorities of Secure Boot compared"),
        "tpm.variables": _("UEFI variable that is compared"),
        "sites": _("Site"),
        "evidence_seconds": _("Oldest evidence, seconds"),
        "witnesses": _("Witnesses that a release needs"),
        "baselines": _("Baseline"),
        "workloads": _("Workload"),
        "platforms": _("Platform list"),
        "lease_seconds": _("Lease, seconds"),
        "accepted_caveats": _("Accepted caveat"),
    }


def _patterns() -> dict[str, str]:
    return {
        r"collateral\.(.+)": _("Oldest {0}, seconds"),
        r"snp\.min_tcb\.([^.]+)": _("Lowest firmware versions of {0}"),
        r"snp\.min_tcb\.([^.]+)\.(\w+)": _("Lowest {1} version of {0}"),
        r"separation\.required\.(.+)": _("Officers that must hold {0}"),
        r"thresholds\.(.+)": _("Approvals needed for {0}"),
    }
