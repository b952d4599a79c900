"""A key that signs while it is open, and is overwritten with the lock."""

import pytest

from keyturn.base.signatures import Algorithm
from keyturn.client.signing import Unlocked
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.signer import OfficerSigner
from keyturn_app.desk import Locked
from keyturn_app.live.lockedkey import LockedKey


def test_open_signs_and_locked_does_not() -> None:
    secret = generate("ada", "Ada", Algorithm.ED25519)
    key = LockedKey("ada")
    with pytest.raises(Locked):
        key.sign("text/plain", b"x")
    key.open(Unlocked(OfficerSigner(secret), secret.wipe))
    assert not key.locked
    assert (key.officer, key.key_id, key.spki) == ("ada", secret.public.key_id, secret.public.spki)
    assert key.sign("text/plain", b"x").payload == b"x"
    assert key.derived(b"x") == secret.derived(b"x")
    key.lock()
    assert key.locked
    with pytest.raises(Locked):
        key.derived(b"x")
    with pytest.raises(Locked):
        key.sign("text/plain", b"x")
    with pytest.raises(ValueError, match="wiped"):
        secret.sign(b"x")
