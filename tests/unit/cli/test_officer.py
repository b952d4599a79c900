"""`keyturn officer`: keys are made, shown and listed; private halves stay in the file."""

import json
from pathlib import Path

import pytest

from keyturn.base.strictjson import parse_object
from keyturn.officerkeys.keyfile import open_key_file, read_key_file
from keyturn.officerkeys.oskeyring import has_system_keyring
from keyturn.quorum.roster import parse_officer
from unit.cli.officer_desk import PASSPHRASE, Desks, make_desks


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


@pytest.mark.parametrize("algorithm", ["ed25519", "p256"])
def test_new_prints_an_entry_that_a_roster_takes(
    desks: Desks, tmp_path: Path, algorithm: str
) -> None:
    key = tmp_path / "zoe.key"
    result = desks.run(
        *("officer", "new", "zoe", "--name", "Zoë", "--role", "approver", "--json"),
        *("--algorithm", algorithm, "--key-file", key),
        passphrase=PASSPHRASE,
    )
    assert result.exit_code == 0, result.output
    officer = parse_officer(parse_object(result.stdout.encode(), limit=1 << 16, what="officer"))
    assert (officer.id, officer.name, officer.keys[0].algorithm.value) == ("zoe", "Zoë", algorithm)
    with open_key_file(read_key_file(key), bytearray(PASSPHRASE)) as secret:
        assert secret.public.spki == officer.keys[0].spki
        assert secret.public.hpke == officer.hpke


def test_a_key_file_is_not_overwritten_and_the_passphrase_not_asked(
    desks: Desks, tmp_path: Path
) -> None:
    key = tmp_path / "zoe.key"
    key.write_bytes(b"precious")
    result = desks.run("officer", "new", "zoe", "--key-file", key)
    assert result.exit_code == 1
    assert "not overwritten" in result.stderr
    assert key.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("arguments", "passphrase", "says"),
    [
        (("new", "zoe/../x"), PASSPHRASE, "officer id"),
        (("new", "zoe"), b"short", "too short"),
        (("new", "zoe"), b"", "empty"),
    ],
)
def test_unfit_ids_and_passphrases_make_no_key(
    desks: Desks, tmp_path: Path, arguments: tuple[str, ...], passphrase: bytes, says: str
) -> None:
    key = tmp_path / "zoe.key"
    result = desks.run("officer", *arguments, "--key-file", key, passphrase=passphrase)
    assert result.exit_code == 1
    assert says in result.stderr
    assert not key.exists()


@pytest.mark.skipif(has_system_keyring(), reason="this session has an OS keyring")
def test_without_a_keyring_a_key_file_is_asked_for(desks: Desks) -> None:
    result = desks.run("officer", "new", "zoe")
    assert result.exit_code == 1
    assert "--key-file" in result.stderr


def test_show_needs_no_passphrase(desks: Desks) -> None:
    place = desks.sit("bela")
    shown = desks.run("officer", "show", "--profile", place, "--json")
    document = json.loads(shown.stdout)
    assert document["key_id"] == desks.server.secrets["bela"].public.key_id
    assert document["algorithm"] == "p256"
    by_file = desks.run("officer", "show", "--key-file", place / "bela.key")
    assert document["key_id"] in by_file.stdout


def test_list_shows_the_roster_in_force(desks: Desks) -> None:
    document = desks.json("ada", "officer", "list")
    assert [each["id"] for each in document["officers"]] == list(desks.server.secrets)
    assert document["thresholds"]["policy"] == 2
    assert "SIMULATED" in desks.as_("ada", "officer", "list").stderr
