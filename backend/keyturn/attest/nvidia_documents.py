"""Reports of NVIDIA devices as JSON documents, for results, screens and conformance.

Byte strings are lower-case hex, names those of the attestation vectors; `measurement_N` counts
from 0. A document can be made of what was shown and refused, too: it says nothing about trust.
Writing only: nothing is ever read back.
"""

from collections.abc import Sequence

from keyturn.attest.certificates import Certificate
from keyturn.attest.errors import REFUSALS
from keyturn.attest.nvidia import Examination
from keyturn.attest.nvidia_chain import certified_pdi, device_named
from keyturn.attest.nvidia_claims import DeviceClaims, GpuClaims, SwitchClaims
from keyturn.attest.nvidia_fields import read_gpu_fields, read_switch_fields
from keyturn.attest.nvidia_set import gpu_links, switch_links
from keyturn.attest.spdm import GpuReport, Opaque
from keyturn.base.encoding import sha256
from keyturn.base.strictjson import JsonObject

# Opaque fields that are shown: name in documents is `opaque_` and this, in lower case.
_SHOWN = (
    Opaque.BOARD_ID,
    Opaque.CHIP_SKU,
    Opaque.PROJECT,
    Opaque.PROJECT_SKU,
    Opaque.NVDEC0_STATUS,
    Opaque.PROTECTED_PCIE_STATUS,
    Opaque.OPAQUE_DATA_VERSION,
    Opaque.FEATURE_FLAG,
    Opaque.FWID,
    Opaque.SWITCH_PDI,
    Opaque.POSITION_ID,
    Opaque.LOCK_SWITCH_STATUS,
    Opaque.CHIP_INFO,
)
_SWITCH_ONLY = (Opaque.SWITCH_GPU_PDIS, Opaque.FLOORSWEPT_PORTS)


def gpu_document(claims: GpuClaims) -> JsonObject:
    """Every claim of a GPU report."""
    return {
        **_report(claims.report),
        **_gpu_fields(claims.report),
        "arch": claims.arch,
        "architecture": claims.architecture.value,
        "hwmodel": claims.chain_names[1],
        "leaf_cn": claims.chain_names[0],
        "chain": list(claims.chain_names),
        "ueid_serial": str(claims.leaf_serial),
        "device_id": claims.device_id,
        "leaf_sha256": claims.leaf_digest.hex(),
        "certified_pdi": claims.pdi.hex() if claims.pdi else None,
        "simulated": claims.simulated,
    }


def switch_document(claims: SwitchClaims) -> JsonObject:
    """Every claim of a switch report."""
    return {
        **_report(claims.report),
        **_switch_fields(claims.report),
        "arch": claims.arch,
        "architecture": claims.architecture.value,
        "hwmodel": claims.chain_names[1],
        "leaf_cn": claims.chain_names[0],
        "chain": list(claims.chain_names),
        "ueid_serial": str(claims.leaf_serial),
        "device_id": claims.device_id,
        "leaf_sha256": claims.leaf_digest.hex(),
        "certified_pdi": claims.certified_pdi.hex() if claims.certified_pdi else None,
        "simulated": claims.simulated,
    }


def shown_document(examined: Examination[GpuClaims] | Examination[SwitchClaims]) -> JsonObject:
    """The claims, or what was shown, as far as it could be read."""
    claims: DeviceClaims | None = examined.claims
    if isinstance(claims, GpuClaims):
        return gpu_document(claims)
    if isinstance(claims, SwitchClaims):
        return switch_document(claims)
    document = _chain(examined.path)
    if examined.report is not None:
        document = {**_report(examined.report), **_fields_shown(examined.report), **document}
    return document


def set_document(gpus: Sequence[GpuClaims], switches: Sequence[SwitchClaims]) -> JsonObject:
    """What the devices of one machine say of each other."""
    nonces = {gpu.nonce for gpu in gpus} | {switch.nonce for switch in switches}
    document: JsonObject = {
        "gpus": [gpu.device_id for gpu in gpus],
        "switches": [switch.device_id for switch in switches],
        "gpu_switch_pdis_byte_reversed": [pdi.hex() for pdi in gpu_links(gpus)],
        "switch_gpu_pdis": [pdi.hex() for pdi in switch_links(switches)],
        "switch_pdis": [pdi.hex() for pdi in sorted({switch.pdi for switch in switches})],
    }
    if len(nonces) == 1:
        document["nonce"] = nonces.pop().hex()
    return document


def _report(report: GpuReport) -> JsonObject:
    document: JsonObject = {
        "spdm_version": "1.1",
        "nonce": report.nonce.hex(),
        "responder_nonce": report.responder_nonce.hex(),
        "slot": report.slot,
        "number_of_blocks": len(report.measurements),
        "trailing_bytes": report.trailing,
        "measurements_sha256": _measurements_digest(report),
    }
    for kind in _SHOWN:
        value = report.field(kind)
        if value is not None:
            document["opaque_" + kind.name.lower()] = value.hex()
    for index, measured in report.measurements.items():
        document[f"measurement_{index}"] = measured.hex()
    return document


def _fields_shown(report: GpuReport) -> JsonObject:
    is_switch = any(report.field(kind) is not None for kind in _SWITCH_ONLY)
    try:
        return _switch_fields(report) if is_switch else _gpu_fields(report)
    except REFUSALS:
        return {}


def _gpu_fields(report: GpuReport) -> JsonObject:
    fields = read_gpu_fields(report)
    document: JsonObject = {"driver_version": fields.driver, "vbios_version": fields.vbios}
    if fields.feature is not None:
        document["feature_flag_name"] = fields.feature
    if any(map(any, fields.switch_pdis)):
        document["switch_pdis"] = [pdi.hex() for pdi in fields.switch_pdis]
    if fields.vbios_rim_id:
        document["vbios_rim_id"] = fields.vbios_rim_id
    return document


def _switch_fields(report: GpuReport) -> JsonObject:
    fields = read_switch_fields(report)
    return {
        "driver_version": "",  # a switch has none
        "vbios_version": fields.bios,
        "gpu_pdis": [pdi.hex() for pdi in fields.gpu_pdis],
    }


def _chain(path: Sequence[Certificate]) -> JsonObject:
    if len(path) < 2:
        return {}
    leaf, brom = path[:2]
    device = device_named(leaf.common_name, brom.common_name)
    pdi = certified_pdi(brom)
    document: JsonObject = {
        "hwmodel": brom.common_name,
        "leaf_cn": leaf.common_name,
        "chain": [certificate.common_name for certificate in path],
        "ueid_serial": str(leaf.serial),
        "leaf_sha256": leaf.digest.hex(),
        "certified_pdi": pdi.hex() if pdi else None,
    }
    if device is not None:
        document["arch"] = device.chip
    return document


def _measurements_digest(report: GpuReport) -> str:
    """As the vectors count it: over the values' hex text, joined in order."""
    return sha256("".join(value.hex() for value in report.measurements.values()).encode()).hex()
