"""The keyholder's own key: made once, for its owner alone, and the one that `keys` names."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.dsse import verified_signers
from keyturn.base.signatures import load_verify_key
from keyturn.keyholder.identity import (
    BrokenIdentityKey,
    WrongIdentityKey,
    check_identity,
    identity_at,
    keyholder_key,
    load_identity,
    make_identity,
)
from keyturn.quorum.bodies import KeyAlgorithm, Keys, PublicKeyEntry, Purpose


def keys(spki: bytes | None = None) -> Keys:
    named: dict[Purpose, PublicKeyEntry] = {}
    if spki is not None:
        entry = PublicKeyEntry(Purpose.KEYHOLDER, KeyAlgorithm.ED25519, spki, None)
        named[Purpose.KEYHOLDER] = entry
    return Keys("example.com/log", "software", named)


def test_it_is_made_once_and_signs(tmp_path: Path) -> None:
    path = tmp_path / "keyholder.key"
    assert load_identity(path) is None
    made = make_identity(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert identity_at(path) == identity_at(path)
    again = load_identity(path)
    assert again is not None
    envelope = again.sign("a/type", b"payload")
    key = load_verify_key(made.spki)
    assert verified_signers(envelope, {key.key_id: key}) == (made.key_id,)
    with pytest.raises(FileExistsError):
        make_identity(path)
    assert "private" not in repr(made)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_one_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keyholder.key"
    make_identity(path)
    path.chmod(mode)
    with pytest.raises(BrokenIdentityKey, match="read by others"):
        load_identity(path)


def test_what_is_no_key_of_its_kind_is_refused(tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / "keyholder.key"
    for content in (b"", b"junk", other):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(BrokenIdentityKey):
            load_identity(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BrokenIdentityKey):
        load_identity(path)


def test_only_the_key_that_keys_names_signs(tmp_path: Path) -> None:
    made, other = make_identity(tmp_path / "a"), make_identity(tmp_path / "b")
    named = keys(made.spki)
    assert check_identity(made, named) == made
    assert keyholder_key(named) is not None
    for wrong in (other, None):
        with pytest.raises(WrongIdentityKey):
            check_identity(wrong, named)


def test_where_none_is_named_nothing_is_signed(tmp_path: Path) -> None:
    made = make_identity(tmp_path / "a")
    assert check_identity(made, keys()) is None
    assert check_identity(made, None) is None
    assert check_identity(None, keys()) is None
