"""One case in a process of its own: `python -m keyturn_app.bench.child CASE`. Prints one JSON.

The window, its pages and the drain are the app's; the nodes are invented, and the window says
SIMULATED.
"""

import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtWidgets import QApplication

from keyturn.base.strictjson import dump
from keyturn.client.profile import Places
from keyturn_app import resources
from keyturn_app.bench.cases import Case, Kind, read_case
from keyturn_app.bench.invented import Fleet, answer, facts_with, invent
from keyturn_app.bench.stand import NotShown, Stand
from keyturn_app.bench.streaming import Pace, Source, StreamDesk
from keyturn_app.desk import Identity
from keyturn_app.live.desk import LiveDesk
from keyturn_app.live.recorded import Unsigning, wired
from keyturn_app.live.replaying import ReplayDesk, ReplaySession
from keyturn_app.recording import Recording, read_recording
from keyturn_app.shell.seats import Chair, Seats
from keyturn_app.shell.session import Seat

RECORDING = "recording/demo.json.gz"
_NODES = "/v1/nodes"
_EVERY_S, _MARGIN_S = 2, 16


def measure(case: Case) -> dict[str, object]:
    """Needs a QApplication."""
    recording = read_recording(resources.directory() / RECORDING)
    return _stream(case, recording) if case.kind is Kind.STREAM else _reread(case, recording)


def _stream(case: Case, recording: Recording) -> dict[str, object]:
    desk = StreamDesk(recording, recording.moments[-1])
    desk.meet()
    fleet = _fleet(case, desk)
    facts = facts_with(desk.facts, fleet, desk.now())
    desk.know(facts)
    stand = Stand(case, ReplaySession(desk))
    pace = Pace(desk, stand.watch)
    source = Source(desk, facts, fleet, case.rate)
    source.start()
    counted: list[tuple[float, int]] = []
    found = stand.run(lambda: counted.append((time.monotonic(), desk.delivered)))
    seconds = time.monotonic() - counted[0][0]
    source.stop()
    pace.stop()
    stand.close()
    return {**found, "updates_per_second": round((desk.delivered - counted[0][1]) / seconds)}


def _reread(case: Case, recording: Recording) -> dict[str, object]:
    """The live desk with both of its threads, over a server that has `rows` nodes."""
    moment, profile = recording.moments[-1], recording.profile
    known = ReplayDesk(recording, moment, "bench")
    known.meet()
    fleet = _fleet(case, known)
    began = time.monotonic()

    def elapsed() -> int:
        return int(time.monotonic() - began)

    answers = [
        zlib.compress(answer(fleet.nodes, moment.time + timedelta(seconds=at)), 1)
        for at in range(0, case.seconds + _MARGIN_S, _EVERY_S)
    ]
    asked = Answers(moment.answers, answers, elapsed)
    large = replace(moment, answers=asked)
    identity = Identity(profile, "bench", profile.officer, profile.officer, True)
    began = time.monotonic()  # the first answer is of now

    def now() -> datetime:
        return moment.time + timedelta(seconds=elapsed())

    with TemporaryDirectory(prefix="keyturn-bench-") as scratch:
        places = Places(Path(scratch), Path(scratch) / "state")
        desk = LiveDesk(identity, places, now=now, wiring=wired(recording, large, now))
        desk.borrow(Unsigning(profile.officer))
        session = Seats([Chair(Seat("bench", "bench", profile.officer), lambda: desk)])
        stand = Stand(case, session)
        stand.watch.follow(desk)
        found = stand.run()
        stand.close()
    return {**found, "fleets_read": asked.asked}


def _fleet(case: Case, desk: ReplayDesk) -> Fleet:
    seen, models = desk.facts.seen, desk.facts.models
    if seen is None or models is None or not models.all:
        raise NotShown("the recording holds no model")
    digests = [each.digest for each in models.all]
    return invent(case.rows, digests, len(seen.leaves), desk.now())


class Answers(Mapping[str, tuple[int, bytes]]):
    """A moment's answers, but that the nodes speak on: every EVERY_S seconds a newer answer."""

    def __init__(
        self,
        recorded: Mapping[str, tuple[int, bytes]],
        packed: Sequence[bytes],
        elapsed: Callable[[], int],
    ) -> None:
        self._recorded, self._packed, self._elapsed = recorded, packed, elapsed
        self.asked = 0

    def __getitem__(self, path: str) -> tuple[int, bytes]:
        if path != _NODES:
            return self._recorded[path]
        self.asked += 1
        at = min(self._elapsed() // _EVERY_S, len(self._packed) - 1)
        return 200, zlib.decompress(self._packed[at])

    def __iter__(self) -> Iterator[str]:
        return iter(self._recorded)

    def __len__(self) -> int:
        return len(self._recorded)


def main() -> int:
    case = read_case(sys.argv[1])
    _application = QApplication(sys.argv[:1])
    sys.stdout.buffer.write(dump(measure(case)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
