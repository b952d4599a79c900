"""What a node asks of its TPM 2.0: a quote by its AK, and the proof that AK and EK live in it.

Sources: TPM 2.0 Library, Part 3 (commands), Part 2 (structures); TCG EK Credential Profile 2.5
(templates L-1 and L-2, NV indexes, policy of the endorsement keys). Big endian.

The AK is the endorsement hierarchy's primary key of a fixed template: the TPM makes the same key
each time, so that nothing has to be kept. Its private half never leaves the TPM; what is read here
proves nothing until a verifier has looked at it.
"""

import secrets
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from keyturn.agent.tpmline import TpmLine
from keyturn.attest.cursor import Cursor
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_key import TpmKey, parse_tpm_public
from keyturn.attest.tpm_quote import parse_quote
from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable

AK_CERTIFICATE = 0x01C10002
"""NV index in which Google's virtual TPMs, and the simulator's, keep an ECC AK's certificate."""
_CREATE_PRIMARY, _POLICY_SECRET, _QUOTE, _FLUSH = 0x131, 0x151, 0x158, 0x165
_ACTIVATE, _NV_READ, _NV_READ_PUBLIC = 0x147, 0x14E, 0x169
_READ_PUBLIC, _START_SESSION, _PCR_READ = 0x173, 0x176, 0x17E
_ENDORSEMENT, _NOTHING = 0x4000000B, 0x40000007
_PASSWORD_SESSION = 0x40000009
_NO_SUCH_INDEX = 0x18B  # TPM_RC_HANDLE, of the first handle
_NOT_WRITTEN = 0x14A  # TPM_RC_NV_UNINITIALIZED
_AGAIN = (0x922, 0x90A, 0x908)  # TPM_RC_RETRY, TPM_RC_TESTING, TPM_RC_YIELDED
_PAUSES = (0.0, 0.01, 0.05, 0.25, 1.0)  # seconds
_SHA256, _NULL, _POLICY = 0x000B, 0x0010, 1
_EK_POLICY = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
_NV_CHUNK = 512
_MAX_CERTIFICATE = 8192
_TRIES = 3


