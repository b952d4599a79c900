from pathlib import Path

import pytest

from keyturn.hsm import modules
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.modules import (
    check_module,
    find_card_modules,
    find_nss,
    find_softhsm,
    library_path,
)


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


def test_modules_of_cards_are_found_once_each(tmp_path: Path) -> None:
    assert find_card_modules(tmp_path) == ()
    libraries = tmp_path / "usr/lib/x86_64-linux-gnu"
    (libraries / "pkcs11").mkdir(parents=True)
    opensc = libraries / "opensc-pkcs11.so"
    opensc.touch()
    (libraries / "pkcs11/opensc-pkcs11.so").symlink_to(opensc)
    (libraries / "libykcs11.so.2").touch()
    (libraries / "libykcs11.so").symlink_to(libraries / "libykcs11.so.2")
    softhsm = libraries / "softhsm/libsofthsm2.so"
    softhsm.parent.mkdir()
    softhsm.touch()
    found = find_card_modules(tmp_path)
    assert {each.resolve() for each in found} == {opensc, libraries / "libykcs11.so.2", softhsm}
    assert len(found) == 3


def test_nss_is_found_or_its_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules, "_SYSTEM", tmp_path / "empty")
    with pytest.raises(HsmUnreachable) as missing:
        find_nss(tmp_path)
    assert "libnss3" in missing.value.hint
    module = tmp_path / "usr/lib/x86_64-linux-gnu/libsoftokn3.so"
    module.parent.mkdir(parents=True)
    module.touch()
    assert find_nss(tmp_path) == module
