"""Arguments, signals, and the two ways to run: through and out, or up until Ctrl-C."""

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from keyturn.base.errors import KeyturnError
from keyturn_demo import desktop
from keyturn_demo.console import Narrator, StepFailed
from keyturn_demo.parts import System
from keyturn_demo.record import RecordedStory
from keyturn_demo.story import Story
from keyturn_demo.world import left_of, new_world


class Stopped(BaseException):
    """A signal asked the demo to end; everything it began is ended on the way out."""


def main(arguments: list[str]) -> int:
    """Exit status 0 only if every step held."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--headless", action="store_true", help="run through, then end")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="keep it for the app's pictures"
    )
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    say = Narrator()
    say.warn("SIMULATED hardware: an authority for demonstrations. Nothing here protects a model.")
    places: list[Path] = []
    try:
        with new_world() as world, System(world) as system:
            places.append(world.directory)
            if options.record is not None:
                _tell(say, RecordedStory(system, say, options.record.absolute()), stay=False)
            else:
                _tell(say, Story(system, say), stay=not options.headless)
    except (StepFailed, KeyturnError) as error:
        say.failed(str(error))
        return 1
    except Stopped:
        found = [line for place in places for line in left_of(place)]
        if found:
            say.failed("stopped, but something is left: " + "; ".join(found))
            return 1
        say.warn("stopped; no process, file or secret is left")
        return 0 if not options.headless else 1
    return 0


def _tell(say: Narrator, story: Story, *, stay: bool) -> None:
    """However it ends, no later signal reaches the clean-up that follows."""
    try:
        story.tell()
        say.chapter(f"Every step held: {say.steps} in {say.seconds:.0f} s")
        if stay:
            _stay(say, story)
    finally:
        _ignore_signals()


def _stay(say: Narrator, story: Story) -> None:
    with say.working("a node that keeps serving"):
        places = story.stay()
    _open_app(say, story, places["officers"])
    say.chapter("It stays up. Try:")
    keyturn = f"{sys.executable.rpartition('/')[0]}/keyturn"
    officer = f"--profile {places['profile']} --passphrase-fd 3 3<{places['passphrase_file']}"
    for line in (
        f"curl -k {places['control']}/v1/hello",
        f"curl -k {places['node']}/v1/embeddings -H 'content-type: application/json' "
        """-d '{"model": "all-MiniLM-L6-v2", "input": "The weights are the company."}'""",
        f"curl -k {places['node']}/.well-known/keyturn",
        f"{keyturn} node list {officer}",
        f"{keyturn} proposal list {officer}",
        f"{keyturn} log show {officer}",
        f"{keyturn} proposal revoke --node node-3 --reason 'to see it' {officer}",
    ):
        say.detail(line)
    say.detail("Ctrl-C ends it and leaves nothing behind.")
    while not threading.Event().wait(1.0):
        story.watch()


def _open_app(say: Narrator, story: Story, officers: str) -> None:
    say.chapter("The desktop app")
    reason = desktop.why_not()
    if reason:
        say.detail(f"not opened: {reason}")
        return
    with say.working("its window opens"):
        desktop.open_app(story.system)
    say.step("open and live, signed in as five officers", "switch between them at the top right")
    say.detail(f"if you lock it, each officer's passphrase is in {officers}/NAME/passphrase")


def _stop(_number: int, _frame: FrameType | None) -> None:
    _ignore_signals()  # before anything else: a second Ctrl-C must not end the clean-up
    raise Stopped


def _ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
