"""One contract for every store: SQLite on disk, and PostgreSQL where its server is installed."""

import os
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from keyturn.store import events, facts, fleet, logcopy, migrate, models, proposals, sessions
from keyturn.store.database import Database, open_database
from keyturn.store.errors import StoreConflict, StoreOutdated, StoreUnreachable
from support.postgres import postgres

__all__ = ["postgres"]

NOW = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    else:
        database = open_database(request.getfixturevalue("postgres").url)
        with database.write() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield database
    database.close()


@pytest.fixture
def database(empty: Database) -> Database:
    migrate.upgrade(empty)
    return empty


def _together(count: int, work: object) -> list[BaseException]:
    errors: list[BaseException] = []

    def run(place: int) -> None:
        try:
            work(place)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    return errors


# ---- migrations ----


def test_migrations_make_exactly_the_schema(database: Database) -> None:
    assert migrate.differences(database) == []
    migrate.require_current(database)


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    newest = migrate.newest_version()
    assert migrate.upgrade(database) == (newest, newest)


def test_replicas_may_upgrade_at_once(empty: Database) -> None:
    assert _together(4, lambda _: migrate.upgrade(empty)) == []
    migrate.require_current(empty)


def test_a_newer_database_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreOutdated):
        migrate.require_current(database)
    with pytest.raises(StoreOutdated, match="newer program"):
        migrate.upgrade(database)


def test_an_empty_database_is_not_current(empty: Database) -> None:
    with pytest.raises(StoreOutdated, match="no tables"):
        migrate.require_current(empty)


# ---- transactions ----


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            facts.write_fact(connection, "a", "b")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as connection:
        assert facts.read_fact(connection, "a") is None


def test_a_row_twice_is_a_conflict(database: Database) -> None:
    with database.write() as connection:
        sessions.open_session(connection, "00" * 32, "alice", NOW)
    with pytest.raises(StoreConflict), database.write() as connection:
        sessions.open_session(connection, "00" * 32, "alice", NOW)


def test_errors_never_carry_values(database: Database) -> None:
    value = os.urandom(32).hex()

    def twice() -> None:
        with database.write() as connection:
            sessions.open_session(connection, value, "alice", NOW)
            sessions.open_session(connection, value, "alice", NOW)

    with pytest.raises(StoreConflict) as caught:
        twice()
    assert value not in "".join(traceback.format_exception(caught.value))


# ---- events ----


def test_event_numbers_have_no_gap_under_concurrency(database: Database) -> None:
    def write(place: int) -> None:
        for turn in range(10):
            with database.write() as connection:
                events.append(connection, "model", {"from": place, "turn": turn}, NOW)

    assert _together(6, write) == []
    with database.read() as connection:
        found = events.after(connection, 0, limit=1000)
    assert [each.seq for each in found] == list(range(1, 61))
    for place in range(6):
        mine = [each.data["turn"] for each in found if each.data["from"] == place]
        assert mine == list(range(10))


def test_a_reader_that_follows_writers_misses_nothing(database: Database) -> None:
    seen: list[int] = []
    stop = threading.Event()

    def read_all() -> None:
        last = seen[-1] if seen else 0
        with database.read() as connection:
            seen.extend(each.seq for each in events.after(connection, last, limit=7))

    def follow(_: int) -> None:
        while not stop.is_set():
            read_all()

    reader = threading.Thread(target=follow, args=(0,))
    reader.start()

    def write(_: int) -> None:
        for _turn in range(20):
            with database.write() as connection:
                events.append(connection, "model", {}, NOW)

    assert _together(3, write) == []
    stop.set()
    reader.join(30)
    for _ in range(20):
        read_all()
    assert seen == list(range(1, 61))


