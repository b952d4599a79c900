"""What the log holds besides grants and statements, by two real processes: the keyholder and the
control plane (DESIGN §5.8; our protocol §2.10, §6.2).
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from typer.testing import CliRunner

from keyturn.base.encoding import b64, digest_of
from keyturn.cli.main import build
from keyturn.keyholder.config import load_config, told
from keyturn.keyholder.service import SOFTWARE
from keyturn.keyrelease.audit import Audited, audit_log
from keyturn.quorum.approvals import Decision
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    SignInFailure,
    read_configuration,
    read_report,
    settings_document,
)
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import AskEntries, AskHello, AskObject
from keyturn.wire.signin import SIGN_IN_TYPE, sign_in_payload
from keyturn.wire.tls import Pin, pinned_client
from support.authority import Key, Proposal, policy_body, sign
from support.founded import (
    Founded,
    KeyholderProcess,
    RealClock,
    command,
    environment,
    export_of,
    keyholder,
    make_founded,
    wait_for,
)

THIEF = ed25519.Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return make_founded(tmp_path_factory.mktemp("founded") / "authority")


@contextmanager
def control(founded: Founded, directory: Path) -> Iterator[tuple[httpx.Client, Pin]]:
    """The control plane as a process; a client without a session."""
    directory.mkdir(exist_ok=True)
    config = directory / "control.toml"
    config.write_text(
        f'data = "data"\nkeyholder = "{founded.socket}"\n'
        f'fingerprint = "{founded.fingerprint}"\nport = 0\npoll_seconds = 0.05\n',
        encoding="utf-8",
    )
    errors = (directory / "control.log").open("ab")
    with (
        errors,
        subprocess.Popen(
            command("control", "--config", str(config)),
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(),
        ) as process,
    ):
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            with pinned_client(ready["url"], Pin(ready["pin"]), timeout=30) as client:
                wait_for(lambda: client.get("/healthz").json()["status"] == "ok")
                yield client, Pin(ready["pin"])
        finally:
            process.terminate()
            process.wait(30)


def attempt(client: httpx.Client, pin: Pin, officer: str, key: Key) -> httpx.Response:
    nonce = client.post("/v1/session/challenges", json={}).json()["nonce"]
    payload = sign_in_payload(officer=officer, nonce=nonce, server=pin, time=RealClock()())
    envelope = sign(SIGN_IN_TYPE, payload, key)
    return client.post("/v1/sessions", json={"envelope": b64(envelope)})


def leaves(process: KeyholderProcess, kind: EntryKind) -> list[bytes]:
    size = process.ask(AskHello()).size
    found = process.ask(AskEntries(0, size)).leaves
    return [leaf for leaf in found if parse_entry(leaf).kind is kind]


def reports(process: KeyholderProcess) -> list[ReportEntry]:
    return [read_report(parse_entry(each)) for each in leaves(process, EntryKind.REPORT)]


def settings(process: KeyholderProcess, program: Program) -> list[ConfigurationEntry]:
    raw = leaves(process, EntryKind.CONFIGURATION)
    found = [read_configuration(parse_entry(each)) for each in raw]
    return [each for each in found if each.program is program]


def audited(process: KeyholderProcess) -> Audited:
    size = process.ask(AskHello()).size
    found = process.ask(AskEntries(0, size)).leaves
    fingerprint = process.founded.fingerprint
    return audit_log(found, fingerprint, lambda digest: process.ask(AskObject(digest)))


# ---- sign-ins that fail ----


def test_a_wrong_key_is_in_the_log_and_a_flood_of_them_fills_nothing(
    founded: Founded, tmp_path: Path
) -> None:
    with keyholder(founded) as process, control(founded, tmp_path) as (client, pin):
        before = len(reports(process))
        assert attempt(client, pin, "ada", THIEF).status_code == 401
        wait_for(lambda: len(reports(process)) == before + 1)
        (first,) = reports(process)[before:]
        assert (first.officer, first.reason, first.count) == (
            "ada",
            SignInFailure.BAD_SIGNATURE,
            1,
        )
        for place in range(40):
            assert attempt(client, pin, f"mallory-{place}", THIEF).status_code == 401
            assert attempt(client, pin, "ada", THIEF).status_code == 401
        wait_for(lambda: len(reports(process)) == before + 2)
        good = founded.authority().people["ada"].keys[0]
        assert attempt(client, pin, "ada", good).status_code == 200
        stranger = reports(process)[before + 1]
        assert (stranger.officer, stranger.reason) == (None, SignInFailure.UNKNOWN_OFFICER)
        assert len(reports(process)) == before + 2
        assert not any(b"mallory" in leaf for leaf in leaves(process, EntryKind.REPORT))
        assert audited(process).counts["report"] == before + 2


# ---- a rejection that is in the log ----


def sign_in(founded: Founded, client: httpx.Client, pin: Pin, name: str) -> None:
    answer = attempt(client, pin, name, founded.authority().people[name].keys[0])
    assert answer.status_code == 200, answer.text
    client.headers["authorization"] = f"Bearer {answer.json()['token']}"


def give(client: httpx.Client, made: Proposal, envelope: bytes) -> dict[str, Any]:
    path = f"/v1/proposals/{made.digest}/approvals"
    answer = client.post(path, json={"envelope": b64(envelope)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_logged_rejection_cannot_be_left_out(founded: Founded, tmp_path: Path) -> None:
    """Chen approves and then rejects; a control plane of the attacker's hands in the approvals."""
    authority = founded.authority()
    made = authority.propose(Kind.POLICY, "serving", policy_body())
    bela, chen = (authority.approval(made.digest, name) for name in ("bela", "chen"))
    no = authority.approval(made.digest, "chen", decision=Decision.REJECT)
    with keyholder(founded) as process:
        with control(founded, tmp_path) as (client, pin):
            sign_in(founded, client, pin, "chen")
            body = {"statement": b64(made.raw), "key": None, "manifest": None}
            assert client.post("/v1/proposals", json=body).status_code == 200
            give(client, made, chen)
            assert give(client, made, no)["rejected_by"] == ["chen"]
            assert len(leaves(process, EntryKind.DECISION)) == 2

        buried = Proposal(made.raw, made.digest, [bela, chen])
        with pytest.raises(PeerRefused, match="too few approvals") as refused:
            process.submit(buried)
        assert "rejections in the log: chen" in refused.value.found

        dora = authority.approval(made.digest, "dora")
        entered = process.submit(Proposal(made.raw, made.digest, [bela, chen, dora]))
        assert entered.in_force
        found = audited(process)
        assert found.state.by_digest[made.digest].approved_by == {"bela", "dora"}
        assert found.counts["decision"] == 2

    with keyholder(founded) as process:  # replayed
        assert audited(process).counts["decision"] == 2


