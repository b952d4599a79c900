"""An officer's client killed at each change that it makes on disk: old or new, never half (I5).

A process forks; each child is killed by SIGKILL at one of the audited calls that open, rename or
make something (PEP 578), and its parent reads what is there then.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(300)

SCRIPT = r"""
import os, signal, sys
from datetime import datetime, timedelta, UTC
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519
from keyturn.base.signatures import load_verify_key
from keyturn.client.memory import Memory, Session
from keyturn.client.profile import Places, Profile, read_profile, write_profile
from keyturn.officerkeys.location import InKeyring
from keyturn.tlog.checkpoints import Checkpoint, parse_checkpoint, sign_checkpoint
from keyturn.tlog.merkle import Hash
from keyturn.tlog.notes import parse_note
from support.authority import spki

WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "fcntl.flock", "tempfile.mkstemp"}
FINGERPRINT, PIN, OTHER = "sha256:" + "ab" * 32, "cd" * 32, "ef" * 32
places = Places(Path(sys.argv[1]), Path(sys.argv[1]) / "state")
private = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
key = load_verify_key(spki(private))
now = datetime(2026, 11, 23, 8, tzinfo=UTC)
armed, count, fatal = False, 0, 0


def hook(event, _arguments):
    global count
    if armed and event in WATCHED:
        if count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1


sys.addaudithook(hook)


def note(size):
    return sign_checkpoint(Checkpoint("log", size, Hash(bytes(32))), key, private.sign).to_bytes()


def profile(pin):
    return Profile("https://control.test", pin, FINGERPRINT, "ada", InKeyring("ada"))


def world(size, pin):
    memory = Memory(FINGERPRINT, places.state)
    memory.keep_versions(size, size)
    memory.keep_checkpoint("log", note(size))
    memory.keep_session(Session("t" * size, pin, "ada", now + timedelta(minutes=15)))
    write_profile(places, profile(pin))


def seen():
    kept = Memory(FINGERPRINT, places.state).recall()
    size = parse_checkpoint(parse_note(kept.checkpoints["log"]).text).size
    session = len(kept.session.token) if kept.session else 0
    return kept.roster_version, kept.keys_version, size, session, read_profile(places).pin


world(1, PIN)
low, pin = 1, PIN
for fatal in range(1000):
    high, next_pin = low + 1, OTHER if pin == PIN else PIN
    child = os.fork()
    if child == 0:
        armed = True
        world(high, next_pin)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = seen()
    assert set(found[:4]) <= {low, high}, (fatal, found)
    assert found[0] == found[1], (fatal, found)
    assert found[4] in (pin, next_pin), (fatal, found)
    # in the order in which they were written: nothing later without what came before it
    order = (found[0] == high, found[2] == high, found[3] == high, found[4] == next_pin)
    assert list(order) == sorted(order, reverse=True), (fatal, found)
    world(high, next_pin)  # and it goes on from there
    assert seen() == (high, high, high, high, next_pin)
    low, pin = high, next_pin
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        print(fatal)
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
"""


def test_killed_at_every_change_on_disk(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(ROOT / "backend"), str(ROOT / "tests"))),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "officer")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= 12  # steps that were each fatal once
