"""Secrets from shares that are held: for one use, by their names."""

import os
from dataclasses import replace

import pytest

from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.script import ShareUse
from keyturn.hsm.ceremonytasks import Secret
from keyturn.keyholder.ceremonies.actions.secretsheld import SECRETS, held_secrets
from keyturn.keyholder.ceremonies.doing import Doing
from unit.keyholder.ceremonies.test_opening import entered
from unit.keyholder.ceremonies.test_sharing import SECRETS as DEALT


def test_a_secret_is_read_while_it_is_held(doing: Doing) -> None:
    shares = entered("one")
    held = replace(doing, unlocked={ShareUse.USER: shares})
    with held_secrets(held, (ShareUse.USER,)) as found:
        assert os.pread(found[Secret.PIN], 99, 0).decode() == DEALT[ShareUse.USER].hex()
    with pytest.raises(CeremonyRefused), held_secrets(held, (ShareUse.USER,)):
        pass
    assert set(SECRETS) == set(ShareUse)
