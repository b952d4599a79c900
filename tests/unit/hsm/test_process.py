from pathlib import Path

import pytest

from keyturn.hsm.process import child_command, child_environment


def test_the_environment_is_only_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYTURN_SECRET", "value")
    environment = child_environment(Path("/usr/lib/softhsm/m.so"), Path("/etc/softhsm2.conf"))
    assert set(environment) <= {
        "PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SOFTHSM2_CONF"
    }  # fmt: skip
    assert environment["SOFTHSM2_CONF"] == "/etc/softhsm2.conf"


def test_a_child_takes_no_code_from_the_current_directory() -> None:
    command = child_command("keyturn.hsm.worker", "--x")
    assert command[1:] == ["-P", "-s", "-m", "keyturn.hsm.worker", "--x"]
