"""What an answer of the token means, with a scripted session; real tokens: tests/contract."""

from typing import Any

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import KeyId
from keyturn.hsm.cryptoki import Rv
from keyturn.hsm.errors import (
    HsmError,
    HsmRequestError,
    HsmUnreachable,
    KeyBindingError,
    TokenError,
    WrappedKeyError,
)
from keyturn.hsm.kekrecord import KekRecord
from keyturn.hsm.keks import OpenKek, OpenKeks
from keyturn.hsm.kekwork import KekOrigin, KekProfile, KekReport, KekState
from keyturn.hsm.operations import TokenHsm
from keyturn.hsm.pkcs11 import Handle
from keyturn.hsm.protocol import Admission, KekWrapped, KeyAlgorithm, OaepHash, PublicKey, Purpose
from keyturn.hsm.selftest import Canary
from keyturn.hsm.token import CheckedKeys, OpenToken
from keyturn.hsm.tokeninfo import ModuleInfo, Slot, TokenInfo

MODULE = ModuleInfo("maker", "module", "1.0")
KEK, INGEST, LOG, RESULT, DEK = (Handle(number) for number in range(1, 6))
CANARY = Canary(b"c" * 40, b"t" * 32)
KEK_ID = KeyId("ab" * 32)
KEK_REPORT = KekReport(KEK_ID, KekProfile.NEVER_EXTRACTABLE, KekState.ACTIVE, KekOrigin.MADE, ())


class ScriptedSession:
    """Answers or fails per function; remembers what was opened and not destroyed."""

    def __init__(self, **failures: int) -> None:
        self._failures = failures
        self.open: list[Handle] = []
        self.objects: dict[Handle, bytes] = {}
        self.wrapped = b"w" * 40

    def _fail(self, name: str) -> None:
        if name in self._failures:
            raise HsmError(f"C_{name}", self._failures[name])

    def unwrap(self, mechanism: Any, key: Handle, wrapped: bytes, form: Any) -> Handle:
        self._fail("canary" if wrapped == CANARY.kek_wrapped else "unwrap")
        self.open.append(DEK)
        return DEK

    def verify(self, mechanism: Any, key: Handle, message: bytes, tag: bytes) -> None:
        self._fail("verify")

    def wrap(self, mechanism: Any, wrapping: Handle, key: Handle) -> bytes:
        self._fail("wrap")
        return self.wrapped

    def sign(self, mechanism: Any, key: Handle, message: bytes) -> bytes:
        self._fail("sign")
        return self.wrapped

    def destroy(self, handle: Handle) -> None:
        self.objects.pop(handle, None)
        if handle in self.open:
            self.open.remove(handle)

    def find(self, template: Any) -> tuple[Handle, ...]:
        return tuple(self.objects)

    def read(self, handle: Handle, attribute: Any) -> bytes:
        return self.objects[handle]

    def create(self, template: Any) -> Handle:
        handle = Handle(100 + len(self.objects))
        self.objects[handle] = dict(template.items)[0x11]  # CKA_VALUE
        return handle


def _hsm(session: ScriptedSession) -> TokenHsm:
    public = {Purpose.INGEST: PublicKey(Purpose.INGEST, b"", KeyAlgorithm.RSA_3072, OaepHash.SHA1)}
    private = {Purpose.INGEST: INGEST, Purpose.LOG: LOG, Purpose.RESULT: RESULT}
    kek = OpenKek(KEK, CANARY, KEK_REPORT)
    keys = CheckedKeys(OpenKeks(KekRecord(()), (kek,)), private, public, OaepHash.SHA1)
    info = TokenInfo(Slot(0), "label", "maker", "model", "serial", True, False)
    return TokenHsm(OpenToken(session, info, keys, MODULE))  # type: ignore[arg-type]


ADMISSION = Admission(b"i" * 384, OaepHash.SHA1, bytes(32), bytes(32))


def test_a_rewrap_leaves_no_object() -> None:
    session = ScriptedSession()
    assert _hsm(session).rewrap_admission(ADMISSION) == KekWrapped(b"w" * 40, KEK_ID)
    assert session.open == []


@pytest.mark.parametrize(
    ("failures", "error"),
    [
        ({"verify": Rv.SIGNATURE_INVALID}, KeyBindingError),
        ({"verify": Rv.SIGNATURE_LEN_RANGE}, KeyBindingError),
        ({"verify": Rv.KEY_SIZE_RANGE}, WrappedKeyError),
        ({"verify": Rv.GENERAL_ERROR}, HsmError),
        ({"verify": Rv.SESSION_HANDLE_INVALID}, HsmUnreachable),
        ({"unwrap": Rv.GENERAL_ERROR}, WrappedKeyError),
        ({"unwrap": Rv.WRAPPED_KEY_INVALID}, WrappedKeyError),
        ({"unwrap": Rv.GENERAL_ERROR, "canary": Rv.GENERAL_ERROR}, HsmUnreachable),
        ({"unwrap": Rv.UNWRAPPING_KEY_HANDLE_INVALID}, HsmUnreachable),
        ({"wrap": Rv.KEY_NOT_WRAPPABLE}, HsmError),
        ({"wrap": Rv.DEVICE_REMOVED}, HsmUnreachable),
    ],
)
def test_each_answer_of_the_token_has_one_meaning_and_leaves_no_object(
    failures: dict[str, int], error: type[KeyturnError]
) -> None:
    session = ScriptedSession(**failures)
    with pytest.raises(error):
        _hsm(session).rewrap_admission(ADMISSION)
    assert session.open == []


@pytest.mark.parametrize("size", [24, 32, 48, 72])
def test_what_wraps_to_another_length_is_no_dek(size: int) -> None:
    session = ScriptedSession()
    session.wrapped = bytes(size)
    with pytest.raises(WrappedKeyError, match="not a DEK"):
        _hsm(session).rewrap_admission(ADMISSION)


def test_a_signature_of_another_size_is_a_broken_token() -> None:
    with pytest.raises(TokenError, match="40 bytes"):
        _hsm(ScriptedSession()).sign_log(b"message")


def test_the_newest_mark_wins_when_a_kill_left_two() -> None:
    session = ScriptedSession()
    session.objects = {
        Handle(7): (3).to_bytes(8, "big") + b"new",
        Handle(8): (2).to_bytes(8, "big") + b"old",
    }
    hsm = _hsm(session)
    assert hsm.load_mark() == b"new"
    hsm.store_mark(b"newer")
    assert list(session.objects.values()) == [(4).to_bytes(8, "big") + b"newer"]


def test_a_mark_without_content_is_a_broken_token() -> None:
    session = ScriptedSession()
    session.objects = {Handle(7): bytes(8)}
    with pytest.raises(TokenError, match="damaged"):
        _hsm(session).load_mark()


def test_no_mark_is_none() -> None:
    assert _hsm(ScriptedSession()).load_mark() is None


def test_another_hash_is_refused_before_the_token_is_asked() -> None:
    session = ScriptedSession(unwrap=Rv.GENERAL_ERROR)
    with pytest.raises(HsmRequestError):
        _hsm(session).rewrap_admission(Admission(b"i" * 384, OaepHash.SHA256, bytes(32), bytes(32)))
