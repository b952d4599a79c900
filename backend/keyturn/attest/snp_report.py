"""The SEV-SNP attestation report: 1184 bytes, little endian, versions 2 to 5.

Source: AMD publication 56860 (SEV-SNP firmware ABI), table ATTESTATION_REPORT. Reserved bytes
must be zero, so what a version does not define cannot carry anything. Parsed is not trusted:
only `keyturn.attest.snp.verify_snp` makes claims of it.
"""

import struct
from dataclasses import dataclass, field
from enum import Enum, IntFlag

from keyturn.attest.errors import MalformedEvidence, Reason

REPORT_SIZE = 1184
SIGNED_SIZE = 0x2A0
VERSIONS = (2, 3, 4, 5)
ECDSA_P384_SHA384 = 1  # SIGNATURE_ALGO, AMD 56860 table "Encoding for the SIGNATURE_ALGO field"

# Offsets 0x000, 0x040, 0x0C0, 0x140, 0x188, 0x1E0, 0x1F0 and 0x2A0 start the lines.
_LAYOUT = struct.Struct(
    "<IIQ16s16sII8sQI4s64s48s32s48s48s32s32s8sBBB21s64s8sBBBxBBBx8sQQ152s72s72s368s"
)
_PADDING = (0x1EB, 0x1EF)
_ZEROS = (bytes(4), bytes(21), bytes(152), bytes(368))


class GuestPolicy(IntFlag):
    """POLICY bits that the guest's owner chose at launch (AMD 56860, table "Guest Policy")."""

    SMT = 1 << 16
    RESERVED_ONE = 1 << 17
    MIGRATE_MA = 1 << 18
    DEBUG = 1 << 19
    SINGLE_SOCKET = 1 << 20
    CXL_ALLOWED = 1 << 21
    MEM_AES_256_XTS = 1 << 22
    RAPL_DIS = 1 << 23
    CIPHERTEXT_HIDING = 1 << 24
    PAGE_SWAP_DISABLE = 1 << 25


class PlatformInfo(IntFlag):
    """PLATFORM_INFO bits. Others are reported, not refused: bit 6 is set on current hardware."""

    SMT_EN = 1 << 0
    TSME_EN = 1 << 1
    ECC_EN = 1 << 2
    RAPL_DIS = 1 << 3
    CIPHERTEXT_HIDING_EN = 1 << 4
    ALIAS_CHECK_COMPLETE = 1 << 5
    TIO_EN = 1 << 7


_KNOWN_PLATFORM_BITS = 0b1011_1111


class SigningKey(Enum):
    """SIGNING_KEY, bits 2 to 4 of the flags at 0x48."""

    VCEK = 0
    VLEK = 1
    NONE = 7


@dataclass(frozen=True, slots=True)
class SnpReport:
    """A parsed report; byte strings keep the report's order. TCBs are raw: see `snp_tcb`."""

    version: int
    guest_svn: int
    policy: int
    family_id: bytes
    image_id: bytes
    vmpl: int
    signature_algorithm: int
    current_tcb: bytes
    platform_info: int
    author_key_en: bool
    mask_chip_key: bool
    signing_key: int
    report_data: bytes
    measurement: bytes
    host_data: bytes
    id_key_digest: bytes
    author_key_digest: bytes
    report_id: bytes
    report_id_ma: bytes
    reported_tcb: bytes
    cpuid: tuple[int, int, int] | None
    chip_id: bytes
    committed_tcb: bytes
    current_version: tuple[int, int, int]
    committed_version: tuple[int, int, int]
    launch_tcb: bytes
    launch_mit_vector: int | None
    current_mit_vector: int | None
    r: int
    s: int
    signed: bytes = field(repr=False)

    @property
    def abi(self) -> tuple[int, int]:
        """The least firmware ABI the guest asks for: major, minor."""
        return self.policy >> 8 & 0xFF, self.policy & 0xFF

    def allows(self, bit: GuestPolicy) -> bool:
        return bool(self.policy & bit)

    def platform_has(self, bit: PlatformInfo) -> bool:
        return bool(self.platform_info & bit)

    @property
    def unknown_platform_bits(self) -> int:
        """PLATFORM_INFO without the bits that have a name here; a caveat, no refusal."""
        return self.platform_info & ~_KNOWN_PLATFORM_BITS


def parse_snp_report(raw: bytes) -> SnpReport:
    """Read one report. Raises MalformedEvidence on a wrong size, an unknown version, or when
    a reserved byte is not zero.
    """
    if len(raw) != REPORT_SIZE:
        raise MalformedEvidence(
            "SNP report has the wrong size",
            found=f"{len(raw)} bytes",
            expected=f"{REPORT_SIZE} bytes",
        )
    (
        version, guest_svn, policy, family_id, image_id, vmpl, algorithm, current_tcb,
        platform_info, flags, reserved_4c, report_data, measurement,
        host_data, id_key_digest, author_key_digest,
        report_id, report_id_ma, reported_tcb,
        family, model, stepping, reserved_18b, chip_id,
        committed_tcb, build, minor, major, old_build, old_minor, old_major,
        launch_tcb, launch_mit, current_mit, reserved_208,
        r, s, reserved_330,
    ) = _LAYOUT.unpack(raw)  # fmt: skip
    if version not in VERSIONS:
        raise MalformedEvidence(
            "SNP report is of an unsupported version",
            reason=Reason.UNSUPPORTED_VERSION,
            found=str(version),
            expected="one of " + ", ".join(map(str, VERSIONS)),
        )
    reserved = (reserved_4c, reserved_18b, reserved_208, reserved_330)
    later = ((3, (family, model, stepping)), (5, (launch_mit, current_mit)))
    if (
        reserved != _ZEROS
        or any(raw[at] for at in _PADDING)
        or flags >> 5
        or any(version < since and any(values) for since, values in later)
    ):
        raise MalformedEvidence("SNP report: reserved bytes are not zero")
    if not policy & GuestPolicy.RESERVED_ONE:
        raise MalformedEvidence("SNP report: bit 17 of the guest policy is not one")
    return SnpReport(
        version=version,
        guest_svn=guest_svn,
        policy=policy,
        family_id=family_id,
        image_id=image_id,
        vmpl=vmpl,
        signature_algorithm=algorithm,
        current_tcb=current_tcb,
        platform_info=platform_info,
        author_key_en=bool(flags & 1),
        mask_chip_key=bool(flags & 2),
        signing_key=flags >> 2,
        report_data=report_data,
        measurement=measurement,
        host_data=host_data,
        id_key_digest=id_key_digest,
        author_key_digest=author_key_digest,
        report_id=report_id,
        report_id_ma=report_id_ma,
        reported_tcb=reported_tcb,
        cpuid=(family, model, stepping) if version >= 3 else None,
        chip_id=chip_id,
        committed_tcb=committed_tcb,
        current_version=(major, minor, build),
        committed_version=(old_major, old_minor, old_build),
        launch_tcb=launch_tcb,
        launch_mit_vector=launch_mit if version >= 5 else None,
        current_mit_vector=current_mit if version >= 5 else None,
        r=int.from_bytes(r, "little"),
        s=int.from_bytes(s, "little"),
        signed=raw[:SIGNED_SIZE],
    )
