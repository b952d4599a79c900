"""From log entries to rows: the same log always gives the same rows."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.control.projection import project
from keyturn.control.rebuild import LogContent, rebuild
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from keyturn.quorum.approvals import WITHDRAWAL_TYPE, withdrawal_payload
from keyturn.quorum.entries import CeremonyEntry, ceremony_entry, envelopes_of
from keyturn.quorum.kinds import Kind
from keyturn.store import events, fleet, logcopy, models, proposals
from keyturn.store.database import Database, open_database
from keyturn.store.errors import StoreConflict
from keyturn.store.migrate import upgrade
from keyturn.wire.keyholder import Withdraw
from support.authority import START, Authority, Clock, policy_body, sign
from support.control import PLATFORM, LocalKeyholder

MODEL = digest_of(b"a manifest")
LEASE = "1a" * 16


@pytest.fixture
def keyholder(tmp_path: Path) -> LocalKeyholder:
    clock = Clock()
    return LocalKeyholder(tmp_path / "unused.sock", Authority(clock), clock)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(f"sqlite:///{tmp_path}/x.db")
    upgrade(made)
    yield made
    made.close()


def grant(purpose: Purpose = Purpose.RELEASE, until: datetime | None = None) -> GrantEntry:
    return GrantEntry(
        purpose=purpose,
        grant=digest_of(b"grant"),
        lease=LEASE,
        until=until or START + timedelta(seconds=60),
        challenge=bytes(56),
        model=MODEL,
        node="node-1",
        platform=PLATFORM,
        tls=digest_of(b"tls"),
        core=bytes(32),
        evidence=digest_of(b"evidence"),
        statements=(),
        caveats=("simulated",),
    )


def refusal() -> RefusalEntry:
    return RefusalEntry(
        Purpose.RELEASE,
        bytes(56),
        MODEL,
        "node-1",
        PLATFORM,
        digest_of(b"evidence"),
        ("measurement-mismatch", "gpu-count"),
    )


def enter_all(database: Database, keyholder: LocalKeyholder) -> None:
    with database.write() as connection:
        start = logcopy.size(connection)
        for index in range(start, len(keyholder.leaves)):
            project(connection, index, keyholder.leaves[index], keyholder.objects)


def dump(database: Database) -> dict[str, list[tuple[object, ...]]]:
    tables = ("log_entries", "proposals", "approvals", "nodes", "leases", "events")
    with database.read() as connection:
        return {
            each: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {each}"))]
            for each in tables
        }


def test_a_statement_becomes_a_proposal_in_force_with_its_approvals(
    database: Database, keyholder: LocalKeyholder
) -> None:
    proposal = keyholder.authority.approved(Kind.POLICY, "serving", policy_body())
    index = keyholder.enter(Kind.POLICY, "serving", proposal)
    enter_all(database, keyholder)
    with database.read() as connection:
        row = proposals.find(connection, proposal.digest)
        approvals = proposals.approvals_of(connection, [proposal.digest])[proposal.digest]
        told = events.after(connection, 0, limit=10)[-1]
    assert row is not None
    assert (row.index, row.subject, row.proposer, row.envelope) == (
        index,
        "serving",
        "ada",
        proposal.raw,
    )
    assert {each.envelope for each in approvals} == set(proposal.approvals)
    assert (told.kind, told.data["digest"], told.log_index) == ("in-force", proposal.digest, index)


def test_a_proposal_that_was_collected_here_is_marked_not_doubled(
    database: Database, keyholder: LocalKeyholder
) -> None:
    proposal = keyholder.authority.approved(Kind.POLICY, "serving", policy_body())
    enter_all(database, keyholder)
    index = keyholder.enter(Kind.POLICY, "serving", proposal)
    enter_all(database, keyholder)
    again = dump(database)
    with database.write() as connection, pytest.raises(StoreConflict):
        project(connection, index, keyholder.leaves[index], keyholder.objects)
    assert dump(database) == again


def test_a_withdrawal_is_kept_with_its_envelope(
    database: Database, keyholder: LocalKeyholder
) -> None:
    proposal = keyholder.authority.propose(Kind.POLICY, "serving", policy_body())
    payload = withdrawal_payload(
        proposal.digest, officer="ada", time=keyholder.clock(), reason="not any more"
    )
    envelope = sign(WITHDRAWAL_TYPE, payload, keyholder.authority.people["ada"].keys[0])
    keyholder.answer(Withdraw(proposal.raw, envelope))
    enter_all(database, keyholder)
    with database.read() as connection:
        row = proposals.find(connection, proposal.digest)
    assert row is not None
    assert (row.withdrawn, row.withdrawal, row.index) == (True, envelope, None)


def test_a_grant_begins_a_lease_and_a_renewal_extends_it(
    database: Database, keyholder: LocalKeyholder
) -> None:
    index = keyholder.append(grant_entry(START, grant()))
    later = START + timedelta(seconds=90)
    keyholder.append(grant_entry(START + timedelta(seconds=30), grant(Purpose.RENEWAL, later)))
    enter_all(database, keyholder)
    with database.read() as connection:
        lease = fleet.find_lease(connection, LEASE)
        node = fleet.find_node(connection, "node-1")
        kinds = [each.kind for each in events.after(connection, 0, limit=10)]
    assert lease is not None
    assert (lease.began, lease.until, lease.tls) == (index, later, digest_of(b"tls"))
    assert node is not None
    assert (node.lease, node.lease_until, node.lease_seconds) == (LEASE, later, 60)
    assert (node.platform, node.model, node.caveats) == (PLATFORM, MODEL, ["simulated"])
    assert kinds[-2:] == ["grant", "renewal"]


def test_a_refusal_shows_its_reasons_until_a_grant_clears_them(
    database: Database, keyholder: LocalKeyholder
) -> None:
    keyholder.append(refusal_entry(START, refusal()))
    enter_all(database, keyholder)
    with database.read() as connection:
        refused = fleet.find_node(connection, "node-1")
    keyholder.append(grant_entry(START, grant()))
    enter_all(database, keyholder)
    with database.read() as connection:
        node = fleet.find_node(connection, "node-1")
    assert refused is not None
    assert node is not None
    assert refused.last_refused == START
    assert refused.reasons == [{"reason": "measurement-mismatch"}, {"reason": "gpu-count"}]
    assert (node.last_refused, node.reasons) == (None, [])


def test_the_same_log_gives_the_same_rows(
    database: Database, keyholder: LocalKeyholder, tmp_path: Path
) -> None:
    keyholder.append(refusal_entry(START, refusal()))
    keyholder.append(grant_entry(START, grant()))
    enter_all(database, keyholder)
    other = open_database(f"sqlite:///{tmp_path}/y.db")
    upgrade(other)
    for _ in keyholder.leaves:
        enter_all(other, keyholder)
    assert dump(other) == dump(database)
    other.close()


def test_only_statements_and_withdrawals_need_objects(keyholder: LocalKeyholder) -> None:
    origin, roster, _keys = (envelopes_of(each) for each in keyholder.leaves)
    assert origin == ()
    assert len(roster) == 4  # the statement and three approvals
    assert set(roster) <= keyholder.objects.keys()
    assert envelopes_of(grant_entry(START, grant())) == ()
    assert envelopes_of(refusal_entry(START, refusal())) == ()


@pytest.mark.parametrize("leaf", [b"", b"{}", b"[]", b"\xff"])
def test_what_is_no_entry_is_refused(database: Database, leaf: bytes) -> None:
    with database.write() as connection, pytest.raises(MalformedError):
        project(connection, 0, leaf, {})


def test_another_platform_under_a_nodes_name_is_told_once(
    keyholder: LocalKeyholder, database: Database
) -> None:
    other = replace(refusal(), platform="amd-genoa-" + "0d" * 64)
    leaves = [
        grant_entry(START, grant()),
        refusal_entry(START, other),
        refusal_entry(START, other),
        grant_entry(START, replace(grant(), lease="2b" * 16)),
    ]
    content = [*keyholder.leaves, *leaves]
    with database.write() as connection:
        for index, leaf in enumerate(content):
            project(connection, index, leaf, keyholder.objects)  # type: ignore[arg-type]
        rebuild(connection, LogContent(content, keyholder.objects))  # type: ignore[arg-type]
        told = events.after(connection, 0, limit=100)
    changed = [each.data for each in told if each.kind == "platform-changed"]
    assert [(each["before"], each["platform"]) for each in changed] == [
        (PLATFORM, other.platform),
        (other.platform, PLATFORM),
    ]


def test_a_destroyed_models_keys_are_deleted_with_the_entry_that_says_so(
    database: Database, keyholder: LocalKeyholder
) -> None:
    """And again by a rebuild: what the log says was destroyed does not come back with a backup."""
    now = keyholder.clock()
    row = models.ModelRow(MODEL, b"m", b"keyturn.key", "id", "m", "1", 1, 1, "aa", "bb", now)
    with database.write() as connection:
        models.register(connection, row)
        models.set_wrapped_key(connection, MODEL, b"w" * 40, "sha256:s", "ab" * 32)
    record = b"a record"
    keyholder.objects[digest_of(record)] = record
    entry = CeremonyEntry("kd-1", "model-key-destruction", 0, "done", digest_of(record), MODEL)
    keyholder.append(ceremony_entry(now, entry))
    enter_all(database, keyholder)
    with database.read() as connection:
        assert models.wrapped_key(connection, MODEL) is None
        kept = models.find(connection, MODEL)
    assert kept is not None
    assert kept.key is None
    with database.write() as connection:
        models.set_wrapped_key(connection, MODEL, b"w" * 40, "sha256:s", None)
        rebuild(connection, LogContent(keyholder.leaves, keyholder.objects))
        assert models.wrapped_key(connection, MODEL) is None