def test_a_rolled_back_event_leaves_no_gap(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            events.append(connection, "model", {}, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.write() as connection:
        assert events.append(connection, "model", {}, NOW) == 1


def test_a_log_entry_has_one_event(database: Database) -> None:
    with database.write() as connection:
        assert events.append(connection, "grant", {}, NOW, log_index=5) == 1
        assert events.append(connection, "grant", {}, NOW, log_index=5) is None
        assert events.last(connection) == 1


# ---- sessions ----


def test_a_nonce_serves_once_however_many_try(database: Database) -> None:
    won: list[int] = []

    def spend(place: int) -> None:
        with database.write() as connection:
            if sessions.spend_nonce(connection, "11" * 32, NOW + timedelta(seconds=60)):
                won.append(place)

    assert _together(6, spend) == []
    assert len(won) == 1


def test_a_spent_nonce_is_kept_until_it_expires(database: Database) -> None:
    with database.write() as connection:
        assert sessions.spend_nonce(connection, "22" * 32, NOW + timedelta(seconds=60))
        sessions.sweep(connection, NOW + timedelta(seconds=59))
        assert not sessions.spend_nonce(connection, "22" * 32, NOW + timedelta(seconds=60))
        sessions.sweep(connection, NOW + timedelta(seconds=60))
        assert sessions.spend_nonce(connection, "22" * 32, NOW + timedelta(seconds=60))


def test_sessions_end_and_are_swept(database: Database) -> None:
    with database.write() as connection:
        sessions.open_session(connection, "aa" * 32, "alice", NOW + timedelta(minutes=15))
        found = sessions.find_session(connection, "aa" * 32, NOW)
        assert found == ("alice", NOW + timedelta(minutes=15))
        assert sessions.find_session(connection, "aa" * 32, NOW + timedelta(minutes=15)) is None
        sessions.sweep(connection, NOW + timedelta(minutes=16))
        assert sessions.find_session(connection, "aa" * 32, NOW) is None


# ---- log copy ----


def _leaf(index: int, **columns: str) -> logcopy.LogRow:
    return logcopy.LogRow(index, b"leaf %d" % index, columns.pop("kind", "start"), NOW, **columns)


def test_the_log_copy_has_no_gaps(database: Database) -> None:
    with database.write() as connection:
        assert logcopy.size(connection) == 0
        for index in range(3):
            logcopy.append(connection, _leaf(index))
        assert logcopy.read_leaves(connection, 1, 10) == [b"leaf 1", b"leaf 2"]
        assert list(logcopy.all_leaves(connection)) == [b"leaf 0", b"leaf 1", b"leaf 2"]
    for index in (2, 4):
        with pytest.raises(StoreConflict), database.write() as connection:
            logcopy.append(connection, _leaf(index))


def test_the_log_copy_knows_the_lease_of_a_grant(database: Database) -> None:
    with database.write() as connection:
        logcopy.append(connection, _leaf(0, kind="grant", lease="l1"))
        assert logcopy.lease_at(connection, 0) == "l1"
        assert logcopy.lease_at(connection, 1) is None


# ---- fleet ----


def _lease(name: str = "l1") -> fleet.LeaseRow:
    return fleet.LeaseRow(name, "n1", DIGEST, "amd:00", DIGEST, 7, DIGEST, NOW)


def test_a_heartbeat_counter_only_rises(database: Database) -> None:
    with database.write() as connection:
        fleet.begin_lease(connection, _lease())
        assert fleet.advance_counter(connection, "l1", 0)
        assert fleet.advance_counter(connection, "l1", 5)
        assert not fleet.advance_counter(connection, "l1", 5)
        assert not fleet.advance_counter(connection, "l1", 4)
        assert not fleet.advance_counter(connection, "other", 9)


def test_one_counter_is_taken_once_by_all_replicas(database: Database) -> None:
    with database.write() as connection:
        fleet.begin_lease(connection, _lease())
    taken: list[int] = []

    def beat(place: int) -> None:
        with database.write() as connection:
            if fleet.advance_counter(connection, "l1", 3):
                taken.append(place)

    assert _together(6, beat) == []
    assert len(taken) == 1


def test_a_tls_key_is_learned_only_for_its_digest(database: Database) -> None:
    with database.write() as connection:
        fleet.begin_lease(connection, _lease())
        assert not fleet.learn_tls_key(connection, "l1", "sha256:" + "00" * 32, b"spki")
        assert fleet.learn_tls_key(connection, "l1", DIGEST, b"spki")
        found = fleet.find_lease(connection, "l1")
    assert found is not None
    assert (found.tls_spki, found.counter, found.until) == (b"spki", -1, NOW)


def test_silence_is_told_once(database: Database) -> None:
    with database.write() as connection:
        fleet.update_node(connection, "n1", last_seen=NOW, reported="serving")
        fleet.update_node(connection, "n2", last_seen=NOW, reported="wiped")
        later = NOW + timedelta(seconds=1)
        assert fleet.silent_since(connection, NOW) == []
        assert fleet.silent_since(connection, later) == ["n1"]
        assert fleet.mark_lost(connection, "n1", later)
        assert not fleet.mark_lost(connection, "n1", later)
        assert fleet.silent_since(connection, later) == []


# ---- proposals and models ----


def _proposal(digest: str = DIGEST) -> proposals.ProposalRow:
    return proposals.ProposalRow(
        digest, "policy", "p", 1, "alice", NOW, NOW, None, "why", None, b"\x00envelope"
    )


def test_a_proposal_keeps_its_exact_bytes(database: Database) -> None:
    with database.write() as connection:
        proposals.insert(connection, _proposal())
    with database.read() as connection:
        assert proposals.find(connection, DIGEST) == _proposal()
        assert proposals.find(connection, "sha256:other") is None


def test_a_refusal_never_covers_what_the_log_has(database: Database) -> None:
    with database.write() as connection:
        proposals.insert(connection, _proposal())
        proposals.set_refusal(connection, DIGEST, {"kind": "untrusted"})
        proposals.mark_in_force(connection, DIGEST, 9)
        proposals.set_refusal(connection, DIGEST, {"kind": "untrusted"})
        assert proposals.without_receipt(connection) == [(DIGEST, 9)]
        proposals.set_receipt(connection, DIGEST, {"index": 9})
        found = proposals.newest_in_force(connection, "policy", "p")
        assert proposals.without_receipt(connection) == []
    assert found is not None
    assert (found.index, found.refusal, found.receipt) == (9, None, {"index": 9})


def test_the_same_approval_is_kept_once(database: Database) -> None:
    row = proposals.ApprovalRow("sha256:1", DIGEST, "bob", "approve", NOW, b"raw")
    with database.write() as connection:
        assert proposals.insert_approval(connection, row)
        assert not proposals.insert_approval(connection, row)
        assert proposals.approvals_of(connection, [DIGEST, "other"]) == {DIGEST: [row], "other": []}


def test_registering_a_model_again_takes_its_key_over(database: Database) -> None:
    row = models.ModelRow(DIGEST, b"{}", b"key", "m", "M", "1", 2, 3, "00" * 32, "11" * 32, NOW)
    with database.write() as connection:
        assert models.register(connection, row)
        assert not models.register(connection, row)
        assert models.wrapped_key(connection, DIGEST) is None
        models.set_wrapped_key(connection, DIGEST, b"w" * 40, "sha256:s")
        models.set_wrapped_key(connection, DIGEST, b"v" * 40, "sha256:s")
        assert models.wrapped_key(connection, DIGEST) == b"v" * 40
        assert models.all_models(connection) == [row]


# ---- what fails ----


def test_a_database_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/absent/keyturn.db")
    with pytest.raises(StoreUnreachable), database.read():
        pass
    database.close()


def test_a_database_that_was_overwritten_is_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "keyturn.db"
    path.write_bytes(b"not a database" * 1000)
    database = open_database(f"sqlite:///{path}")
    with pytest.raises(StoreUnreachable):
        migrate.upgrade(database)
    database.close()


# ---- replicas that write the same row at one moment ----


def _keep_model(connection: Connection, place: int) -> None:
    row = models.ModelRow(DIGEST, b"{}", b"%d" % place, "m", "M", "1", 2, 3, "00", "11", NOW)
    models.register(connection, row)


SAME_ROW: dict[str, Callable[[Connection, int], object]] = {
    "proposal": lambda c, _: proposals.insert(c, _proposal()),
    "approval": lambda c, _: proposals.insert_approval(
        c, proposals.ApprovalRow("sha256:1", DIGEST, "bob", "approve", NOW, b"raw")
    ),
    "model": _keep_model,
    "wrapped key": lambda c, n: models.set_wrapped_key(c, DIGEST, b"%d" % n, "sha256:s"),
    "node": lambda c, n: fleet.update_node(c, "node-1", wiped_ms=n),
    "fact": lambda c, n: facts.write_fact(c, "name", str(n)),
    "nonce": lambda c, _: sessions.spend_nonce(c, "00" * 32, NOW),
}


@pytest.mark.parametrize("name", SAME_ROW)
def test_the_same_row_from_many_at_once_is_one_and_nobody_fails(
    database: Database, name: str
) -> None:
    gate = threading.Barrier(6)
    found: list[object] = []

    def work(place: int) -> None:
        gate.wait(30)
        with database.write() as connection:
            found.append(SAME_ROW[name](connection, place))

    assert _together(6, work) == []
    if isinstance(found[0], bool):
        assert sorted(map(bool, found)) == [False] * 5 + [True]
