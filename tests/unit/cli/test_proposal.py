"""`keyturn proposal` as officers run it, against a server that serves truly or lies."""

import json
from pathlib import Path

import httpx
import pytest

from keyturn.base.encoding import b64
from keyturn.client.transport import Transport
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from unit.cli.officer_desk import PASSPHRASE, Desks, make_desks
from unit.quorum.every_kind import bodies


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy_body()))
    return path


def proposed(desks: Desks, body: Path) -> str:
    document = desks.json(
        *("ada", "proposal", "new", "--kind", "policy", "--subject", "serving"),
        *("--body", body, "--reason", "first policy", "--ticket", "T-1"),
    )
    return str(document["digest"])


def test_proposed_one_short_and_then_in_force(desks: Desks, body: Path) -> None:
    digest = proposed(desks, body)
    short = desks.json("bela", "proposal", "approve", digest, "--yes", "--comment", "read")
    assert (short["status"], short["in_force"], short["missing"]) == ("open", False, 1)
    done = desks.json("chen", "proposal", "approve", digest[7:17], "--yes")
    assert (done["status"], done["in_force"], done["index"]) == ("in-force", True, 3)
    assert done["approved_by"] == ["bela", "chen"]
    assert done["simulated"] is True
    assert done["body"] == policy_body()


def test_a_second_version_names_what_it_replaces_and_shows_what_changes(
    desks: Desks, body: Path
) -> None:
    first = proposed(desks, body)
    for name in ("bela", "chen"):
        desks.json(name, "proposal", "approve", first, "--yes")
    body.write_text(json.dumps(policy_body(lease_seconds=30)))
    second = desks.json("bela", "proposal", "show", proposed(desks, body))
    assert (second["version"], second["replaces"]) == (2, first)
    assert second["against"] == {
        "replaces": first,
        "changes": [{"place": "lease_seconds", "before": "60", "after": "30"}],
    }


def test_people_see_simulated_not_in_force_and_what_is_missing(desks: Desks, body: Path) -> None:
    shown = desks.as_("bela", "proposal", "show", proposed(desks, body))
    assert shown.exit_code == 0
    for text in ("open (NOT IN FORCE)", "nobody (0 of 2)", "2 approvals", "first policy", "T-1"):
        assert text in shown.stdout
    assert "SIMULATED" in shown.stderr
    listed = desks.as_("bela", "proposal", "list")
    assert "0 of 2" in listed.stdout
    assert listed.stdout.count("in-force") == 2


def test_rejecting_and_withdrawing(desks: Desks, body: Path) -> None:
    digest = proposed(desks, body)
    rejected = desks.json("bela", "proposal", "reject", digest, "--yes", "--comment", "no")
    assert rejected["rejected_by"] == ["bela"]
    gone = desks.json("ada", "proposal", "withdraw", digest, "--reason", "typo")
    assert gone["status"] == "withdrawn"


def test_revoking_takes_one_officer_and_one_target(desks: Desks) -> None:
    revoked = desks.json("ada", "proposal", "revoke", "--node", "n1", "--reason", "stolen")
    assert (revoked["kind"], revoked["subject"], revoked["needed"]) == ("revocation", "node:n1", 1)
    assert revoked["expires"] is None
    done = desks.json("ada", "proposal", "approve", revoked["digest"], "--yes")
    assert done["in_force"] is True
    both = desks.as_("ada", "proposal", "revoke", "--node", "n", "--policy", "p", "--reason", "x")
    assert both.exit_code == 2


class NoNetwork(Exception):
    pass


