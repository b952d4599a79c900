"""Items one by one, with a scripted session; real tokens: tests/contract/test_hsm_ceremonies.py."""

from typing import Any

import pytest

from keyturn.base.signatures import KeyId
from keyturn.hsm.cryptoki import Rv
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.keks import OpenKek
from keyturn.hsm.kekwork import (
    KekOrigin,
    KekProfile,
    KekReport,
    KekState,
    RewrapItem,
    RewrapOutcome,
)
from keyturn.hsm.pkcs11 import Handle
from keyturn.hsm.rewrap import Rewrapper
from keyturn.hsm.selftest import Canary

OLD, OLDER, NEW, DEK = (Handle(number) for number in range(1, 5))


class ScriptedSession:
    """A blob starts with the number of the KEK that opens it."""

    def __init__(self, **failures: int) -> None:
        self.failures = failures
        self.tried: list[Handle] = []
        self.open = 0
        self.wrapped = b"n" * 40

    def unwrap(self, mechanism: Any, key: Handle, wrapped: bytes, form: Any) -> Handle:
        self.tried.append(key)
        if "unwrap" in self.failures or wrapped[0] != key:
            raise HsmError("C_UnwrapKey", self.failures.get("unwrap", Rv.GENERAL_ERROR))
        self.open += 1
        return DEK

    def verify(self, *_: Any) -> None:
        if "verify" in self.failures:
            raise HsmError("C_Verify", self.failures["verify"])

    def wrap(self, mechanism: Any, wrapping: Handle, key: Handle) -> bytes:
        assert wrapping == NEW
        return self.wrapped

    def destroy(self, handle: Handle) -> None:
        self.open -= 1


def _kek(handle: Handle) -> OpenKek:
    profile, state = KekProfile.NEVER_EXTRACTABLE, KekState.ACTIVE
    report = KekReport(KeyId(f"{handle:064x}"), profile, state, KekOrigin.MADE, ())
    return OpenKek(handle, Canary(b"c" * 40, b"t" * 32), report)


def _rewrapper(session: ScriptedSession) -> Rewrapper:
    sources = [_kek(OLD), _kek(OLDER), _kek(NEW)]
    return Rewrapper(session, _kek(NEW), sources)  # type: ignore[arg-type]


def _item(kek: int) -> RewrapItem:
    return RewrapItem(bytes(32), bytes(32), bytes([kek]) * 40)


def test_the_kek_that_opened_the_last_is_tried_first_for_the_next() -> None:
    session = ScriptedSession()
    rewrapper = _rewrapper(session)
    for _ in range(3):
        assert rewrapper.rewrap(_item(OLDER)).outcome is RewrapOutcome.REWRAPPED
    assert session.tried == [OLD, OLDER, OLDER, OLDER]


def test_one_under_the_new_kek_is_never_wrapped_again() -> None:
    session = ScriptedSession()
    done = _rewrapper(session).rewrap(_item(NEW))
    assert (done.outcome, done.kek_wrapped) == (RewrapOutcome.ALREADY, bytes([NEW]) * 40)


def test_what_no_kek_opens_and_another_models_key_have_no_answer() -> None:
    done = _rewrapper(ScriptedSession()).rewrap(_item(9))
    assert (done.outcome, done.kek_wrapped) == (RewrapOutcome.DOES_NOT_OPEN, None)
    for rv in (Rv.SIGNATURE_INVALID, Rv.SIGNATURE_LEN_RANGE, Rv.KEY_SIZE_RANGE):
        session = ScriptedSession(verify=rv)
        for kek in (OLD, NEW):
            done = _rewrapper(session).rewrap(_item(kek))
            assert (done.outcome, done.kek_wrapped) == (RewrapOutcome.OTHER_MODEL, None)
        assert session.open == 0


@pytest.mark.parametrize(
    "failures", [{"unwrap": Rv.DEVICE_REMOVED}, {"verify": Rv.SESSION_HANDLE_INVALID}]
)
def test_a_lost_token_is_no_items_fault(failures: dict[str, int]) -> None:
    session = ScriptedSession(**failures)
    with pytest.raises(HsmError):
        _rewrapper(session).rewrap(_item(OLD))
    assert session.open == 0


def test_a_wrap_of_another_size_is_the_tokens_fault() -> None:
    session = ScriptedSession()
    session.wrapped = b"n" * 48
    with pytest.raises(TokenError, match="another size"):
        _rewrapper(session).rewrap(_item(OLD))
    assert session.open == 0
