"""Who held what is over, from a recording of a real log: proved, or not said."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.client.ceremonydoor import ServerDoor
from keyturn.client.errors import NotFound, ServerLied
from keyturn_app import resources
from keyturn_app.recording import Recording, read_recording
from keyturn_app.screens.ceremonies.due import LogCeremony, logged
from keyturn_app.screens.ceremonies.heldby import HeldBy, signers_of
from keyturn_app.screens.ceremonies.hosting import ClientHost
from support.authority import START

ROTATION = "rotation-2026"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return read_recording(resources.directory() / "recording" / "demo.json.gz")


def officers(recording: Recording, given: bytes | None = None) -> tuple[str, ...]:
    """Of the rotation. `given`: what the server gives in place of its newest record."""
    moment = recording.moment("serving")
    client = recording.client(moment)
    told = ClientHost(ServerDoor(client), client.authority()).follow(ROTATION)
    raws = {str(each.digest): each.raw for each in told.course.records}
    if given is not None:
        raws[str(told.course.records[-1].digest)] = given
    objects = {
        f"/v1/log/objects/{digest}": (200, dump({"data": b64(raw)})) for digest, raw in raws.items()
    }
    client = recording.client(replace(moment, answers={**moment.answers, **objects}))
    seen = client.seen()
    every = logged(list(client.entries(0, seen.checkpoint.checkpoint.size)))
    mine = [each for each in every if each.entry.ceremony == ROTATION]
    return signers_of(client, mine, seen.state)


def test_everybody_who_signed_once_each(recording: Recording) -> None:
    assert officers(recording) == ("hana", "viktor")


def test_the_recording_says_by_whom_each_was_held(recording: Recording) -> None:
    """From the log alone, unseals and seals too, however far back they are."""
    client = recording.client(recording.moment("serving"))
    seen = client.seen()
    records = logged(list(client.entries(0, seen.checkpoint.checkpoint.size)))
    held = {each.entry.ceremony for each in records} - {"backup-2026"}  # that one goes on
    found = {
        ceremony: signers_of(
            client, [each for each in records if each.entry.ceremony == ceremony], seen.state
        )
        for ceremony in held
    }
    assert len(held) == 5
    assert found[ROTATION] == ("hana", "viktor")
    assert len(found["genesis-2026"]) == 10
    assert all(found.values())


def test_another_record_than_the_log_names_says_nobody(recording: Recording) -> None:
    with pytest.raises(ServerLied):
        officers(recording, b'{"signed":[]}')


def test_a_record_that_the_server_has_not_says_nobody(recording: Recording) -> None:
    moment = recording.moment("serving")
    client = recording.client(moment)
    seen = client.seen()
    records = logged(list(client.entries(0, seen.checkpoint.checkpoint.size)))
    gone = f"/v1/log/objects/{records[0].entry.record}"
    answers = {name: answer for name, answer in moment.answers.items() if name != gone}
    client = recording.client(replace(moment, answers=answers))
    with pytest.raises(NotFound):
        signers_of(client, records[:1], seen.state)


class Asked:
    """A desk that keeps the answers' receivers."""

    def __init__(self) -> None:
        self.facts = SimpleNamespace(seen=SimpleNamespace(state=None))
        self.told: list[Callable[[tuple[str, ...]], None]] = []

    def ask(
        self,
        work: object,
        *,
        done: Callable[[tuple[str, ...]], None],
        failed: object,
    ) -> Callable[[], None]:
        self.told.append(done)
        return lambda: None


def test_each_ceremony_that_is_over_is_asked_for_once() -> None:
    desk, changes = Asked(), []
    held_by = HeldBy(desk, lambda: changes.append(1))  # type: ignore[arg-type]
    over = LogCeremony("unseal-1", "unseal", "done", START, START, 2, 60, 1)
    runs = LogCeremony("backup-1", "backup", "done", START, START, 3, 40, 2)
    held_by.ask((over, runs), ())
    held_by.ask((over, runs), ())
    assert len(desk.told) == 1
    held_by.again()
    held_by.ask((over, runs), ())
    assert len(desk.told) == 2
    desk.told[0](("ada", "chen"))
    assert (held_by.known, changes) == ({"unseal-1": ("ada", "chen")}, [1])
    held_by.again()
    held_by.ask((over, runs), ())
    assert len(desk.told) == 2
