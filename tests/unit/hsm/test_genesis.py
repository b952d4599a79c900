from pathlib import Path

import pytest

from keyturn.hsm.errors import TokenError
from keyturn.hsm.genesis import write_configuration


def test_the_configuration_and_its_directories_are_private(tmp_path: Path) -> None:
    path = write_configuration(tmp_path / "deep" / "hsm")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (path.parent / "tokens").stat().st_mode & 0o777 == 0o700
    assert f"directories.tokendir = {tmp_path}/deep/hsm/tokens\n" in path.read_text()


def test_a_second_genesis_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = write_configuration(tmp_path)
    before = path.read_bytes()
    with pytest.raises(TokenError, match="already"):
        write_configuration(tmp_path)
    assert path.read_bytes() == before