def test_who_is_not_heard_hands_the_rejection_in_at_the_keyholders_machine(
    founded: Founded, tmp_path: Path
) -> None:
    """The control plane takes the rejection, and records nothing."""
    authority = founded.authority()
    made = authority.propose(Kind.POLICY, "unheard", policy_body())
    made.approvals = [authority.approval(made.digest, "chen", decision=Decision.REJECT)]
    path = tmp_path / "proposal.json"
    path.write_bytes(export_of(made, b"{}"))
    with keyholder(founded) as process:
        arguments = ["keyholder", "record", str(path), "--config", str(founded.config)]
        done = CliRunner().invoke(build("keyholder"), [*arguments, "--json"])
        assert done.exit_code == 0, done.output
        (decision,) = json.loads(done.output)["decisions"]
        assert (decision["officer"], decision["decision"]) == ("chen", "reject")
        again = CliRunner().invoke(build("keyholder"), arguments)
        assert again.output == f"chen: reject, logged at {decision['index']}\n"
        both = [authority.approval(made.digest, name) for name in ("bela", "chen")]
        with pytest.raises(PeerRefused, match="too few approvals"):
            process.submit(Proposal(made.raw, made.digest, both))


@pytest.mark.parametrize("first", ["of another statement", "unreadable"])
def test_a_bad_decision_in_the_file_keeps_no_other_one_out(
    founded: Founded, tmp_path: Path, first: str
) -> None:
    """Whoever carries the file puts it before the rejection."""
    authority = founded.authority()
    made = authority.propose(Kind.POLICY, "buried", policy_body())
    other = authority.propose(Kind.POLICY, "other", policy_body())
    bad = b"{}" if first == "unreadable" else authority.approval(other.digest, "bela")
    made.approvals = [bad, authority.approval(made.digest, "chen", decision=Decision.REJECT)]
    path = tmp_path / "proposal.json"
    path.write_bytes(export_of(made, b"{}"))
    with keyholder(founded) as process:
        arguments = ["keyholder", "record", str(path), "--config", str(founded.config)]
        done = CliRunner().invoke(build("keyholder"), [*arguments, "--json"])
        assert done.exit_code == 1
        refused, taken = json.loads(done.stdout)["decisions"]
        assert refused["index"] is None
        assert refused["refused"]["message"]
        assert (taken["officer"], taken["decision"], taken["refused"]) == ("chen", "reject", None)
        again = CliRunner().invoke(build("keyholder"), arguments)
        assert f"chen: reject, logged at {taken['index']}\n" in again.stdout
        assert "not logged" in again.stdout
        both = [authority.approval(made.digest, name) for name in ("bela", "chen")]
        with pytest.raises(PeerRefused, match="too few approvals"):
            process.submit(Proposal(made.raw, made.digest, both))


