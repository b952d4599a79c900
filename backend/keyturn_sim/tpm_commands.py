"""What a simulated machine's maker and firmware tell its TPM, in the TPM's own commands.

Source: TPM 2.0 Library, Part 3 (commands) and Part 2 (structures); TCG EK Credential Profile 2.5,
templates L-1 and L-2. Big endian. Attesting is the node's, which has a client of its own.
"""

import socket
import struct
from collections.abc import Sequence
from pathlib import Path

from keyturn.base.errors import KeyturnError

SHA256 = 0x000B
EK_RSA_INDEX = 0x01C00002
EK_ECC_INDEX = 0x01C0000A
AK_INDEX = 0x01C10002  # where Google's virtual TPMs keep the certificate of their ECC AK
_OWNER, _ENDORSEMENT = 0x40000001, 0x4000000B
_PASSWORD = struct.pack(">IHBH", 0x40000009, 0, 0, 0)
_NV_ATTRIBUTES = 0x02060006  # OWNERWRITE, AUTHWRITE, AUTHREAD, OWNERREAD, NO_DA
_EK_POLICY = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
_NV_CHUNK = 512
_MAX_ANSWER = 4096


class SimTpmError(KeyturnError):
    """The simulated TPM did not do what it was told."""


def tpm2b(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


_HEAD = struct.pack(">HI", SHA256, 0x000300B2) + tpm2b(_EK_POLICY)
_AES = struct.pack(">HHHH", 0x0006, 128, 0x0043, 0x0010)
EK_RSA = b"\x00\x01" + _HEAD + _AES + struct.pack(">HI", 2048, 0) + tpm2b(bytes(256))
EK_ECC = b"\x00\x23" + _HEAD + _AES + struct.pack(">HH", 3, 0x0010) + 2 * tpm2b(bytes(32))
AK_ECC = (
    struct.pack(">HHIH", 0x0023, SHA256, 0x00050072, 0)
    + struct.pack(">HHHHH", 0x0010, 0x0018, SHA256, 3, 0x0010)
    + 2 * tpm2b(b"")
)
AK_RSA = (
    struct.pack(">HHIH", 0x0001, SHA256, 0x00050072, 0)
    + struct.pack(">HHHHI", 0x0010, 0x0014, SHA256, 2048, 0)
    + tpm2b(b"")
)
"""TPMT_PUBLIC: the endorsement keys of the profile, and restricted keys that sign."""


class TpmLine:
    """A connection to the TPM's socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(30)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def extend(self, register: int, digests: Sequence[tuple[int, bytes]]) -> None:
        """TPM2_PCR_Extend with a digest in each bank, by TPM_ALG_ID."""
        values = b"".join(struct.pack(">H", bank) + digest for bank, digest in digests)
        self._call(0x182, [register], struct.pack(">I", len(digests)) + values, authorised=1)

    def primary_public(self, template: bytes) -> bytes:
        """The TPMT_PUBLIC of the endorsement hierarchy's primary key of this template."""
        handle, public = self._primary(template)
        self._call(0x165, [], struct.pack(">I", handle))
        return public

    def persist(self, template: bytes, handle: int) -> bytes:
        """Keep that primary key at a handle for good (TPM2_EvictControl); its TPMT_PUBLIC."""
        loaded, public = self._primary(template)
        self._call(0x120, [_OWNER, loaded], struct.pack(">I", handle), authorised=1)
        self._call(0x165, [], struct.pack(">I", loaded))
        return public

    def store(self, index: int, data: bytes) -> None:
        """Define an NV index that everybody may read, and write it."""
        public = struct.pack(">IHIHH", index, SHA256, _NV_ATTRIBUTES, 0, len(data))
        self._call(0x12A, [_OWNER], struct.pack(">H", 0) + tpm2b(public), authorised=1)
        for at in range(0, len(data), _NV_CHUNK):
            chunk = tpm2b(data[at : at + _NV_CHUNK]) + struct.pack(">H", at)
            self._call(0x137, [index, index], chunk, authorised=1)

    def _primary(self, template: bytes) -> tuple[int, bytes]:
        sensitive = struct.pack(">HHH", 4, 0, 0)
        parameters = sensitive + tpm2b(template) + struct.pack(">HI", 0, 0)
        answer = self._call(0x131, [_ENDORSEMENT], parameters, authorised=1)
        (handle, _, size) = struct.unpack_from(">IIH", answer)
        return handle, answer[10 : 10 + size]

    def shut_down(self) -> None:
        """TPM2_Shutdown(CLEAR): the next start is a machine's start."""
        self._call(0x145, [], b"\x00\x00")

    def _call(
        self, code: int, handles: Sequence[int], parameters: bytes, *, authorised: int = 0
    ) -> bytes:
        """What the TPM answers behind its header. Raises SimTpmError."""
        sessions = authorised * _PASSWORD
        body = b"".join(struct.pack(">I", handle) for handle in handles)
        body += struct.pack(">I", len(sessions)) + sessions if sessions else b""
        body += parameters
        tag = 0x8002 if sessions else 0x8001
        self._socket.sendall(struct.pack(">HII", tag, 10 + len(body), code) + body)
        header = self._receive(10)
        _, size, result = struct.unpack(">HII", header)
        if not 10 <= size <= _MAX_ANSWER:
            raise SimTpmError("the simulated TPM answers with an impossible length")
        answer = self._receive(size - 10)
        if result:
            raise SimTpmError(
                f"the simulated TPM refuses command {code:#x}", found=f"{result:#x}", expected="0"
            )
        return answer

    def _receive(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            more = self._socket.recv(size - len(received))
            if not more:
                raise SimTpmError("the simulated TPM hung up")
            received += more
        return received
