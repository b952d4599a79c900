"""A simulated machine's measured boot: what its firmware extends, and the log that it writes.

Source: TCG PC Client Platform Firmware Profile (TCG_PCR_EVENT2, crypto-agile log; §10.4 events),
UEFI 2.10 §32.4.1 (EFI_SIGNATURE_LIST). Little endian. Banks SHA-256 and SHA-384.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

BANKS = ((0x000B, "sha256"), (0x000C, "sha384"))
_NO_ACTION, _SEPARATOR, _ACTION, _CRTM = 0x03, 0x04, 0x05, 0x08
_BLOB, _CONFIG, _BOOT, _APPLICATION, _EFI_ACTION, _AUTHORITY = (
    0x80000008,
    0x80000001,
    0x80000002,
    0x80000003,
    0x80000007,
    0x800000E0,
)
_IPL = 0x0D
_GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")
_SECURITY = bytes.fromhex("cbb219d73a3d9645a3bcdad00e67656f")
_X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
_OWNER = bytes.fromhex("bd9afa775903324dbd6028f4e78f784b")
_OPTION = b"Calling EFI Application from Boot Option"
_EXIT = (b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Success")


@dataclass(frozen=True, slots=True)
class SimEvent:
    """`measured` is what was hashed, `data` what the log says."""

    register: int
    kind: int
    data: bytes
    measured: bytes

    @property
    def digests(self) -> tuple[tuple[int, bytes], ...]:
        return tuple((bank, hashlib.new(name, self.measured).digest()) for bank, name in BANKS)


@dataclass(frozen=True, slots=True)
class SimBoot:
    """What one start of the machine measures. Every text is a stand-in for a file's bytes."""

    firmware: str = "SIMULATED firmware 1.0"
    secure_boot: bool = True
    keys: tuple[tuple[str, str], ...] = (
        ("PK", "SIMULATED platform key"),
        ("KEK", "SIMULATED key exchange key"),
        ("db", "SIMULATED boot signer"),
        ("dbx", "SIMULATED revoked loader"),
    )
    applications: tuple[str, ...] = ("SIMULATED shim 15.8", "SIMULATED boot loader 2.12")
    command_line: str = "console=hvc0 ro"
    kernel: str = field(default="SIMULATED kernel 6.1")

    def events(self) -> Iterator[SimEvent]:
        """In the order in which they are extended."""
        version = f"{self.firmware}\0".encode("utf-16-le")
        yield _plain(0, _CRTM, version)
        blob = struct.pack("<QQ", 0xFF800000, 0x400000)
        yield SimEvent(0, _BLOB, blob, self.firmware.encode())
        on = bytes([self.secure_boot])
        yield _plain(7, _CONFIG, _variable(_GLOBAL, "SecureBoot", on))
        for name, text in self.keys:
            guid = _GLOBAL if name in ("PK", "KEK") else _SECURITY
            yield _plain(7, _CONFIG, _variable(guid, name, _signature_list(text)))
        yield _plain(7, _SEPARATOR, bytes(4))
        yield _plain(1, _BOOT, _variable(_GLOBAL, "BootOrder", b"\0\0"))
        yield _plain(4, _EFI_ACTION, _OPTION)
        for register in (0, 1, 2, 3, 4, 5, 6):
            yield _plain(register, _SEPARATOR, bytes(4))
        if self.secure_boot:
            signer = _OWNER + dict(self.keys)["db"].encode()
            yield _plain(7, _AUTHORITY, _variable(_SECURITY, "db", signer))
        for place, text in enumerate(self.applications):
            load = struct.pack("<QQQQ", 0x7E000000 + (place << 20), 1 << 20, 0, 4)
            path = bytes.fromhex("7fff0400")
            yield SimEvent(4, _APPLICATION, load + path, text.encode())
        yield SimEvent(8, _IPL, self.command_line.encode() + b"\0", self.command_line.encode())
        yield SimEvent(9, _IPL, b"/vmlinuz\0", self.kernel.encode())
        for action in _EXIT:
            yield _plain(5, _EFI_ACTION, action)

    def log(self) -> bytes:
        """The log as firmware hands it on, crypto-agile."""
        announced = struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(BANKS))
        announced += b"".join(
            struct.pack("<HH", bank, hashlib.new(name).digest_size) for bank, name in BANKS
        )
        first = b"Spec ID Event03\0" + announced + b"\0"
        head = struct.pack("<II20xI", 0, _NO_ACTION, len(first)) + first
        return head + b"".join(map(_record, self.events()))


def _record(event: SimEvent) -> bytes:
    digests = b"".join(struct.pack("<H", bank) + digest for bank, digest in event.digests)
    head = struct.pack("<III", event.register, event.kind, len(event.digests))
    return head + digests + struct.pack("<I", len(event.data)) + event.data


def _plain(register: int, kind: int, data: bytes) -> SimEvent:
    return SimEvent(register, kind, data, data)


def _variable(guid: bytes, name: str, value: bytes) -> bytes:
    """UEFI_VARIABLE_DATA."""
    return guid + struct.pack("<QQ", len(name), len(value)) + name.encode("utf-16-le") + value


def _signature_list(text: str) -> bytes:
    """EFI_SIGNATURE_LIST of one certificate."""
    entry = _OWNER + text.encode()
    return _X509 + struct.pack("<III", 28 + len(entry), 0, len(entry)) + entry
