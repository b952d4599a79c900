"""The control plane killed at each of its writes: log and database agree after the restart.

No step is named here: the story is played once whole to count them (DESIGN §7).
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from keyturn.quorum.kinds import Kind
from support.authority import Authority, Clock
from support.control import LocalKeyholder, running_server
from support.dying import NEVER, Death, Killed, options
from support.postgres import Postgres
from support.story import ACTS, Story

pytestmark = pytest.mark.timeout(900)
PARTS = 6
"""Of the steps, so that no test takes too long."""
Url = Callable[[], str]


@dataclass
class Stage:
    """A keyholder that lives on, a database that lasts, and servers that come and go."""

    directory: Path
    url: str

    def __post_init__(self) -> None:
        self.directory.mkdir()
        self.clock = Clock()
        self.authority = Authority(self.clock)
        self.keyholder = LocalKeyholder(self.directory / "k.sock", self.authority, self.clock)
        self.story = Story(self.authority)

    def die_at(self, step: int) -> tuple[bool, int]:
        """Whether the story was played whole, and how many steps there were."""
        death = Death(step)
        with running_server(
            self.directory, self.keyholder, self.clock, database=self.url, **options(death)
        ) as world:
            death.armed = True
            return self.story.play(world), death.points

    def go_on(self) -> None:
        """Everything holds at the next start, and the rest of the story can be played."""
        with running_server(self.directory, self.keyholder, self.clock, database=self.url) as world:
            self.story.check(world)
            assert self.story.play(world)
            assert self.story.acknowledged.keys() == ACTS.keys()
            world.catch_up()
            self.story.check(world)


def die_everywhere(tmp_path: Path, fresh: Url, part: int, stride: int = PARTS) -> None:
    step, reached = part, NEVER
    while step < reached:
        stage = Stage(tmp_path / str(step), fresh())
        with stage.keyholder.serving():
            whole, points = stage.die_at(step)
            assert whole or points > step
            stage.go_on()
        if points <= step:
            reached = step  # it was not killed any more: that was the last one
        step += stride
    assert step > 20


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_every_write(tmp_path: Path, part: int) -> None:
    die_everywhere(tmp_path, lambda: "", part)


def test_killed_at_some_writes_over_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    die_everywhere(tmp_path, postgres.fresh, 3, stride=11)


def test_killed_while_it_starts(tmp_path: Path) -> None:
    """At each write of a first start over a log that is not empty: the copy is made whole later."""
    for step in range(40):
        stage = Stage(tmp_path / str(step), "")
        with stage.keyholder.serving():
            for kind, name in ((Kind.POLICY, "serving"), (Kind.REVOCATION, "node:another")):
                which = "policy" if kind is Kind.POLICY else "revocation"
                stage.keyholder.enter(kind, name, stage.story.proposals[which])
            death = Death(step)
            death.armed = True
            starting = running_server(
                stage.directory, stage.keyholder, stage.clock, caught_up=False, **options(death)
            )
            gone = contextlib.suppress(Killed, httpx.TransportError)
            with gone, starting as world:  # perhaps while it makes tables
                world.until(lambda: death.dead or world.health()["status"] == "ok")  # noqa: B023
            with running_server(stage.directory, stage.keyholder, stage.clock) as world:
                with world.sign_in() as client:
                    events = client.get("/v1/events", params={"after": 0}).json()["events"]
                told = [each for each in events if each["kind"] == "rebuilt"]
                assert len(told) == 1
            if not death.dead:
                break
    else:
        pytest.fail("a start takes more steps than that")
    assert step >= 4
