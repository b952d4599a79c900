"""`keyturn officer enrol` and `enrolment`: a request that its own key signs."""

import json
from pathlib import Path

import pytest

from keyturn.base.signatures import Algorithm
from keyturn.officerkeys.keyfile import read_key_file
from keyturn.quorum.enrolment import parse_enrolment
from support.card import PIN as CARD_PIN
from support.card import card_reader
from unit.cli.officer_desk import PASSPHRASE, Desks, make_desks
from unit.client.scripted_server import PIN as TLS_PIN
from unit.client.scripted_server import URL

PIN = "sha256:" + "ab" * 32


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


@pytest.fixture
def key(desks: Desks, tmp_path: Path) -> Path:
    path = tmp_path / "zoe.key"
    desks.run("officer", "new", "zoe", "--key-file", path, passphrase=PASSPHRASE)
    return path


def asked(desks: Desks, key: Path, out: Path, *more: str, passphrase: bytes = PASSPHRASE):  # type: ignore[no-untyped-def]
    return desks.run(
        *("officer", "enrol", "zoe", "--fingerprint", PIN, "--key-file", key, "-o", out, *more),
        passphrase=passphrase,
    )


def test_the_file_proves_the_key(desks: Desks, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "zoe.enrol"
    done = asked(desks, key, out, "--role", "auditor", "--name", "Zoë", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    found = parse_enrolment(out.read_bytes())
    public = read_key_file(key).public

    assert [each.spki for each in found.officer.keys] == [public.spki]
    assert found.officer.hpke == public.hpke
    assert (said["digest"], said["authority"], said["roles"]) == (found.digest, PIN, ["auditor"])
    read = json.loads(desks.run("officer", "enrolment", out, "--json").stdout)
    assert read == {name: value for name, value in said.items() if name != "file"}
    assert "Zoë" in desks.run("officer", "enrolment", out).stdout


def test_nothing_is_written_without_the_key(desks: Desks, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "zoe.enrol"
    assert asked(desks, key, out, passphrase=b"a wrong passphrase").exit_code == 1
    assert not out.exists()
    out.write_bytes(b"precious")
    assert asked(desks, key, out).exit_code == 1
    assert out.read_bytes() == b"precious"


def test_a_changed_request_is_refused(desks: Desks, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "zoe.enrol"
    asked(desks, key, out)
    document = json.loads(out.read_bytes())
    document["signatures"] = []
    out.write_text(json.dumps(document))
    done = desks.run("officer", "enrolment", out)
    assert done.exit_code == 1
    assert "not signed by each key" in done.stderr


def test_another_officers_key_file_is_refused(desks: Desks, key: Path, tmp_path: Path) -> None:
    done = desks.run(
        *("officer", "enrol", "eve", "--fingerprint", PIN, "--key-file", key),
        *("-o", tmp_path / "eve.enrol"),
        passphrase=PASSPHRASE,
    )
    assert done.exit_code == 1
    assert "another officer's" in done.stderr


def sent(desks: Desks, key: Path, *more: object) -> dict[str, object]:
    done = desks.run(
        *("officer", "enrol", "zoe", "--fingerprint", desks.server.fingerprint),
        *("--key-file", key, "--send", "--server", URL, "--pin", TLS_PIN, "--json", *more),
        passphrase=PASSPHRASE,
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_sent_listed_proposed_and_named_in_the_ticket(desks: Desks, key: Path) -> None:
    made = sent(desks, key, "--role", "approver")
    assert "kept_until" in made
    assert "file" not in made
    (listed,) = desks.json("ada", "officer", "requests")["requests"]
    assert (listed["digest"], listed["officer"], listed["refused"]) == (made["digest"], "zoe", "")
    shown = desks.as_("ada", "officer", "requests").stdout
    assert str(made["digest"])[7:23] in shown
    assert "can be proposed" in shown

    proposed = desks.json(
        *("ada", "proposal", "new", "roster", "--request", str(made["digest"])[7:19]),
        *("--reason", "Zoë joins"),
    )
    assert proposed["ticket"] == f"enrolment {made['digest']}"
    entry = proposed["body"]["officers"][-1]
    assert entry["id"] == "zoe"
    assert entry["hpke"] is not None
    for name in ("bela", "chen", "dora"):
        desks.json(name, "proposal", "approve", proposed["digest"], "--yes")
    (done,) = desks.json("ada", "officer", "requests")["requests"]
    assert "in the roster already" in done["refused"]


def test_a_request_is_dismissed(desks: Desks, key: Path) -> None:
    sent(desks, key)
    assert desks.json("ada", "officer", "requests", "--dismiss", "zoe")["requests"] == []
    assert "No request waits." in desks.as_("ada", "officer", "requests").stdout
    assert desks.as_("ada", "officer", "requests", "--dismiss", "zoe").exit_code == 1


def test_two_under_one_id_are_called_out(desks: Desks, key: Path, tmp_path: Path) -> None:
    sent(desks, key)
    other = tmp_path / "other.key"
    desks.run("officer", "new", "zoe", "--key-file", other, passphrase=PASSPHRASE)
    sent(desks, other)
    assert "ANOTHER ASKS UNDER THIS ID" in desks.as_("ada", "officer", "requests").stdout
    refused = desks.as_("ada", "proposal", "new", "roster", "--request", "zoe", "--reason", "x")
    assert refused.exit_code == 1
    assert "more than one" in refused.stderr


def test_it_goes_somewhere(desks: Desks, key: Path) -> None:
    fingerprint = ("--fingerprint", desks.server.fingerprint)
    for more in ((), ("--send", "--server", URL)):
        done = desks.run(
            *("officer", "enrol", "zoe", *fingerprint, "--key-file", key, *more),
            passphrase=PASSPHRASE,
        )
        assert done.exit_code == 2, done.output
    assert desks.server.enrolments == {}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_with_a_card_whose_key_signs_the_request(
    desks: Desks, key: Path, tmp_path: Path, algorithm: Algorithm
) -> None:
    """The card's key is the officer's; the file gives the encryption key, and signs nothing."""
    out = tmp_path / "zoe.json"
    with card_reader(tmp_path / "cards") as reader:
        made = reader.make(algorithm, "zoe's")
        words = (
            *("officer", "enrol", "zoe", "--card", reader.place("zoe's"), "--key-file", key),
            *("--fingerprint", desks.server.fingerprint, "-o", out),
            *("--send", "--server", URL, "--pin", TLS_PIN),
        )
        wrong = desks.run(*words, passphrase=b"1234-wrong")
        assert wrong.exit_code == 1
        assert not out.exists()
        assert desks.server.enrolments == {}
        done = desks.run(*words, passphrase=CARD_PIN)
        assert done.exit_code == 0, done.output
    found = parse_enrolment(out.read_bytes())
    assert [(each.spki, each.algorithm) for each in found.officer.keys] == [(made.spki, algorithm)]
    public = read_key_file(key).public
    assert found.officer.hpke == public.hpke
    assert made.spki != public.spki
    (listed,) = desks.json("ada", "officer", "requests")["requests"]
    assert (listed["digest"], listed["refused"]) == (found.digest, "")
    proposed = desks.json(
        *("ada", "proposal", "new", "roster", "--request", "zoe", "--reason", "Zoë joins")
    )
    assert proposed["body"]["officers"][-1]["keys"][0]["algorithm"] == algorithm.value
