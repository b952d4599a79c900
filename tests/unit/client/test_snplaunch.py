"""A launch measurement of a made-up firmware: AMD's chain of pages; every parameter counts."""

import hashlib
import struct
from dataclasses import replace
from uuid import UUID

import pytest
from sevsnpmeasure.sev_mode import SevMode
from sevsnpmeasure.vcpu_types import CPU_SIGS
from sevsnpmeasure.vmm_types import VMMType
from sevsnpmeasure.vmsa import VMSA

from keyturn.client.snplaunch import (
    MAX_FIRMWARE,
    LaunchUnusable,
    SnpLaunch,
    cpu_types,
    launch_digest,
)

PAGE = 4096
MEM, SECRETS, CPUID, HASHES = 1, 2, 3, 0x10
LAUNCH = SnpLaunch(2, "EPYC-v4")
SECTIONS = ((0x800000, 2 * PAGE, MEM), (0x810000, PAGE, SECRETS), (0x811000, PAGE, CPUID))
EIP = 0x80B004


def entry(guid: str, data: bytes) -> bytes:
    return data + struct.pack("<H", len(data) + 18) + UUID(guid).bytes_le


def firmware(
    *sections: tuple[int, int, int],
    signature: bytes = b"ASEV",
    count: int | None = None,
    hashes: bool = False,
    pages: int = 2,
) -> bytes:
    body = bytearray(hashlib.shake_256(b"ovmf").digest(pages * PAGE))
    metadata = signature + struct.pack("<III", 16 + 12 * len(sections), 1, count or len(sections))
    metadata += b"".join(struct.pack("<III", *each) for each in sections)
    table = entry("00f771de-1a7e-4fcb-890e-68c77e2fb44e", struct.pack("<I", EIP))
    table += entry("dc886566-984a-4798-a75e-5585a7bf67cc", struct.pack("<I", 2000))
    if hashes:
        place = struct.pack("<II", 0x812400, 0x400)
        table += entry("7255371f-3a3b-4b04-927b-1da6efa8d454", place)
    footer = struct.pack("<H", len(table) + 18)
    table += footer + UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
    body[-32 - len(table) : -32] = table
    body[-2000 : -2000 + len(metadata)] = metadata
    return bytes(body)


def extended(digest: bytes, kind: int, gpa: int, content: bytes | None) -> bytes:
    """PAGE_INFO of AMD 56860, table 67."""
    hashed = bytes(48) if content is None else hashlib.sha384(content).digest()
    return hashlib.sha384(
        digest + hashed + struct.pack("<HBBBBBBQ", 0x70, kind, 0, 0, 0, 0, 0, gpa)
    ).digest()


def test_the_digest_is_amds_chain_over_all_that_is_added() -> None:
    raw = firmware(*SECTIONS)
    digest = bytes(48)
    begin = (1 << 32) - len(raw)
    for at in range(0, len(raw), PAGE):
        digest = extended(digest, 1, begin + at, raw[at : at + PAGE])
    for gpa in (0x800000, 0x801000):
        digest = extended(digest, 3, gpa, None)
    digest = extended(digest, 5, 0x810000, None)
    digest = extended(digest, 6, 0x811000, None)
    # The state of the CPUs is the library's own; how it is chained is not.
    cpus = VMSA(SevMode.SEV_SNP, EIP, CPU_SIGS["EPYC-v4"], 1, VMMType.QEMU)
    for page in cpus.pages(2):
        digest = extended(digest, 2, 0xFFFFFFFFF000, page)
    assert launch_digest(raw, LAUNCH) == digest


def test_every_parameter_changes_it() -> None:
    raw = firmware(*SECTIONS, (0x812000, PAGE, HASHES), hashes=True)
    kernel = replace(LAUNCH, kernel=b"kernel")
    launches = [
        LAUNCH,
        replace(LAUNCH, cpus=3),
        replace(LAUNCH, cpu_type="EPYC-Genoa"),
        replace(LAUNCH, features=0x21),
        replace(LAUNCH, vmm="ec2"),
        kernel,
        replace(kernel, kernel=b"other"),
        replace(kernel, initrd=b"initrd"),
        replace(kernel, append="console=ttyS0"),
    ]
    found = {launch_digest(raw, each) for each in launches}
    assert len(found) == len(launches)
    assert len({each.described() for each in launches}) == len(launches)
    bent = bytearray(raw)
    bent[0] ^= 1
    assert launch_digest(bytes(bent), LAUNCH) not in found


@pytest.mark.parametrize(
    ("raw", "launch"),
    [
        (b"", LAUNCH),
        (bytes(PAGE), LAUNCH),
        (b"\xff" * PAGE, LAUNCH),
        (bytes(MAX_FIRMWARE + PAGE), LAUNCH),
        (firmware(*SECTIONS)[:-1], LAUNCH),
        (firmware(*SECTIONS, signature=b"BSEV"), LAUNCH),
        (firmware(*SECTIONS, count=1 << 30), LAUNCH),
        (firmware((0x800000, 0xFFFFF000, MEM)), LAUNCH),
        (firmware((0x800000, PAGE + 1, MEM)), LAUNCH),
        (firmware((0x800000, PAGE, 99)), LAUNCH),
        (firmware(), LAUNCH),
        (firmware(*SECTIONS), replace(LAUNCH, cpus=0)),
        (firmware(*SECTIONS), replace(LAUNCH, cpus=100_000)),
        (firmware(*SECTIONS), replace(LAUNCH, cpu_type="i486")),
        (firmware(*SECTIONS), replace(LAUNCH, vmm="bochs")),
        (firmware(*SECTIONS), replace(LAUNCH, features=1 << 64)),
        (firmware(*SECTIONS), replace(LAUNCH, kernel=b"kernel")),
        (firmware(*SECTIONS), replace(LAUNCH, kernel=b"")),
        (firmware(*SECTIONS), replace(LAUNCH, initrd=b"initrd")),
        (firmware(*SECTIONS), replace(LAUNCH, append="quiet")),
    ],
)
def test_what_cannot_be_launched_is_refused(raw: bytes, launch: SnpLaunch) -> None:
    with pytest.raises(LaunchUnusable):
        launch_digest(raw, launch)


def test_kinds_of_cpu_are_qemus() -> None:
    assert {"EPYC-v4", "EPYC-Milan", "EPYC-Genoa", "EPYC-Turin"} <= set(cpu_types())
