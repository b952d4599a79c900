"""What the server reports to the log: bounded, without names that strangers write (§6.2)."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import b64
from keyturn.control.config import ControlConfig, WitnessPlace, told
from keyturn.control.reporting import TOLD_FILE
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.reports import (
    ConfigurationEntry,
    ReportEntry,
    SignInFailure,
    read_configuration,
    read_report,
)
from keyturn.wire.keyholder import Report
from support.control import World, running_server, running_world

THIEF = ed25519.Ed25519PrivateKey.generate()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One that has told nobody its settings."""
    with running_world(tmp_path, settled=False) as made:
        yield made


@pytest.fixture
def reporting(world: World) -> World:
    world.keyholder.reporting = True
    return world


def reports(world: World) -> list[ReportEntry]:
    entries = [parse_entry(each) for each in world.keyholder.leaves]
    return [read_report(each) for each in entries if each.kind is EntryKind.REPORT]


def configurations(world: World) -> list[ConfigurationEntry]:
    entries = [parse_entry(each) for each in world.keyholder.leaves]
    return [read_configuration(each) for each in entries if each.kind is EntryKind.CONFIGURATION]


def fail(world: World, client: httpx.Client, **changed: object) -> None:
    ada = world.authority.people["ada"]
    envelope = world.sign_in_envelope(client, ada, **{"key": THIEF, **changed})
    answer = client.post("/v1/sessions", json={"envelope": b64(envelope)})
    assert answer.status_code == 401, answer.text


def told_of(world: World, many: int) -> list[ReportEntry]:
    world.until(lambda: len(reports(world)) >= many)
    return reports(world)


@pytest.mark.parametrize(
    ("changed", "officer", "reason"),
    [
        ({}, "ada", SignInFailure.BAD_SIGNATURE),
        ({"officer": "mallory"}, None, SignInFailure.UNKNOWN_OFFICER),
        ({"officer": "mallory", "server": "00" * 32}, None, SignInFailure.WRONG_SERVER),
        ({"server": "00" * 32}, "ada", SignInFailure.WRONG_SERVER),
        ({"nonce": "00" * 32, "key": None}, "ada", SignInFailure.BAD_NONCE),
    ],
    ids=["signature", "officer", "stranger's server", "server", "nonce"],
)
def test_a_failed_sign_in_is_told_at_once(
    reporting: World, changed: dict[str, object], officer: str | None, reason: SignInFailure
) -> None:
    if changed.get("key", THIEF) is None:
        changed = {**changed, "key": reporting.authority.people["ada"].keys[0]}
    with reporting.client() as client:
        fail(reporting, client, **changed)
    found = told_of(reporting, 1)
    assert found == [ReportEntry(found[0].officer, reason, 1, reporting.clock())]
    assert found[0].officer == officer


def test_the_wrong_time_and_what_is_no_sign_in(reporting: World) -> None:
    approval = reporting.authority.approval(reporting.keyholder.fingerprint, "ada")
    with reporting.client() as client:
        fail(reporting, client, time=reporting.clock() - timedelta(hours=1))
        assert client.post("/v1/sessions", json={"envelope": b64(approval)}).status_code == 400
        told_of(reporting, 2)  # before the next, which would otherwise be in the same sum
        assert client.post("/v1/sessions", json={"envelope": "*"}).status_code == 400
    reporting.clock.advance(minutes=10)
    found = {(each.reason, each.count) for each in told_of(reporting, 3)}
    assert {reason for reason, _ in found} == {SignInFailure.WRONG_TIME, SignInFailure.MALFORMED}


def test_a_flood_is_a_sum_every_ten_minutes(reporting: World) -> None:
    started = reporting.clock()
    with reporting.client() as client:
        fail(reporting, client)
        told_of(reporting, 1)
        reporting.clock.advance(seconds=30)
        for _ in range(20):
            fail(reporting, client)
        assert len(reports(reporting)) == 1
        reporting.clock.advance(seconds=569)
        fail(reporting, client)
        assert len(reports(reporting)) == 1
        reporting.clock.advance(seconds=1)
        first, then = told_of(reporting, 2)
    assert (first.count, then.count) == (1, 21)
    assert then.since == started + timedelta(seconds=30)


def test_what_the_keyholder_does_not_enter_stays_in_the_sum(reporting: World) -> None:
    reporting.keyholder.reporting = False
    asked = reporting.keyholder.asked
    with reporting.client() as client:
        fail(reporting, client)
        reporting.until(
            lambda: any(isinstance(e, Report) and isinstance(e.said, ReportEntry) for e in asked)
        )
        fail(reporting, client)
    reporting.keyholder.reporting = True
    reporting.clock.advance(minutes=10)
    assert told_of(reporting, 1)[0].count == 2


def test_a_keyholder_that_is_away_hears_of_it_later(reporting: World) -> None:
    with reporting.client() as client:
        reporting.keyholder.misbehave = lambda _connection: True
        fail(reporting, client)
        fail(reporting, client)
        reporting.keyholder.misbehave = None
        reporting.clock.advance(seconds=10)
        found = told_of(reporting, 1)
    assert found[0].count in (1, 2)


def test_the_settings_are_told_once_and_when_they_change(tmp_path: Path, world: World) -> None:
    world.keyholder.reporting = True
    world.clock.advance(minutes=10)
    world.until(lambda: len(configurations(world)) == 1)
    first = configurations(world)[0]
    assert set(first.changed) == set(told(world.server.parts.context.config))
    with running_server(tmp_path, world.keyholder, world.clock) as again:
        again.until(lambda: not again.server.parts.reporting._waiting())
    assert configurations(world) == [first]
    with running_server(tmp_path, world.keyholder, world.clock, poll_seconds=0.03) as again:
        again.until(lambda: len(configurations(world)) == 2)
        again.until(lambda: not again.server.parts.reporting._waiting())
    assert configurations(world)[1].changed == ("poll_seconds",)


@pytest.mark.parametrize("junk", [b"", b"{}", b'{"software":"x","values":[],"more":1}'])
def test_without_a_memory_every_setting_is_named(tmp_path: Path, world: World, junk: bytes) -> None:
    (tmp_path / "control" / TOLD_FILE).write_bytes(junk)
    world.keyholder.reporting = True
    world.clock.advance(minutes=10)
    world.until(lambda: len(configurations(world)) == 1)
    assert len(configurations(world)[0].changed) == len(told(world.server.parts.context.config))


def test_no_secret_is_among_what_is_told(tmp_path: Path, world: World) -> None:
    secret = "postgresql+psycopg://keyturn:hunter2@db.example:5432/keyturn?sslpassword=hunter3"
    config = ControlConfig(
        data=tmp_path,
        keyholder=tmp_path / "k",
        fingerprint=world.keyholder.fingerprint,
        database=secret,
        witnesses=(WitnessPlace("https://w.example", "ab" * 32),),  # type: ignore[arg-type]
    )
    values = told(config)
    names = {"collateral" if each.startswith("collateral_") else each for each in values}
    assert names == set(ControlConfig.__slots__)
    assert values["database"] == "postgresql+psycopg://db.example:5432/keyturn"
    assert "hunter" not in json.dumps(values)