def _tpm2b(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


_EK = struct.pack(">HI", _SHA256, 0x000300B2) + _tpm2b(_EK_POLICY)
_AES_128_CFB = struct.pack(">HHHH", 0x0006, 128, 0x0043, _NULL)
_AK = (
    struct.pack(">HHIH", 0x0023, _SHA256, 0x00050072, 0)
    + struct.pack(">HHHHH", _NULL, 0x0018, _SHA256, 3, _NULL)
    + 2 * _tpm2b(b"")
)


class EndorsementKey(Enum):
    """A TPM's EK by its template; `index` is where its maker's certificate is kept."""

    RSA = (
        0x01C00002,
        b"\x00\x01" + _EK + _AES_128_CFB + struct.pack(">HI", 2048, 0) + _tpm2b(bytes(256)),
    )
    ECC = (
        0x01C0000A,
        b"\x00\x23" + _EK + _AES_128_CFB + struct.pack(">HH", 3, _NULL) + 2 * _tpm2b(bytes(32)),
    )

    @property
    def index(self) -> int:
        return self.value[0]

    @property
    def template(self) -> bytes:
        return self.value[1]


@dataclass(frozen=True, slots=True)
class QuoteAnswer:
    """`ak` is the TPMT_PUBLIC; `pcrs` the quoted bank's values by number."""

    ak: bytes
    quote: bytes
    signature: bytes = field(repr=False)
    pcrs: Mapping[int, bytes]


class TpmRefused(DeviceUnreachable):
    """The TPM answered a command with an error. `code` is its TPM_RC."""

    def __init__(self, command: int, code: int) -> None:
        super().__init__(
            f"the TPM refuses command {command:#x}", found=f"{code:#x}", expected="success"
        )
        self.code = code


class Tpm:
    """One TPM over one line. Every call raises DeviceUnreachable or DeviceAnswerMalformed.

    What a call loads it unloads: a TPM without a resource manager holds three keys at most.
    """

    def __init__(self, line: TpmLine, ak: int | None = None) -> None:
        """`ak`: a persistent handle of the AK; None: the primary key of this module's template."""
        self._line = line
        self._ak_handle = ak

    def ak(self) -> TpmKey:
        """The AK's public area."""
        with self._loaded_ak() as (_, public):
            return _key(public)

    def endorsement_key(self, kind: EndorsementKey) -> bytes:
        """An EK's TPMT_PUBLIC."""
        with self._primary(kind.template) as (_, public):
            return public

    def quote(self, nonce: bytes, bank: HashAlgorithm, numbers: Sequence[int]) -> QuoteAnswer:
        """Let the AK sign over 32 bytes and registers; the values are those that it signed."""
        select = _selection(bank, numbers)
        with self._loaded_ak() as (handle, public):
            parameters = _tpm2b(nonce) + struct.pack(">H", _NULL) + select
            for _ in range(_TRIES):
                pcrs = self._registers(bank, numbers)
                answer = self._authorised(_QUOTE, (handle,), parameters)
                with _reading("quote"):
                    body = Cursor(answer, "TPM answer", "big")
                    quote = body.sized(2, 4096)
                    digest = parse_quote(quote).pcr_digest
                joined = b"".join(pcrs[number] for number in sorted(pcrs))
                if HashAlgorithm.SHA256.digest(joined) == digest:
                    return QuoteAnswer(public, quote, body.peek(), pcrs)
        raise DeviceAnswerMalformed("the TPM's registers change while they are quoted")

    def activate(self, kind: EndorsementKey, credential: bytes, secret: bytes) -> bytes:
        """TPM2_ActivateCredential: what a verifier sealed to this EK for this AK.

        `credential` is a TPM2B_ID_OBJECT's content, `secret` a TPM2B_ENCRYPTED_SECRET's.
        """
        with (
            self._loaded_ak() as (ak, _),
            self._primary(kind.template) as (ek, _),
            self._endorsement_session() as session,
        ):
            sessions = _session(_PASSWORD_SESSION) + _session(session)
            parameters = _tpm2b(credential) + _tpm2b(secret)
            answer = self._authorised(_ACTIVATE, (ak, ek), parameters, sessions)
        with _reading("activate"):
            return Cursor(answer, "TPM answer", "big").sized(2, 64)

    def stored(self, index: int) -> bytes | None:
        """What is kept at an NV index that everybody may read; None where there is none."""
        try:
            answer = self._call(_NV_READ_PUBLIC, struct.pack(">I", index))
        except TpmRefused as refusal:
            if refusal.code in (_NO_SUCH_INDEX, _NOT_WRITTEN):
                return None
            raise
        with _reading("NV index"):
            public = Cursor(Cursor(answer, "TPM answer", "big").sized(2, 512), "NV index", "big")
            public.take(10)
            public.sized(2, 64)
            size = public.number(2)
        found = b""
        while len(found) < min(size, _MAX_CERTIFICATE):
            wanted = min(_NV_CHUNK, size - len(found))
            parameters = struct.pack(">HH", wanted, len(found))
            part = self._authorised(_NV_READ, (index, index), parameters)
            with _reading("NV index"):
                found += Cursor(part, "TPM answer", "big").sized(2, wanted)
        return found

    def _registers(self, bank: HashAlgorithm, numbers: Sequence[int]) -> dict[int, bytes]:
        """TPM2_PCR_Read gives eight at most at a time."""
        values: dict[int, bytes] = {}
        left = sorted(numbers)
        while left:
            asked = left[:8]
            answer = self._call(_PCR_READ, _selection(bank, asked))
            with _reading("PCR values"):
                body = Cursor(answer, "TPM answer", "big")
                body.take(4 + len(_selection(bank, asked)))
                if body.number(4) != len(asked):
                    raise DeviceAnswerMalformed(f"the TPM has no whole {bank.bank} bank")
                values |= {number: body.sized(2, bank.size) for number in asked}
            left = left[8:]
        return values

    @contextmanager
    def _loaded_ak(self) -> Iterator[tuple[int, bytes]]:
        """The AK's handle and TPMT_PUBLIC; one that was persistent before stays."""
        if self._ak_handle is None:
            with self._primary(_AK) as found:
                yield found
            return
        answer = self._call(_READ_PUBLIC, struct.pack(">I", self._ak_handle))
        with _reading("AK"):
            public = Cursor(answer, "TPM answer", "big").sized(2, 2048)
        yield self._ak_handle, public

    @contextmanager
    def _primary(self, template: bytes) -> Iterator[tuple[int, bytes]]:
        """A primary key of the endorsement hierarchy, loaded: its handle and TPMT_PUBLIC."""
        parameters = struct.pack(">HHH", 4, 0, 0) + _tpm2b(template) + struct.pack(">HI", 0, 0)
        body = struct.pack(">I", _ENDORSEMENT) + _authorisation(_session(_PASSWORD_SESSION))
        answer = self._call(_CREATE_PRIMARY, body + parameters, sessions=True)
        with _reading("key"):
            found = Cursor(answer, "TPM answer", "big")
            handle, _ = found.number(4), found.number(4)
            public = found.sized(2, 2048)
        try:
            yield handle, public
        finally:
            self._call(_FLUSH, struct.pack(">I", handle))

    @contextmanager
    def _endorsement_session(self) -> Iterator[int]:
        """A policy session that an EK accepts: the endorsement hierarchy's (empty) password."""
        parameters = _tpm2b(secrets.token_bytes(16)) + struct.pack(
            ">HBHH", 0, _POLICY, _NULL, _SHA256
        )
        answer = self._call(_START_SESSION, struct.pack(">II", _NOTHING, _NOTHING) + parameters)
        with _reading("session"):
            session = Cursor(answer, "TPM answer", "big").number(4)
        try:
            nothing = struct.pack(">HHHI", 0, 0, 0, 0)
            self._authorised(_POLICY_SECRET, (_ENDORSEMENT, session), nothing)
            yield session
        finally:
            self._call(_FLUSH, struct.pack(">I", session))

    def _authorised(
        self, code: int, handles: Sequence[int], parameters: bytes, sessions: bytes = b""
    ) -> bytes:
        """A command under sessions, of which the plain one is an empty password; its parameters."""
        body = b"".join(struct.pack(">I", handle) for handle in handles)
        body += _authorisation(sessions or _session(_PASSWORD_SESSION))
        answer = self._call(code, body + parameters, sessions=True)
        with _reading(f"command {code:#x}"):
            return Cursor(answer, "TPM answer", "big").sized(4, 4096)

    def _call(self, code: int, body: bytes, *, sessions: bool = False) -> bytes:
        """What stands behind the header. Raises TpmRefused.

        A TPM that is testing itself, or busy, asks for the same command again.
        """
        tag = 0x8002 if sessions else 0x8001
        command = struct.pack(">HII", tag, 10 + len(body), code) + body
        for pause in (*_PAUSES, None):
            answer = self._line.send(command)
            result = struct.unpack_from(">I", answer, 6)[0]
            if result not in _AGAIN or pause is None:
                break
            time.sleep(pause)
        if result:
            raise TpmRefused(code, result)
        return answer[10:]


def _key(public: bytes) -> TpmKey:
    with _reading("AK"):
        return parse_tpm_public(public)


def _session(handle: int) -> bytes:
    """TPMS_AUTH_COMMAND without nonce and HMAC; the session ends only when it is flushed."""
    return struct.pack(">IHBH", handle, 0, 1, 0)


def _authorisation(sessions: bytes) -> bytes:
    return struct.pack(">I", len(sessions)) + sessions


def _selection(bank: HashAlgorithm, numbers: Sequence[int]) -> bytes:
    """TPML_PCR_SELECTION of one bank."""
    bits = sum(1 << number for number in set(numbers))
    return struct.pack(">IHB", 1, bank.value, 3) + bits.to_bytes(3, "little")


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except MalformedEvidence as error:
        raise DeviceAnswerMalformed(
            f"TPM's {what}: {error.message}", found=error.found, expected=error.expected
        ) from error
