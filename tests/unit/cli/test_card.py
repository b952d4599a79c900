"""Cards on the command line: listed, enrolled, connected to, and signing; PINs by descriptor."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.encoding import unb64
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.base.strictjson import parse_object
from keyturn.cli.card import ask_pin, parse_card
from keyturn.client.card import CardInfo, PinState, find_card_key
from keyturn.officerkeys.errors import PassphraseError
from keyturn.officerkeys.keyfile import open_key_file, read_key_file
from keyturn.quorum.roster import parse_officer
from support.authority import policy_body
from support.card import PIN, TOKEN, Reader, card_reader
from support.cardkeys import put_on_card
from unit.cli.officer_desk import PASSPHRASE, Desks, make_desks
from unit.client.scripted_server import PIN as TLS_PIN
from unit.client.scripted_server import URL


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with card_reader(tmp_path / "cards") as found:
        yield found


def enrol(desks: Desks, key: Path, place: str, *more: object, pin: bytes = PIN) -> Result:
    descriptor, writer = os.pipe()
    os.write(writer, pin)
    os.close(writer)
    words = ("officer", "new", "zoe", "--card", place, "--key-file", key, "--json")
    return desks.run(*words, *more, "--pin-fd", descriptor, passphrase=PASSPHRASE)


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("algorithm", Algorithm)
def test_new_on_a_card_prints_an_entry_with_the_cards_key(
    desks: Desks, reader: Reader, tmp_path: Path, algorithm: Algorithm
) -> None:
    key = tmp_path / "zoe.key"
    place = reader.place("zoe's key")
    result = enrol(desks, key, str(place), "--algorithm", algorithm.value)
    raw = json.dumps(document(result)).encode()
    officer = parse_officer(parse_object(raw, limit=1 << 16, what="officer"))
    made = find_card_key(place)
    assert [each.spki for each in officer.keys] == [made.spki]
    assert officer.keys[0].algorithm is algorithm
    with open_key_file(read_key_file(key), bytearray(PASSPHRASE)) as companion:
        assert companion.public.hpke == officer.hpke
        assert companion.public.spki != made.spki, "the file's signing key is in no roster"


def test_a_key_that_is_there_is_used_when_it_is_said(
    desks: Desks, reader: Reader, tmp_path: Path
) -> None:
    made = reader.make(Algorithm.P256, "vendor's")
    place = str(reader.place("vendor's"))
    taken = enrol(desks, tmp_path / "a.key", place)
    assert taken.exit_code == 1
    assert json.loads(taken.stdout)["error"]["kind"] == "KeyExists"
    found = document(enrol(desks, tmp_path / "b.key", place.removeprefix("card:"), "--existing"))
    (key,) = found["keys"]
    assert unb64(key["spki"], what="spki") == made.spki
    assert key["algorithm"] == "p256"
    assert not (tmp_path / "a.key").exists()


def test_a_wrong_pin_makes_no_key_anywhere(desks: Desks, reader: Reader, tmp_path: Path) -> None:
    result = enrol(desks, tmp_path / "z.key", str(reader.place("k")), pin=b"1234-wrong")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["kind"]) == (1, "CardPinRefused")
    assert not (tmp_path / "z.key").exists()
    assert (
        document(desks.run("officer", "list", "--cards", "--module", reader.module, "--json"))[
            "cards"
        ]
        == []
    )
    assert "1234-wrong" not in "".join(desks.output)


def test_list_shows_cards_without_a_pin(desks: Desks, reader: Reader) -> None:
    made = reader.make(Algorithm.ED25519, "mine")
    words = ("officer", "list", "--cards", "--module", reader.module)
    (found,) = document(desks.run(*words, "--json"))["cards"]
    assert found["place"] == str(made.location)
    assert found["key_id"] == load_verify_key(made.spki).key_id
    assert (found["token"], found["label"], found["pin"]) == (TOKEN, "mine", "fine")
    shown = desks.run(*words)
    assert str(made.location) in shown.stdout
    assert TOKEN in shown.stdout


def connect(desks: Desks, officer: str, place: str, *more: object) -> tuple[Path, Result]:
    where = desks.directory / "card-profile"
    words = ("connect", "--server", URL, "--pin", TLS_PIN, "--officer", officer)
    given = ("--fingerprint", desks.server.fingerprint, "--profile", where)
    return where, desks.run(*words, *given, "--card", place, *more)


def test_an_officer_connected_by_card_approves_with_it(
    desks: Desks, reader: Reader, tmp_path: Path
) -> None:
    key = desks.server.authority.people["bela"].keys[0]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    with reader.as_its_tool() as session:
        put_on_card(session, "bela: sign", key)
    place = reader.place("bela: sign")
    where, done = connect(desks, "bela", str(place))
    assert done.exit_code == 0, done.output
    shown = document(desks.run("officer", "show", "--profile", where, "--json"))
    key_id = desks.server.secrets["bela"].public.key_id
    assert (shown["officer"], shown["key_id"], shown["place"]) == ("bela", key_id, str(place))

    body = tmp_path / "policy.json"
    body.write_text(json.dumps(policy_body()))
    words = ("proposal", "new", "--kind", "policy", "--subject", "serving")
    digest = desks.json("ada", *words, "--body", body, "--reason", "x")["digest"]
    approve = ("proposal", "approve", digest, "--yes", "--profile", where, "--json")
    wrong = desks.run(*approve, passphrase=b"4711-wrong")
    assert (wrong.exit_code, json.loads(wrong.stdout)["error"]["kind"]) == (1, "CardPinRefused")
    right = desks.run(*approve, passphrase=PIN)
    assert document(right)["approved_by"] == ["bela"]
    assert "few tries" in right.stderr, "who types next is told of the wrong PIN"
    said = "".join(desks.output)
    assert PIN.decode() not in said
    assert "4711-wrong" not in said


def test_two_places_for_one_key_are_wrong_usage(desks: Desks, reader: Reader) -> None:
    _, both = connect(desks, "ada", str(reader.place("sign")), "--key-file", "x.key")
    assert both.exit_code == 2
    assert desks.run("officer", "new", "zoe", "--existing").exit_code == 2


def test_a_place_is_named_with_or_without_its_word(reader: Reader) -> None:
    place = reader.place("a:b")
    assert parse_card(str(place)) == parse_card(str(place).removeprefix("card:")) == place
    with pytest.raises(MalformedError):
        parse_card("libsofthsm2.so:token:key")


def info(**changed: object) -> CardInfo:
    values: dict[str, object] = {
        "module": Path("/m.so"),
        "token": "Ada\x1b[2J",
        "serial": "1",
        "maker": "m",
        "key": "k",
        "pin": PinState.FINE,
        "pin_pad": False,
    }
    return CardInfo(**{**values, **changed})  # type: ignore[arg-type]


def test_who_is_asked_is_told_how_the_card_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask_pin(info(pin_pad=True), None) == b""
    told = capsys.readouterr().err
    assert "at its reader" in told
    assert "\x1b" not in told
    for state, says in ((PinState.LOW, "few tries"), (PinState.FINAL, "ONE TRY")):
        with pytest.raises(PassphraseError):
            ask_pin(info(pin=state), None)
        assert says in capsys.readouterr().err
