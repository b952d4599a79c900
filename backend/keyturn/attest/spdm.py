"""NVIDIA's attestation report: an SPDM 1.1 GET_MEASUREMENTS request and its signed response.

Sources: DMTF DSP0274 1.1 (tables "GET_MEASUREMENTS request", "MEASUREMENTS response"), NVIDIA
nvtrust local_gpu_verifier (opaque fields). The request is 37 bytes; the signature, r || s big
endian, is over everything before it. GPUs and NVSwitches write the same form. Parsed is not
trusted: see `keyturn.attest.nvidia`.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from keyturn.attest.errors import MalformedEvidence

MAX_GPU_REPORT = 64 << 10
REQUEST_SIZE = 37
NONCE_SIZE = 32
SIGNATURE_SIZE = 96
_VERSION_1_1 = 0x11
_GET_MEASUREMENTS = 0xE0
_MEASUREMENTS = 0x60
_SIGNATURE_REQUESTED = 0x01
_ALL_MEASUREMENTS = 0xFF
_DMTF_MEASUREMENT = 0x01
_REQUEST = struct.Struct("<BBBB32sB")
_RESPONSE = struct.Struct("<BBBBB3s")
_BLOCK = struct.Struct("<BBHBH")
_DIGEST_BLOCK = struct.Struct("<BBHBH48s")  # a block with a SHA-384 digest, as all recorded have
_OPAQUE = struct.Struct("<HH")


class Opaque(Enum):
    """Opaque field types that are read by name; others are kept by number."""

    CERT_ISSUER_NAME = 1
    CERT_AUTHORITY_KEY_ID = 2
    DRIVER_VERSION = 3
    GPU_INFO = 4
    SKU = 5
    VBIOS_VERSION = 6
    NVDEC0_STATUS = 11
    BOARD_ID = 14
    CHIP_SKU = 15
    CHIP_SKU_MOD = 16
    PROJECT = 17
    PROJECT_SKU = 18
    PROJECT_SKU_MOD = 19
    FWID = 20
    PROTECTED_PCIE_STATUS = 21
    SWITCH_PDI = 22
    FLOORSWEPT_PORTS = 23
    POSITION_ID = 24
    LOCK_SWITCH_STATUS = 25
    SWITCH_GPU_PDIS = 26
    OPAQUE_DATA_VERSION = 34
    CHIP_INFO = 35
    FEATURE_FLAG = 36


@dataclass(frozen=True, slots=True)
class GpuReport:
    """A parsed report. `measurements` are numbered from 0, as RIMs do (SPDM index less one)."""

    nonce: bytes
    responder_nonce: bytes
    slot: int
    measurements: Mapping[int, bytes] = field(hash=False)
    opaque: Mapping[int, bytes] = field(hash=False)
    r: int
    s: int
    signed: bytes = field(repr=False)
    trailing: int
    """Zero bytes after the signature: none, or one, as some firmware writes."""

    def field(self, kind: Opaque) -> bytes | None:
        """An opaque field's bytes; None when the report has not got it."""
        return self.opaque.get(kind.value)


def parse_gpu_report(raw: bytes) -> GpuReport:
    """Read one report, exact to the byte but for one zero byte after it, which was recorded.

    Raises MalformedEvidence.
    """
    if not REQUEST_SIZE + _RESPONSE.size <= len(raw) <= MAX_GPU_REPORT:
        raise MalformedEvidence(
            "GPU report has the wrong size",
            found=f"{len(raw)} bytes",
            expected=f"{REQUEST_SIZE + _RESPONSE.size} to {MAX_GPU_REPORT} bytes",
        )
    version, code, attributes, operation, nonce, slot = _REQUEST.unpack_from(raw)
    if (version, code) != (_VERSION_1_1, _GET_MEASUREMENTS):
        raise _bad("does not begin with an SPDM 1.1 GET_MEASUREMENTS request", raw[:2])
    if attributes != _SIGNATURE_REQUESTED or operation != _ALL_MEASUREMENTS or slot > 7:
        raise _bad("is not of all measurements, signed", raw[2:4])
    version, code, _, _, blocks, size = _RESPONSE.unpack_from(raw, REQUEST_SIZE)
    if (version, code) != (_VERSION_1_1, _MEASUREMENTS):
        raise _bad("does not go on with an SPDM 1.1 MEASUREMENTS response", raw[37:39])
    start = REQUEST_SIZE + _RESPONSE.size
    end = start + int.from_bytes(size, "little")
    opaque_at = end + NONCE_SIZE + 2
    if opaque_at > len(raw):
        raise _bad("ends inside its measurements", size)
    opaque_end = opaque_at + int.from_bytes(raw[opaque_at - 2 : opaque_at], "little")
    ends = opaque_end + SIGNATURE_SIZE
    if raw[ends:] not in (b"", b"\0") or len(raw) < ends:
        raise MalformedEvidence(
            "GPU report does not end with its signature",
            found=f"{len(raw)} bytes",
            expected=f"{ends} bytes",
        )
    signature = raw[opaque_end:ends]
    return GpuReport(
        nonce=nonce,
        responder_nonce=raw[end : end + NONCE_SIZE],
        slot=slot,
        measurements=MappingProxyType(_measurements(raw[start:end], blocks)),
        opaque=MappingProxyType(_opaque(raw[opaque_at:opaque_end])),
        r=int.from_bytes(signature[:48], "big"),
        s=int.from_bytes(signature[48:], "big"),
        signed=raw[:opaque_end],
        trailing=len(raw) - ends,
    )


def _measurements(record: bytes, blocks: int) -> dict[int, bytes]:
    if len(record) == blocks * _DIGEST_BLOCK.size:
        listed = list(_DIGEST_BLOCK.iter_unpack(record))
        heads = [(each[0], each[1], each[2], each[4]) for each in listed]
        if heads == [(n, _DMTF_MEASUREMENT, 51, 48) for n in range(1, blocks + 1)]:
            return {each[0] - 1: each[5] for each in listed}
    return _measurements_of_any_size(record, blocks)


def _measurements_of_any_size(record: bytes, blocks: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    for number in range(1, blocks + 1):
        if at + _BLOCK.size > len(record):
            raise _bad("ends inside a measurement block", number.to_bytes(1, "big"))
        index, spec, size, _, value_size = _BLOCK.unpack_from(record, at)
        if index != number or spec != _DMTF_MEASUREMENT or size != value_size + 3:
            raise _bad("has a measurement block out of order or form", record[at : at + 7])
        at += _BLOCK.size
        found[index - 1] = record[at : at + value_size]
        at += value_size
    if at != len(record):
        raise _bad("has measurement blocks of another length than it says", record[-4:])
    return found


def _opaque(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + _OPAQUE.size > len(data):
            raise _bad("ends inside an opaque field", data[at:])
        kind, size = _OPAQUE.unpack_from(data, at)
        at += _OPAQUE.size
        if at + size > len(data) or kind in found:
            raise _bad("has an opaque field twice or cut off", data[at - 4 : at])
        found[kind] = data[at : at + size]
        at += size
    return found


def _bad(thing: str, found: bytes) -> MalformedEvidence:
    return MalformedEvidence(f"GPU report {thing}", found=found.hex())
