"""Proposals carried to an officer without network, as QR pictures, and back."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyturn.base.encoding import b64
from keyturn.client.transport import Transport
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import InForce
from keyturn.quorum.statements import parse_statement
from support.authority import policy_body
from unit.cli.officer_desk import PASSPHRASE, Desks, make_desks
from unit.client.scripted_server import URL


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


def proposed(desks: Desks, tmp_path: Path) -> str:
    body = tmp_path / "policy.json"
    body.write_text(json.dumps(policy_body()))
    document = desks.json(
        *("ada", "proposal", "new", "--kind", "policy", "--subject", "serving"),
        *("--body", body, "--reason", "first policy"),
    )
    return str(document["digest"])


def test_pictures_go_to_an_officer_without_network_and_come_back(
    desks: Desks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, there, back = proposed(desks, tmp_path), tmp_path / "there", tmp_path / "back"
    written = desks.json("ada", "proposal", "export", digest, "--qr", there)
    assert [Path(each).parent for each in written["pictures"]] == [there] * len(
        list(there.iterdir())
    )
    desks.sit("bela")
    with monkeypatch.context() as patched:
        patched.setattr(Transport, "pinned", lambda *_: pytest.fail("the network was used"))
        signed = desks.json("bela", "proposal", "approve", "--qr", there, "--qr-out", back, "--yes")
    assert (signed["approved_by"], signed["digest"]) == (["bela"], digest)
    names = [option for each in sorted(back.iterdir()) for option in ("--qr", each)]
    done = desks.json("ada", "proposal", "import", *names)
    assert (done["in_force"], done["approved_by"]) == (False, ["bela"])


def test_missing_pictures_are_named_and_nothing_is_signed(desks: Desks, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    desks.json("ada", "proposal", "export", proposed(desks, tmp_path), "--qr", there)
    sorted(there.iterdir())[1].unlink()
    result = desks.as_(
        *("bela", "proposal", "approve", "--qr", there, "--qr-out", back, "--yes", "--json")
    )
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert (error["kind"], error["expected"]) == ("PartsMissing", "also 2")
    assert not back.exists()


def station(desks: Desks, tmp_path: Path, *arguments: object, name: str = "dora") -> Any:
    """`keyturn connect --offline --authority` with a key file of that officer's."""
    place = tmp_path / f"station-{name}"
    key = tmp_path / f"{name}.key"
    if not key.exists():
        cheap = KdfCost(iterations=1, lanes=1, memory_kib=8)
        write_key_file(key, desks.server.secrets[name], bytearray(PASSPHRASE), cost=cheap)
    return desks.run(
        *("connect", "--offline", "--officer", name, "--key-file", key, "--profile", place),
        *arguments,
        "--json",
    )


def test_an_officer_station_is_set_up_and_signs(
    desks: Desks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, there, back = proposed(desks, tmp_path), tmp_path / "there.json", tmp_path / "b.json"
    desks.json("ada", "proposal", "export", digest, "-o", there)
    pinned = ("--fingerprint", desks.server.fingerprint)
    with monkeypatch.context() as patched:
        patched.setattr(Transport, "pinned", lambda *_: pytest.fail("the network was used"))
        done = station(desks, tmp_path, "--authority", there, *pinned)
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert (told["server"], told["roster_version"], told["in_roster"]) == (None, 1, True)
        place = tmp_path / "station-dora"
        options = ("--profile", place, "--yes", "--json")
        signed = desks.run(
            "proposal", "approve", there, "-o", back, *options, passphrase=PASSPHRASE
        )
        assert signed.exit_code == 0, signed.output
        asked = desks.run("proposal", "list", "--profile", place, "--json", passphrase=PASSPHRASE)
        assert json.loads(asked.stdout)["error"]["kind"] == "NoServer"
    done = desks.json("ada", "proposal", "import", back)
    assert done["approved_by"] == ["dora"]


def test_a_carried_roster_that_was_never_logged_shuts_nobody_out(
    desks: Desks, tmp_path: Path
) -> None:
    """A quorum approved it, and a logged rejection kept it out, of which no bundle tells. Whoever
    carries it must not have an officer's profile take the server's own roster for an older one."""
    digest, there = proposed(desks, tmp_path), tmp_path / "there.json"
    desks.json("ada", "proposal", "export", digest, "-o", there)
    desks.json("bela", "proposal", "list")
    server = desks.server
    made = server.authority.approved(Kind.ROSTER, "roster", server.authority.roster_body())
    approvals = tuple(map(parse_approval, made.approvals))
    size, now = server.state.size, server.clock()
    never = InForce(parse_statement(made.raw), approvals, frozenset(), size, now)
    document = json.loads(there.read_text())
    document["bundle"] = b64(make_bundle(server.state.enter(never)))
    there.write_text(json.dumps(document))

    options = ("-o", tmp_path / "back.json", "--yes")
    desks.json("bela", "proposal", "approve", there, *options)
    desks.json("bela", "proposal", "list")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("--fingerprint", "sha256:" + "00" * 32), "ServerLied"),
        (("--fingerprint", "words"), "MalformedError"),
    ],
)
def test_a_station_of_another_authority_is_not_set_up(
    desks: Desks, tmp_path: Path, arguments: tuple[str, ...], kind: str
) -> None:
    there = tmp_path / "there.json"
    desks.json("ada", "proposal", "export", proposed(desks, tmp_path), "-o", there)
    done = station(desks, tmp_path, "--authority", there, *arguments)
    assert done.exit_code != 0
    assert json.loads(done.stdout)["error"]["kind"] == kind
    assert not (tmp_path / "station-dora" / "profile.toml").exists()


@pytest.mark.parametrize("given", [(), ("--server", URL), ("--authority", "x", "--server", URL)])
def test_half_a_server_is_refused(desks: Desks, tmp_path: Path, given: tuple[str, ...]) -> None:
    done = station(desks, tmp_path, "--fingerprint", desks.server.fingerprint, *given)
    assert done.exit_code == 2
