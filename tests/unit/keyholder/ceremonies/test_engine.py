"""What a host answers, and what it refuses to open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Action, ScriptKind, ShareUse
from keyturn.keyholder.ceremonies.sharing import Entered
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.wire.ceremonies import (
    AskCeremonies,
    AskCeremony,
    AskCeremonyFile,
    CeremonyState,
    OpenCeremony,
    PutCeremonyFile,
    RewrapKeys,
)
from keyturn.wire.errors import PeerRefused
from support.ceremonies import Cast, dealt, share_sets, signed
from support.ceremonies_host import InProcess, Table, genesis_plan, host_here, now
from unit.keyholder.failing_disk import FailingDisk


def test_a_ceremony_is_listed_and_read(table: Table) -> None:
    (row,) = table.door.ask(AskCeremonies()).ceremonies
    assert (row.ceremony, row.kind, row.state) == ("genesis-1", "genesis", CeremonyState.RUNNING)
    assert (row.step, row.seq, row.rehearsal) == ("open", 0, False)
    table.step()
    news = table.door.ask(AskCeremony("genesis-1", since=1))
    assert (len(news.records), news.seq) == (1, 1)
    assert news.waiting is not None
    assert news.waiting.step == "preflight"


def test_what_is_unmet_is_named_with_whose_shares_are_there_for_it(
    table: Table, door: InProcess
) -> None:
    """While it is, nothing counts that was entered for the step itself."""
    hosting, sets = door.host._hosting, share_sets(table.read().plan)
    running = hosting.find("genesis-1")
    running.shares, running.reopening = Entered(sets), Entered(sets)
    running.shares.add(ShareUse.USER, "ada", words_of(table, ShareUse.USER, "ada"))
    running.reopening.add(ShareUse.SO, "farid", words_of(table, ShareUse.SO, "farid"))
    act = hosting.act(table.read().course.step)  # type: ignore[arg-type]
    hosting.acts = {Action.ATTEND: replace(act, holds=lambda _: (ShareUse.SO, ShareUse.BACKUP))}
    waiting = table.read().waiting
    assert waiting is not None
    assert (waiting.unmet, waiting.entered) == ((ShareUse.SO, ShareUse.BACKUP), (("so", "farid"),))
    hosting.acts = {Action.ATTEND: act}
    waiting = table.read().waiting
    assert waiting is not None
    assert (waiting.unmet, waiting.entered) == ((), (("user", "ada"),))


def words_of(table: Table, use: ShareUse, officer: str) -> bytearray:
    shares = next(shares for made, shares in dealt(table.read().plan) if made.use is use)
    return next(each.words for each in shares if each.member.officer == officer)


def test_what_is_not_there_is_said_to_be(table: Table) -> None:
    for request in (
        AskCeremony("another"),
        AskCeremonyFile("genesis-1", "preflight.json"),
        AskCeremonyFile("genesis-1", "boxes.json"),
    ):
        with pytest.raises(PeerRefused) as refused:
            table.door.ask(request)
        assert refused.value.kind == "not-found"


def test_the_same_plan_opens_the_same_ceremony(table: Table) -> None:
    raw = table.read().course.signed_plan.raw
    assert table.door.ask(OpenCeremony(raw)) == "genesis-1"
    assert table.last.seq == 0


def refusal(door: InProcess, cast: Cast, by: str | None = None, **changed: object) -> str:
    plan = genesis_plan(cast, **changed)
    with pytest.raises(PeerRefused) as refused:
        door.ask(OpenCeremony(signed(cast, plan, by).raw))
    return refused.value.message


def test_one_of_a_kind_is_held_at_a_time_under_a_name_of_its_own(table: Table) -> None:
    assert "is being held already" in refusal(table.door, table.cast, ceremony="genesis-2")
    assert "of this name" in refusal(table.door, table.cast, scribe=None)
    table.abort()
    assert "of this name" in refusal(table.door, table.cast, scribe=None)


def test_a_plan_that_may_not_be_is_not_opened(door: InProcess) -> None:
    cast = Cast()
    assert "another script" in refusal(door, cast, script=digest_of(b"another"))
    assert "not hana's signature" in refusal(door, cast, by="ada")
    assert "another time" in refusal(door, cast, time=now() - timedelta(minutes=5))
    assert "cannot take part" in refusal(door, cast, administrator="ada")
    assert door.ask(AskCeremonies()).ceremonies == ()


@pytest.mark.parametrize("kind", [ScriptKind.BACKUP, ScriptKind.RESTORE])
def test_what_needs_an_authority_is_not_held_without_one(door: InProcess, kind: ScriptKind) -> None:
    changed = {
        "kind": kind,
        "script": SCRIPTS[kind].digest,
        "founding": None,
        "authority": digest_of(b"another"),
        "statement": digest_of(b"a statement"),
        "shares": {},
    }
    assert "another authority" in refusal(door, Cast(), **changed)


def test_only_what_a_ceremony_takes_is_handed_in(table: Table) -> None:
    """Nobody signs what is handed in: in a genesis or a backup somebody's file would be served, and
    proved, as the backup that the ceremony made."""
    for name in (
        "kek-backup.json",
        "restore.json",
        "boxes.json",
        "../genesis-1/kept/composed.json",
    ):
        with pytest.raises(PeerRefused, match="nothing of that name"):
            table.door.ask(PutCeremonyFile("genesis-1", name, b"a backup"))


def test_keys_are_wrapped_anew_in_their_own_step_alone(table: Table) -> None:
    with pytest.raises(PeerRefused, match="no keys are wrapped anew"):
        table.door.ask(RewrapKeys("genesis-1", bytes(72)))


def test_a_host_with_a_fault_answers_nothing(door: InProcess) -> None:
    door.host._hosting.fault = "it broke"
    with pytest.raises(KeyholderStopped, match="it broke"):
        door.host.answer(AskCeremonies())


def test_a_clock_that_went_back_is_refused(tmp_path: Path) -> None:
    times = [datetime.now(UTC)]
    with host_here(tmp_path / "host", clock=lambda: times[0]) as door:
        table = Table(door, Cast(), clock=lambda: times[0].replace(microsecond=0))
        table.open(genesis_plan(table.cast, time=table.clock()))
        times[0] -= timedelta(minutes=1)
        with pytest.raises(PeerRefused, match="the clock went back"):
            table.step()
        times[0] += timedelta(minutes=1)
        assert table.step().event is Event.DONE


def test_a_record_is_not_earlier_than_the_last_of_before_the_start(tmp_path: Path) -> None:
    with host_here(tmp_path / "host") as door:
        Table(door, Cast()).open(genesis_plan(Cast()))

    def late() -> datetime:
        return datetime.now(UTC) - timedelta(minutes=1)

    with (
        host_here(tmp_path / "host", clock=late) as door,
        pytest.raises(PeerRefused, match="the clock went back"),
    ):
        door.ask(AskCeremonies())


def test_a_disk_without_room_opens_nothing(tmp_path: Path) -> None:
    with host_here(tmp_path / "host", io=lambda: FailingDisk(3, 28)) as door:
        table = Table(door, Cast())
        with pytest.raises(PeerRefused, match="full"):
            table.open(genesis_plan(table.cast))
        assert door.ask(AskCeremonies()).ceremonies == ()


def test_a_damaged_ceremony_keeps_the_host_from_nothing_else(tmp_path: Path) -> None:
    directory = tmp_path / "host"
    with host_here(directory) as door:
        Table(door, Cast()).open(genesis_plan(Cast()))
    (directory / "ceremonies" / "genesis-1" / "000000.json").write_text("{}")
    with host_here(directory) as door:
        assert door.ask(AskCeremonies()).ceremonies == ()
        assert "cannot be read" in refusal(door, Cast(), scribe=None)
        Table(door, Cast()).open(genesis_plan(Cast(), ceremony="genesis-2"))
