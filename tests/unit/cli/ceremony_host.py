"""A played host on a socket and officers' commands at it, for the tests of `keyturn ceremony`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from support.ceremonies import Cast, playing_genesis
from support.ceremonycommands import Commands
from support.playedhost import PlayedHost, real_now

NAME = "rehearsal-genesis-1"


@dataclass
class AtHost:
    host: PlayedHost
    commands: Commands


@contextmanager
def at_step(directory: Path, step: str | None) -> Iterator[AtHost]:
    """A rehearsal of a genesis that waits for this step; None: nothing is opened yet."""
    host = PlayedHost(Cast())
    if step is not None:
        plays = playing_genesis(time=real_now() - timedelta(minutes=15))
        host.play = next(each for each in plays if each.course.step and each.step.id == step)
    socket = directory / "host.sock"
    with host.serving(socket):
        yield AtHost(host, Commands(directory, socket, host.cast))
