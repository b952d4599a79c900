import os
import subprocess
import sys
from pathlib import Path

import keyturn
from keyturn.vault import hygiene
from keyturn.vault.hygiene import harden_process

CHILD = """
import ctypes, resource
from keyturn.vault.hygiene import harden_process
found = harden_process()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_a_hardened_process_has_no_dumps():
    """In a child: the settings cannot be undone. 3 is PR_GET_DUMPABLE."""
    result = subprocess.run(
        [sys.executable, "-c", CHILD],
        env={**os.environ, "PYTHONPATH": str(Path(keyturn.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout.strip() == "(0, 0) 0"


def hardened(monkeypatch, swaps, dumpable=True):
    monkeypatch.setattr(hygiene.resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(hygiene, "_set_undumpable", lambda: dumpable)
    return harden_process(swaps=swaps)


def test_no_swap_no_caveat(monkeypatch, tmp_path):
    (tmp_path / "swaps").write_text("Filename\tType\tSize\tUsed\tPriority\n")
    assert hardened(monkeypatch, tmp_path / "swaps").caveats == frozenset()


def test_swap_is_named(monkeypatch, tmp_path):
    (tmp_path / "swaps").write_text("Filename\tType\n/dev/zram0 partition 8 0 100\n")
    found = hardened(monkeypatch, tmp_path / "swaps")
    assert found.caveats == {"unlocked-memory"}
    assert found.notes == ("swap is in use: /dev/zram0",)


def test_what_is_unknown_is_a_caveat(monkeypatch, tmp_path):
    found = hardened(monkeypatch, tmp_path / "absent")
    assert found.caveats == {"unlocked-memory"}
    assert "unknown" in found.notes[0]


def test_a_process_that_stays_dumpable_is_a_caveat(monkeypatch, tmp_path):
    (tmp_path / "swaps").write_text("Filename\n")
    found = hardened(monkeypatch, tmp_path / "swaps", dumpable=False)
    assert found.caveats == {"unlocked-memory"}


def test_core_dumps_that_stay_on_are_a_caveat(monkeypatch, tmp_path):
    (tmp_path / "swaps").write_text("Filename\n")

    def refuse(*_):
        raise ValueError("not allowed")

    monkeypatch.setattr(hygiene, "_set_undumpable", lambda: True)
    monkeypatch.setattr(hygiene.resource, "setrlimit", refuse)
    found = harden_process(swaps=tmp_path / "swaps")
    assert found.notes == ("core dumps could not be switched off: not allowed",)