@pytest.fixture
def exported(desks: Desks, body: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A proposal in a file, after which every use of the network fails the test."""
    digest = proposed(desks, body)
    path = tmp_path / "proposal.json"
    desks.json("ada", "proposal", "export", digest, "-o", path)
    for name in ("bela", "chen"):
        desks.sit(name)

    def refuse(*_: object) -> Transport:
        raise NoNetwork

    monkeypatch.setattr(Transport, "pinned", refuse)
    monkeypatch.setattr(httpx, "Client", refuse)
    return path


def test_offline_approval_needs_no_network(exported: Path, desks: Desks) -> None:
    control = desks.as_("bela", "proposal", "list")
    assert isinstance(control.exception, NoNetwork)  # the trap works
    signed = exported.with_name("signed.json")
    first = desks.as_("bela", "proposal", "approve", exported, "-o", signed, "--yes", "--json")
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["approved_by"] == ["bela"]
    second = desks.as_("chen", "proposal", "approve", "--file", signed, "--yes")
    assert second.exit_code == 0, second.output
    assert "NOT IN FORCE" in second.stdout
    both = json.loads(exported.with_name("signed.chen.json").read_text())
    assert len(both["approvals"]) == 2


def test_imported_approvals_bring_it_into_force(
    exported: Path, desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = exported.with_name("signed.json")
    desks.as_("bela", "proposal", "approve", exported, "-o", signed, "--yes")
    desks.as_("chen", "proposal", "approve", signed, "--yes")
    monkeypatch.undo()
    monkeypatch.setattr(Transport, "pinned", lambda *_: desks.server.transport())
    done = desks.json("ada", "proposal", "import", exported.with_name("signed.chen.json"))
    assert (done["in_force"], done["approved_by"]) == (True, ["bela", "chen"])


def test_a_changed_file_is_refused_and_nothing_is_written(exported: Path, desks: Desks) -> None:
    document = json.loads(exported.read_text())
    other = desks.server.authority.approval(desks.server.fingerprint, "bela")
    exported.write_text(json.dumps({**document, "approvals": [b64(other)]}))
    result = desks.as_("chen", "proposal", "approve", exported, "--yes", "--json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "ServerLied"
    assert "another statement" in error["message"]
    assert not exported.with_name("proposal.chen.json").exists()


def test_an_officer_outside_the_roster_signs_nothing_offline(
    exported: Path, desks: Desks, tmp_path: Path
) -> None:
    key = tmp_path / "mallory.key"
    made = desks.run("officer", "new", "mallory", "--key-file", key, passphrase=PASSPHRASE)
    assert made.exit_code == 0, made.output
    desks.run(
        *("connect", "--server", "https://control.test", "--pin", "ab" * 32, "--offline"),
        *("--officer", "mallory", "--fingerprint", desks.server.fingerprint),
        *("--key-file", key, "--profile", tmp_path / "m"),
    )
    result = desks.run(
        *("proposal", "approve", exported, "--yes", "--profile", tmp_path / "m"),
        passphrase=PASSPHRASE,
    )
    assert result.exit_code == 1
    assert "your approval would not count" in result.stderr
    assert not exported.with_name("proposal.mallory.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("proposal", "approve"),
        ("proposal", "approve", "abcd", "--file", "x"),
        ("proposal", "approve", "--file", "x", "--qr", "y"),
        ("proposal", "approve", "--qr", "y", "--yes"),  # where does it go?
        ("proposal", "import"),
        ("proposal", "import", "x", "--qr", "y"),
        ("proposal", "export", "abcd"),
        ("proposal", "approve", "abcd1234"),  # no terminal, no --yes
        ("proposal", "new", "--kind", "officer"),
        ("proposal", "nonsense"),
    ],
)
def test_wrong_usage_is_2(desks: Desks, arguments: tuple[str, ...]) -> None:
    if arguments[-1] == "abcd1234":
        made = desks.server.authority.propose(Kind.POLICY, "serving", policy_body())
        arguments = ("proposal", "approve", desks.server.post(made))
    assert desks.as_("bela", *arguments).exit_code == 2
    assert not any(held.approvals and held.status == "open" for held in desks.server.held.values())


def test_a_malformed_body_is_refused_before_it_is_posted(desks: Desks, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(policy_body(lease_seconds=1)))
    result = desks.as_(
        *("ada", "proposal", "new", "--kind", "policy", "--subject", "serving"),
        *("--body", path, "--reason", "r", "--json"),
    )
    assert result.exit_code == 1
    assert "lease_seconds" in json.loads(result.stdout)["error"]["message"]
    assert ("POST", "/v1/proposals") not in desks.server.asked


def test_a_wrong_passphrase_is_1_and_says_so(desks: Desks) -> None:
    place = desks.sit("bela")
    result = desks.run(
        "proposal", "list", "--profile", place, "--json", passphrase=b"wrong passphrase"
    )
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["kind"] == "KeyNotOpened"


def test_a_contradiction_is_saved_as_proof(desks: Desks, body: Path) -> None:
    old = desks.server.checkpoint(2)
    desks.json("bela", "proposal", "list")
    desks.server.lie("/v1/log/checkpoint", lambda true: {"note": old.to_bytes().decode()})
    result = desks.as_("bela", "proposal", "list")
    assert result.exit_code == 1
    assert "older log" in result.stderr
    (saved,) = (desks.sit("bela") / "state").glob("contradiction-*.json")
    document = json.loads(saved.read_text())
    assert document["shown"] == b64(old.to_bytes())
    assert str(saved) in result.stderr


def test_no_secret_in_arguments_output_or_files(desks: Desks, body: Path) -> None:
    digest = proposed(desks, body)
    desks.as_("bela", "proposal", "approve", digest, "--yes")
    private = bytes(desks.server.secrets["bela"].private_copy())
    needles = [PASSPHRASE, private[:32], private[32:]]
    needles += [each.hex().encode() for each in needles] + [b64(private[:30]).encode()]
    heard = "\n".join([*desks.output, *(" ".join(words) for words in desks.argv)]).encode()
    files = b"\n".join(path.read_bytes() for path in desks.sit("bela").rglob("*") if path.is_file())
    for needle in needles:
        assert needle not in heard
        assert needle not in files
    # Positive control: the search finds what is there.
    assert digest.encode() in heard
    assert desks.server.fingerprint.encode() in files


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_every_kind_is_proposed_and_shown(desks: Desks, tmp_path: Path, kind: Kind) -> None:
    subject, document = bodies()[kind]
    if kind is Kind.ROSTER:
        document = desks.server.authority.roster_body()
    path = tmp_path / "body.json"
    path.write_text(json.dumps(document))
    made = desks.json(
        *("ada", "proposal", "new", kind.value, "--subject", subject),
        *("--body", path, "--reason", "of every kind"),
    )
    assert (made["kind"], made["subject"], made["body"]) == (kind.value, subject, document)
    shown = desks.as_("bela", "proposal", "show", made["digest"])
    assert shown.exit_code == 0, shown.output
    assert kind.value in shown.stdout


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_a_body_to_fill_in(desks: Desks, kind: Kind) -> None:
    shown = desks.as_("ada", "proposal", "example", kind.value)
    assert shown.exit_code == 0, shown.output
    fields = set(bodies()[kind][1]) - {"separation", "compromised"}
    assert set(json.loads(shown.stdout)) == fields


def test_what_is_in_force_is_printed_to_be_changed(desks: Desks, body: Path) -> None:
    desks.server.enact(Kind.POLICY, "serving", policy_body())
    shown = desks.as_("ada", "proposal", "example", "policy", "--subject", "serving")
    assert json.loads(shown.stdout) == policy_body()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.CEREMONY, ("may be held", "administrator", "ada", "bela, chen", "emil", "nobody")),
        (Kind.RESTORE, ("may be done", "bela, chen")),
    ],
)
def test_who_may_do_it_and_when_is_shown(
    desks: Desks, tmp_path: Path, kind: Kind, words: tuple[str, ...]
) -> None:
    subject, document = bodies()[kind]
    path = tmp_path / "body.json"
    path.write_text(json.dumps(document))
    made = desks.json(
        *("ada", "proposal", "new", kind.value, "--subject", subject),
        *("--body", path, "--reason", "x"),
    )
    shown = desks.as_("bela", "proposal", "show", made["digest"]).stdout
    for each in words:
        assert each in shown
