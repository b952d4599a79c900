"""A simulated SEV-SNP guest: its launch, and reports of 1184 bytes as firmware writes them.

Source: AMD 56860, table ATTESTATION_REPORT; written here independently of the verifier.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keyturn_sim.pki import der_tlv, der_uint

REPORT_SIZE = 1184
SIGNED_SIZE = 0x2A0
_ARC = "1.3.6.1.4.1.3704.1."
_CPUID = {"Milan": (0x19, 0x01, 0x01), "Genoa": (0x19, 0x11, 0x01), "Turin": (0x1A, 0x02, 0x01)}
_CERTIFIED_NAME = {"Milan": "Milan-B0", "Genoa": "Genoa", "Turin": "Turin"}
PRODUCTS = tuple(_CPUID)

SMT_ALLOWED = 1 << 16
RESERVED_ONE = 1 << 17
MIGRATION_AGENT = 1 << 18
DEBUG = 1 << 19
ECC_AND_ALIAS_CHECK = 0b100101  # PLATFORM_INFO: SMT, ECC, ALIAS_CHECK_COMPLETE


@dataclass(frozen=True, slots=True)
class SimTcb:
    """Security version numbers, 0 to 255 each; `fmc` is Turin's alone."""

    bootloader: int = 10
    tee: int = 0
    snp: int = 27
    microcode: int = 88
    fmc: int = 0

    def to_bytes(self, product: str) -> bytes:
        """The 8 bytes of TCB_VERSION in the product's layout."""
        if product == "Turin":
            parts = (self.fmc, self.bootloader, self.tee, self.snp, 0, 0, 0, self.microcode)
        else:
            parts = (self.bootloader, self.tee, 0, 0, 0, 0, self.snp, self.microcode)
        return bytes(parts)


@dataclass(frozen=True, slots=True)
class SnpLaunch:
    """What was launched, where. `measurement` 48, `host_data` 32, `chip_id` 64 bytes (Turin: 8)."""

    product: str
    chip_id: bytes
    tcb: SimTcb
    measurement: bytes
    host_data: bytes = bytes(32)
    guest_policy: int = SMT_ALLOWED | RESERVED_ONE
    platform_info: int = ECC_AND_ALIAS_CHECK
    vmpl: int = 0
    guest_svn: int = 0
    version: int = 3


def chip_id_size(product: str) -> int:
    return 8 if product == "Turin" else 64


def vcek_extensions(product: str, chip_id: bytes, tcb: SimTcb) -> tuple[tuple[str, bytes], ...]:
    """AMD 57230's extensions of a VCEK; HWID is raw, as certificates are issued."""
    numbers = {
        "3.1": tcb.bootloader,
        "3.2": tcb.tee,
        "3.3": tcb.snp,
        "3.5": 0,
        "3.6": 0,
        "3.7": 0,
        "3.8": tcb.microcode,
        **({"3.9": tcb.fmc} if product == "Turin" else {"3.4": 0}),
    }
    return (
        (_ARC + "1", der_uint(1 if product == "Turin" else 0)),
        (_ARC + "2", der_tlv(0x16, _CERTIFIED_NAME[product].encode())),
        *((_ARC + number, der_uint(value)) for number, value in numbers.items()),
        (_ARC + "4", chip_id),
    )


def unsigned_report(launch: SnpLaunch, report_data: bytes) -> bytes:
    """Bytes 0x000 to 0x29F of a report over 64 bytes of report data."""
    tcb = launch.tcb.to_bytes(launch.product)
    report = bytearray(SIGNED_SIZE)
    fields = {
        0x000: _le(launch.version, 4),
        0x004: _le(launch.guest_svn, 4),
        0x008: _le(launch.guest_policy, 8),
        0x030: _le(launch.vmpl, 4),
        0x034: _le(1, 4),  # ECDSA P-384 with SHA-384
        0x038: tcb,
        0x040: _le(launch.platform_info, 8),
        0x050: report_data,
        0x090: launch.measurement,
        0x0C0: launch.host_data,
        0x160: b"\xff" * 32,  # no migration agent
        0x180: tcb,
        0x1A0: launch.chip_id,
        0x1E0: tcb,
        0x1F0: tcb,
    }
    if launch.version >= 3:
        fields[0x188] = bytes(_CPUID[launch.product])
    for at, value in fields.items():
        report[at : at + len(value)] = value
    return bytes(report)


def sign_report(unsigned: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Append the signature: R and S, 72 bytes each, little endian, then zeros."""
    r, s = decode_dss_signature(key.sign(unsigned, ec.ECDSA(hashes.SHA384())))
    return (unsigned + _le(r, 72) + _le(s, 72)).ljust(REPORT_SIZE, b"\0")


def _le(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")
