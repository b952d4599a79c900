"""Is this token the one that the authority names?"""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from keyturn.base.encoding import digest_of
from keyturn.hsm.protocol import Purpose as HsmPurpose
from keyturn.keyholder.errors import WrongToken
from keyturn.keyholder.token import check_keys
from keyturn.quorum.bodies import TOKEN_PURPOSES, Keys, Purpose
from support.system import ORIGIN, System


@pytest.fixture
def keys(system: System) -> Keys:
    found = system.keyholder.journal.state.newest_keys
    assert found is not None
    return found


def test_the_token_of_genesis_is_the_right_one(system: System, keys: Keys) -> None:
    check_keys(keys, system.hsm, ORIGIN)


def test_another_log_is_refused(system: System, keys: Keys) -> None:
    with pytest.raises(WrongToken) as refused:
        check_keys(keys, system.hsm, "other.example/log")

    assert (refused.value.found, refused.value.expected) == (ORIGIN, "other.example/log")


@pytest.mark.parametrize("purpose", TOKEN_PURPOSES, ids=lambda each: each.value)
def test_one_other_key_is_refused(system: System, keys: Keys, purpose: Purpose) -> None:
    other = replace(keys.keys[purpose], spki=b"another key")
    changed = replace(keys, keys={**keys.keys, purpose: other})

    with pytest.raises(WrongToken, match=f"the token's {purpose.value} key") as refused:
        check_keys(changed, system.hsm, ORIGIN)

    assert refused.value.found == digest_of(keys.keys[purpose].spki)
    assert refused.value.expected == digest_of(b"another key")


def test_a_log_key_held_otherwise_than_it_says_is_refused(system: System, keys: Keys) -> None:
    """Nobody approves a log key in hardware that is a software log key, nor the other way."""
    log = keys.keys[Purpose.LOG]
    claimed = replace(keys, keys={**keys.keys, Purpose.LOG: replace(log, in_software=True)})
    with pytest.raises(WrongToken, match="another assurance of the log key"):
        check_keys(claimed, system.hsm, ORIGIN)

    held = dict(system.hsm.public_keys())
    held[HsmPurpose.LOG] = replace(held[HsmPurpose.LOG], software=True)
    narrow = SimpleNamespace(assurance=system.hsm.assurance, public_keys=lambda: held)
    check_keys(claimed, narrow, ORIGIN)
    with pytest.raises(WrongToken, match="another assurance of the log key") as refused:
        check_keys(keys, narrow, ORIGIN)
    assert refused.value.expected == "a software log key"
