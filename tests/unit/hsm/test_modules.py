from pathlib import Path

import pytest

from keyturn.hsm import modules
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.modules import check_module, find_softhsm, library_path


def _unpacked(root: Path) -> Path:
    module = root / "usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"
    module.parent.mkdir(parents=True)
    module.touch()
    return module


def test_a_named_module_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "other.so"
    named.touch()
    monkeypatch.setenv("KEYTURN_HSM_MODULE", str(named))
    assert find_softhsm() == named


def test_a_named_module_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYTURN_HSM_MODULE", str(tmp_path / "none.so"))
    with pytest.raises(HsmUnreachable, match="not there"):
        find_softhsm()


def test_unpacked_packages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEYTURN_HSM_MODULE", raising=False)
    monkeypatch.setattr(modules, "_SYSTEM", tmp_path / "empty")
    module = _unpacked(tmp_path / "root")
    assert find_softhsm(tmp_path / "root") == module


def test_none_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEYTURN_HSM_MODULE", raising=False)
    monkeypatch.setattr(modules, "_SYSTEM", tmp_path)
    with pytest.raises(HsmUnreachable) as missing:
        find_softhsm()
    assert "softhsm2" in missing.value.hint


def test_unpacked_modules_find_their_neighbours(tmp_path: Path) -> None:
    module = _unpacked(tmp_path)
    assert str(tmp_path / "usr/lib/x86_64-linux-gnu") in library_path(module).split(":")


def test_the_systems_modules_need_no_path() -> None:
    assert library_path(Path("/usr/lib/softhsm/libsofthsm2.so")) == ""


def test_a_directory_is_no_module(tmp_path: Path) -> None:
    with pytest.raises(HsmUnreachable):
        check_module(tmp_path)