# ---- settings ----


def test_changed_settings_are_an_entry_and_a_restart_without_is_none(founded: Founded) -> None:
    with keyholder(founded) as process:
        before = settings(process, Program.KEYHOLDER)
    assert before
    with keyholder(founded) as process:
        assert settings(process, Program.KEYHOLDER) == before

    text = founded.config.read_text()
    assert "workers = 1\n" in text
    founded.config.write_text(text.replace("workers = 1\n", "workers = 2\n"))
    try:
        with keyholder(founded) as process:
            changed = settings(process, Program.KEYHOLDER)
            assert len(changed) == len(before) + 1
            assert changed[-1].changed == ("workers",)
            values = told(load_config(founded.config, {}))
            document = settings_document(Program.KEYHOLDER, SOFTWARE, values)
            assert changed[-1].settings == digest_of(document)
            assert audited(process).counts["configuration"] >= len(changed)
    finally:
        founded.config.write_text(text)
    with keyholder(founded) as process:
        back = settings(process, Program.KEYHOLDER)
        assert (len(back), back[-1].settings) == (len(changed) + 1, before[-1].settings)


def test_the_control_plane_tells_its_settings_once(founded: Founded, tmp_path: Path) -> None:
    with keyholder(founded) as process:
        before = len(settings(process, Program.CONTROL))
        with control(founded, tmp_path):
            wait_for(lambda: len(settings(process, Program.CONTROL)) == before + 1)
        told_of = len(reports(process))
        with control(founded, tmp_path) as (client, pin):
            assert attempt(client, pin, "nobody", THIEF).status_code == 401
            wait_for(lambda: len(reports(process)) > told_of)  # settings are told before
            assert len(settings(process, Program.CONTROL)) == before + 1
        told_last = settings(process, Program.CONTROL)[-1]
    path = tmp_path / "data" / "settings-told.json"
    assert told_last.settings == digest_of(path.read_bytes())
    assert json.loads(path.read_text())["values"]["poll_seconds"] == "0.05"
    assert path.stat().st_mode & 0o777 == 0o600
