"""What the opaque fields of a report say, read strictly: versions, mode, links.

Sources: NVIDIA nvtrust local_gpu_verifier (spdm_msrt_resp_msg.py, utils), attestation-sdk,
ppcie-verifier (topology), recorded reports. Read is not proved: see `keyturn.attest.nvidia`.
"""

import re
from dataclasses import dataclass

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.spdm import GpuReport, Opaque

PDI_SIZE = 8
_FEATURES = {0: "SPT", 1: "MPT", 2: "PPCIE"}
_BIOS_VERSION = re.compile(r"[0-9A-F]{2}(\.[0-9A-F]{2}){4}\Z")
_GPUS_OF_A_SWITCH = 8


@dataclass(frozen=True, slots=True)
class GpuFields:
    """`switch_pdis`: one for each link, as the GPU writes them: bytes reversed. `vbios_rim_id`:
    the name of the VBIOS's manifest at NVIDIA's service; empty where the report does not name
    its board.
    """

    driver: str
    vbios: str
    feature: str | None
    switch_pdis: tuple[bytes, ...]
    vbios_rim_id: str


@dataclass(frozen=True, slots=True)
class SwitchFields:
    """`gpu_pdis`: of the GPUs that the switch sees, none twice, unused places left out."""

    bios: str
    pdi: bytes
    gpu_pdis: tuple[bytes, ...]


def read_gpu_fields(report: GpuReport) -> GpuFields:
    """Raises MalformedEvidence on a field that is missing or of another form."""
    vbios = _gpu_vbios(report)
    return GpuFields(
        driver=_text(report, Opaque.DRIVER_VERSION),
        vbios=vbios,
        feature=_feature(report),
        switch_pdis=_pdis(report, Opaque.SWITCH_PDI),
        vbios_rim_id=_vbios_rim_id(report, vbios),
    )


def read_switch_fields(report: GpuReport) -> SwitchFields:
    """Raises MalformedEvidence on a field that is missing or of another form."""
    own = _pdis(report, Opaque.SWITCH_PDI)
    if len(own) != 1 or not any(own[0]):
        raise MalformedEvidence(
            "switch report does not name its own PDI", found=f"{len(own)} PDIs", expected="one"
        )
    # Eight places, each 8 bytes, then the map of links to places.
    places = _pdis(report, Opaque.SWITCH_GPU_PDIS)[:_GPUS_OF_A_SWITCH]
    used = [pdi for pdi in places if any(pdi) and pdi != b"\xff" * PDI_SIZE]
    return SwitchFields(_switch_bios(report), own[0], tuple(dict.fromkeys(used)))


def _text(report: GpuReport, kind: Opaque) -> str:
    """An ASCII field that ends with NULs."""
    value = report.field(kind)
    if value is None or not value.endswith(b"\0"):
        raise MalformedEvidence(f"GPU report has no text in field {kind.name}")
    text = value.rstrip(b"\0")
    if not text or not text.isascii() or not text.decode("ascii").isprintable():
        raise MalformedEvidence(f"GPU report: field {kind.name} is not printable text")
    return text.decode("ascii")


def _gpu_vbios(report: GpuReport) -> str:
    """8 bytes, little endian; nvtrust prints the low half, then the next byte up."""
    value = report.field(Opaque.VBIOS_VERSION)
    if value is None or len(value) != 8 or any(value[5:]):
        raise MalformedEvidence(
            "GPU report: VBIOS version is not 8 bytes of known form",
            found=value.hex() if value else "nothing",
        )
    return ".".join(f"{octet:02X}" for octet in (*value[3::-1], value[4]))


def _switch_bios(report: GpuReport) -> str:
    """ASCII, five pairs of hex digits, with NULs after it or none."""
    value = (report.field(Opaque.VBIOS_VERSION) or b"").rstrip(b"\0")
    text = value.decode("latin-1").upper()
    if not _BIOS_VERSION.match(text):
        raise MalformedEvidence(
            "switch report: BIOS version is not text of known form", found=value.hex() or "nothing"
        )
    return text


def _feature(report: GpuReport) -> str | None:
    value = report.field(Opaque.FEATURE_FLAG)
    if value is None:
        return None
    number = int.from_bytes(value[:PDI_SIZE], "little")
    return _FEATURES.get(number, f"unknown ({number})")


def _pdis(report: GpuReport, kind: Opaque) -> tuple[bytes, ...]:
    value = report.field(kind) or b""
    if len(value) % PDI_SIZE:
        raise MalformedEvidence(f"report: field {kind.name} is not 8 bytes for each PDI")
    return tuple(value[at : at + PDI_SIZE] for at in range(0, len(value), PDI_SIZE))


def _vbios_rim_id(report: GpuReport, vbios: str) -> str:
    """NV_GPU_VBIOS_<project>_<project SKU>_<chip SKU>_<version> (nvtrust cc_admin_utils.py)."""
    kinds = (Opaque.PROJECT, Opaque.PROJECT_SKU, Opaque.CHIP_SKU)
    if any(report.field(kind) is None for kind in kinds):
        return ""
    parts = [_text(report, kind).strip().upper() for kind in kinds]
    return "_".join(("NV_GPU_VBIOS", *parts, vbios.replace(".", "")))
