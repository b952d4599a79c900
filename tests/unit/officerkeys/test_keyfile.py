"""The encrypted key file: opens by its passphrase only, and by no other bytes."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm
from keyturn.officerkeys.errors import (
    KeyExists,
    KeyExposed,
    KeyNotFound,
    KeyNotOpened,
    KeyStoreUnavailable,
    MalformedKeyFile,
)
from keyturn.officerkeys.keyfile import (
    KdfCost,
    open_key_file,
    parse_key_file,
    read_key_file,
    seal_key_file,
    write_key_file,
)
from keyturn.officerkeys.keypair import generate

CHEAP = KdfCost(iterations=1, lanes=1, memory_kib=8)
PASSPHRASE = b"correct horse battery"
SECRET = generate("ada", "Ada", Algorithm.P256)
SEALED = seal_key_file(
    SECRET, bytearray(PASSPHRASE), salt=b"s" * 16, nonce=b"n" * 12, cost=CHEAP
).to_bytes()


DEFAULT = seal_key_file(
    SECRET, bytearray(PASSPHRASE), salt=b"s" * 16, nonce=b"n" * 12, cost=KdfCost()
)
ROOT = Path(__file__).resolve().parents[3]


def paths() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'backend'}:{ROOT / 'tests'}"}


def opened(raw: bytes, passphrase: bytes = PASSPHRASE) -> bytearray:
    with open_key_file(parse_key_file(raw), bytearray(passphrase)) as secret:
        return secret.private_copy()


def changed(**values: object) -> bytes:
    return json.dumps({**json.loads(SEALED), **values}).encode()


def test_round_trip_is_the_identity() -> None:
    assert opened(SEALED) == SECRET.private_copy()
    assert parse_key_file(SEALED).public == SECRET.public
    assert parse_key_file(SEALED).to_bytes() == SEALED


def test_a_written_file_is_the_owners_alone_and_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ada.key"
    write_key_file(path, SECRET, bytearray(PASSPHRASE), cost=CHEAP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["ada.key"]
    with open_key_file(read_key_file(path), bytearray(PASSPHRASE)) as secret:
        assert secret.public == SECRET.public


def test_the_default_cost_is_that_of_rfc_9106() -> None:
    assert KdfCost() == KdfCost(iterations=3, lanes=4, memory_kib=65536)


def test_several_keys_open_at_the_same_time() -> None:
    """In a process of its own: threads that wait for each other for ever cannot be ended."""
    script = (
        "import threading\n"
        "from unit.officerkeys.test_keyfile import DEFAULT, PASSPHRASE, open_key_file\n"
        "ask = lambda: open_key_file(DEFAULT, bytearray(PASSPHRASE))\n"
        "threads = [threading.Thread(target=ask) for _ in range(5)]\n"
        "[each.start() for each in threads]\n"
        "[each.join() for each in threads]\n"
    )
    subprocess.run([sys.executable, "-c", script], env=paths(), timeout=60, check=True)


def test_two_files_of_one_key_share_nothing_but_the_public_half(tmp_path: Path) -> None:
    files = [
        write_key_file(tmp_path / name, SECRET, bytearray(PASSPHRASE), cost=CHEAP) for name in "ab"
    ]
    assert files[0].salt != files[1].salt
    assert files[0].nonce != files[1].nonce
    assert files[0].ciphertext != files[1].ciphertext


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ada.key"
    path.write_bytes(b"something")
    with pytest.raises(KeyExists):
        write_key_file(path, SECRET, bytearray(PASSPHRASE), cost=CHEAP)
    assert path.read_bytes() == b"something"
    assert [each.name for each in tmp_path.iterdir()] == ["ada.key"]


def test_the_private_keys_are_nowhere_in_the_file() -> None:
    private = bytes(SECRET.private_copy())
    for part in (private[:32], private[32:]):
        for spelling in (part.hex(), b64(part)[:40]):
            assert spelling.encode() not in SEALED
    assert b64(SECRET.public.hpke).encode() in SEALED  # positive control of the search


@pytest.mark.parametrize("passphrase", [b"correct horse batterz", b"", PASSPHRASE + b"\n"])
def test_a_wrong_passphrase_is_refused(passphrase: bytes) -> None:
    with pytest.raises(KeyNotOpened, match="wrong passphrase"):
        opened(SEALED, passphrase)


OTHER = generate("bob", "Bob", Algorithm.P256).public


@pytest.mark.parametrize(
    "raw",
    [
        changed(officer="bob"),
        changed(name="Bob"),
        changed(spki=b64(OTHER.spki)),
        changed(hpke=b64(OTHER.hpke)),
        changed(salt=b64(b"t" * 16)),
        changed(nonce=b64(b"m" * 12)),
        changed(ciphertext=b64(bytes(80))),
        changed(kdf={"name": "argon2id", "iterations": 2, "lanes": 1, "memory_kib": 8}),
        changed(kdf={"name": "argon2id", "iterations": 1, "lanes": 1, "memory_kib": 16}),
    ],
)
def test_every_value_is_authenticated(raw: bytes) -> None:
    with pytest.raises(KeyNotOpened):
        opened(raw)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (SEALED[:-1], "not JSON"),
        (SEALED + b"x", "not JSON"),
        (b"", "not JSON"),
        (b"x" * 20_000, "too large"),
        (changed(extra=1), "extra"),
        (changed(format=2), "format"),
        (changed(type="officer-key"), "type"),
        (changed(algorithm="ed25519"), "algorithm"),
        (changed(algorithm="rsa"), "algorithm"),
        (changed(salt=b64(b"short")), "salt"),
        (changed(ciphertext=b64(bytes(79))), "ciphertext"),
        (changed(kdf={"name": "scrypt", "iterations": 1, "lanes": 1, "memory_kib": 8}), "name"),
        (
            changed(kdf={"name": "argon2id", "iterations": 1, "lanes": 1, "memory_kib": 1 << 30}),
            "memory_kib",
        ),
        (
            changed(kdf={"name": "argon2id", "iterations": 1, "lanes": 4, "memory_kib": 8}),
            "memory_kib",
        ),
        (changed(spki=b64(b"no key")), "not a public key"),
    ],
)
def test_other_forms_are_malformed(raw: bytes, says: str) -> None:
    with pytest.raises(MalformedKeyFile, match=says):
        parse_key_file(raw)


@pytest.mark.parametrize("field", sorted(json.loads(SEALED)))
def test_no_field_may_be_missing(field: str) -> None:
    document = json.loads(SEALED)
    del document[field]
    with pytest.raises(MalformedKeyFile, match=field):
        parse_key_file(json.dumps(document).encode())


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_no_changed_byte_opens(place: int, difference: int) -> None:
    raw = bytearray(SEALED)
    raw[place] ^= difference
    try:
        opened_private = opened(bytes(raw))
    except KeyturnError:
        return
    # The one spelling that JSON leaves open is white space, which this file has none of.
    pytest.fail(f"byte {place} changed and the file opened: {len(opened_private)}")


def missing(path: Path) -> Path:
    return path / "nothing"


def a_directory(path: Path) -> Path:
    return path


@pytest.mark.parametrize(
    ("place", "error"), [(missing, KeyNotFound), (a_directory, KeyStoreUnavailable)]
)
def test_unreadable_places_have_errors_of_their_own(
    tmp_path: Path, place: Callable[[Path], Path], error: type[KeyturnError]
) -> None:
    with pytest.raises(error):
        read_key_file(place(tmp_path))


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(KeyStoreUnavailable):
        write_key_file(tmp_path / "file" / "ada.key", SECRET, bytearray(PASSPHRASE), cost=CHEAP)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
def test_a_file_that_others_may_reach_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "ada.key"
    write_key_file(path, SECRET, bytearray(PASSPHRASE), cost=CHEAP)
    path.chmod(mode)
    with pytest.raises(KeyExposed, match="others") as refused:
        read_key_file(path)
    assert (refused.value.found, "chmod 600" in refused.value.hint) == (f"mode {mode:04o}", True)
    path.chmod(0o400)
    assert read_key_file(path).public == SECRET.public
