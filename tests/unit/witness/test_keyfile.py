"""The witness's key file."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.tlog.errors import MalformedNote
from keyturn.witness.errors import WitnessKeyRefused
from keyturn.witness.keyfile import new_key_file, open_key_file, witness_of


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_what_is_made_is_opened(tmp_path: Path, passphrase: bytes | None) -> None:
    path = tmp_path / "key"
    made = new_key_file(path, passphrase)

    assert path.stat().st_mode & 0o777 == 0o600
    assert open_key_file(path, passphrase).public_key() == made.public_key()
    for wrong in {None, b"another", passphrase} - {passphrase}:
        with pytest.raises(WitnessKeyRefused):
            open_key_file(path, wrong)
    with pytest.raises(WitnessKeyRefused):
        new_key_file(path, passphrase)


def test_one_that_others_may_read_is_refused(tmp_path: Path) -> None:
    new_key_file(tmp_path / "key", None)
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(WitnessKeyRefused, match="others"):
        open_key_file(tmp_path / "key", None)


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "key").write_bytes(pem)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(WitnessKeyRefused, match="another kind"):
        open_key_file(tmp_path / "key", None)
    with pytest.raises(WitnessKeyRefused, match="cannot be read"):
        open_key_file(tmp_path / "none", None)


def test_an_impossible_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedNote):
        witness_of("two words", new_key_file(tmp_path / "key", None))
