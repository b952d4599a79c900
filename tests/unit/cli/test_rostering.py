"""Roster changes from the command line: removed, removed for compromise, enrolled."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.base.encoding import b64
from keyturn.base.signatures import key_id_of
from keyturn.quorum.kinds import Kind
from support.authority import policy_body, spki
from support.witnesses import Pen
from unit.cli.officer_desk import PASSPHRASE, Desks, make_desks
from unit.quorum.authority_log import platforms

REST = ("chen", "dora", "emil")
ROSTER = ("proposal", "new", "roster", "--reason", "a change")


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


def approved(desks: Desks, digest: str, *names: str) -> dict[str, Any]:
    done: dict[str, Any] = {}
    for name in names:
        done = desks.json(name, "proposal", "approve", digest, "--yes")
    return done


def test_a_removal_for_compromise_says_beforehand_what_it_suspends(desks: Desks) -> None:
    desks.server.enact(Kind.POLICY, "serving", policy_body())  # approved by Bela and Chen
    policy = desks.server.state.newest[(Kind.POLICY, "serving")].statement.digest
    made = desks.json("ada", *ROSTER, "--remove", "bela", "--compromised", "bela")

    suspends = [(each["kind"], each["subject"]) for each in made["would_suspend"]]
    assert suspends == [("keys", "keys"), ("policy", "serving")]
    assert made["keys_signed_by"] == ["bela"]
    bela = key_id_of(spki(desks.server.authority.people["bela"].keys[0]))
    assert made["body"]["compromised"] == [bela]
    shown = desks.as_("chen", "proposal", "show", made["digest"])
    for text in ("Would be suspended", "policy serving, version 1", "renew it first"):
        assert text in shown.stdout

    renewed = desks.json("ada", "proposal", "renew", "keys", "keys")
    assert approved(desks, renewed["digest"], *REST)["in_force"]
    again = desks.json("ada", "proposal", "show", made["digest"])
    assert [each["subject"] for each in again["would_suspend"]] == ["serving"]
    assert again["keys_signed_by"] == []

    done = approved(desks, made["digest"], *REST)
    assert (done["in_force"], done["would_suspend"]) == (True, [])
    assert desks.json("dora", "proposal", "show", policy)["status"] == "suspended"
    assert "suspended (NOT IN FORCE)" in desks.as_("dora", "proposal", "show", policy).stdout


def test_keys_that_were_forgotten_are_renewed_by_who_knows_the_log(desks: Desks) -> None:
    made = desks.json("ada", *ROSTER, "--remove", "bela", "--compromised", "bela")
    assert approved(desks, made["digest"], *REST)["in_force"]
    renewed = desks.json("ada", "proposal", "renew", "keys", "keys")
    assert approved(desks, renewed["digest"], *REST)["in_force"]


def test_an_ordinary_removal_suspends_nothing(desks: Desks) -> None:
    made = desks.json("ada", *ROSTER, "--remove", "emil")
    assert (made["would_suspend"], made["keys_signed_by"]) == ([], [])
    assert [each["id"] for each in made["body"]["officers"]] == ["ada", "bela", "chen", "dora"]


def enrolled(desks: Desks, path: Path, officer: str = "zoe", **changed: str) -> Path:
    """What somebody who is no officer yet writes on a machine of her own."""
    key = path / f"{officer}.key"
    assert desks.run("officer", "new", officer, "--key-file", key, passphrase=PASSPHRASE)
    out = path / f"{officer}.enrol"
    done = desks.run(
        *("officer", "enrol", officer, "--key-file", key, "-o", out, "--name", "Zoë"),
        *("--fingerprint", changed.get("fingerprint", desks.server.fingerprint)),
        passphrase=PASSPHRASE,
    )
    assert done.exit_code == 0, done.output
    return out


def test_a_new_officer_is_taken_in_as_she_asked(desks: Desks, tmp_path: Path) -> None:
    out = enrolled(desks, tmp_path)
    request = json.loads(desks.run("officer", "enrolment", out, "--json").stdout)
    made = desks.json("ada", *ROSTER, "--enrol", out)
    assert made["ticket"] == f"enrolment {request['digest']}"
    places = [each["place"] for each in made["against"]["changes"]]
    assert places == ["officers"]
    added = made["body"]["officers"][-1]
    assert (added["id"], added["name"]) == ("zoe", "Zoë")
    assert added["roles"] == ["approver", "proposer"]
    assert approved(desks, made["digest"], *REST)["in_force"]

    twice = desks.as_("ada", *ROSTER, "--enrol", out)
    assert twice.exit_code == 1
    assert "of that id is in the roster" in twice.stderr


def test_a_request_to_another_authority_is_refused(desks: Desks, tmp_path: Path) -> None:
    out = enrolled(desks, tmp_path, fingerprint="sha256:" + "22" * 32)
    done = desks.as_("ada", *ROSTER, "--enrol", out)
    assert done.exit_code == 1
    assert "for another authority" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("roster",),
        ("roster", "--kind", "roster", "--remove", "bela"),
        ("--remove", "bela"),
        ("policy", "--remove", "bela"),
        ("roster", "--remove", "bela", "--enrol", "x"),
        ("roster", "--remove", "bela", "--body", "x"),
        ("platforms", "--body", "x"),
    ],
)
def test_options_that_do_not_fit(desks: Desks, arguments: tuple[str, ...]) -> None:
    done = desks.as_("ada", "proposal", "new", *arguments, "--reason", "x")
    assert done.exit_code == 2, done.output


def test_the_kind_may_be_the_first_word(desks: Desks, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps(platforms("amd-genoa-00")))
    made = desks.json(
        *("ada", "proposal", "new", "platforms", "--subject", "eu", "--body", body),
        *("--reason", "x"),
    )
    assert (made["kind"], made["subject"]) == ("platforms", "eu")


def test_an_app_becomes_a_witness(desks: Desks, tmp_path: Path) -> None:
    own = desks.json("ada", "officer", "cosigner")
    file = tmp_path / "cosigner.json"
    file.write_text(json.dumps(own))
    pen = Pen()
    made = desks.json(
        "ada",
        *ROSTER,
        *("--witness", file, "--witness", b64(pen.verify_key.spki)),
        *("--witnesses-needed", 1, "--fresh", 120),
    )
    keys = made["body"]["witnesses"].pop("keys")
    assert [each["spki"] for each in keys] == [own["spki"], b64(pen.verify_key.spki)]
    assert made["body"]["witnesses"] == {"k": 1, "t_seconds": 120}
    assert approved(desks, made["digest"], *REST)["in_force"]

    less = desks.json("ada", *ROSTER, "--drop-witness", pen.verify_key.key_id)
    assert [each["spki"] for each in less["body"]["witnesses"]["keys"]] == [own["spki"]]
    refused = desks.as_("ada", *ROSTER, "--witnesses-needed", 3)
    assert refused.exit_code == 1
    assert "more witnesses are needed" in refused.stderr
    assert desks.as_("ada", *ROSTER, "--fresh", 60, "--remove", "emil").exit_code == 2
    assert desks.as_("ada", *ROSTER, "--witness", tmp_path / "none").exit_code == 1
