"""A machine without TUF's library fetches and lists, and says why it reads no bundles."""

import subprocess
import sys

import pytest

from keyturn.cli import collateralbundles as module
from keyturn.cli.collateralbundles import BundlesMissing, need_bundles


def test_with_the_libraries_nothing_is_said() -> None:
    need_bundles()


def test_without_them_the_missing_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "tuf" else object())
    with pytest.raises(BundlesMissing) as caught:
        need_bundles()
    assert caught.value.found == "without tuf"
    assert "keyturn[control]" in caught.value.hint


def test_the_commands_and_the_keyholder_load_without_them() -> None:
    script = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('tuf', 'securesystemslib'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import keyturn.cli.collateral, keyturn.keyholder.command, keyturn.agent.command\n"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
