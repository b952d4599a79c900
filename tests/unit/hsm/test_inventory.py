"""From the worker's reports to the document; a real token is listed in tests/contract."""

from keyturn.base.signatures import KeyId
from keyturn.ceremony.tokeninventory import KeyOrigin, KeyProfile, KeyState
from keyturn.hsm.inventory import describe_token, listed_keks, listed_keys
from keyturn.hsm.kekwork import (
    AttributeReport,
    KekOrigin,
    KekProfile,
    KekReport,
    KekState,
    KeyReport,
)
from keyturn.hsm.tokeninfo import ModuleInfo, Slot, TokenInfo

_ATTRIBUTES = (AttributeReport("MODIFIABLE", "True", False),)


def test_every_state_profile_and_origin_has_its_word() -> None:
    for state in KekState:
        for profile in KekProfile:
            for origin in KekOrigin:
                report = KekReport(KeyId("a" * 64), profile, state, origin, _ATTRIBUTES)
                (listed,) = listed_keks([report])
                assert (listed.state, listed.profile, listed.origin) == (
                    KeyState(state.value),
                    KeyProfile(profile.value),
                    KeyOrigin(origin.value),
                )
                assert listed.attributes[0].as_made is False


def test_a_pair_is_listed_by_its_halves() -> None:
    (listed,) = listed_keys([KeyReport("keyturn-log", "public", KeyId("b" * 64), ())])
    assert (listed.label, listed.part, listed.id) == ("keyturn-log", "public", "b" * 64)


def test_an_unknown_vendor_is_not_tested() -> None:
    token = TokenInfo(Slot(0), "label", "maker", "model", "serial", True, False, hardware="1.2")
    said, vendor = describe_token(ModuleInfo("maker", "words", "1.0"), token)
    assert (said.label, said.hardware, said.firmware) == ("label", "1.2", "")
    assert vendor.tested is False
