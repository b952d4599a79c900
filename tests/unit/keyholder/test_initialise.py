"""Genesis by a script: everything that could fail afterwards is found out before."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.hsm.errors import HsmUnreachable
from keyturn.keyholder import initialise as module
from keyturn.keyholder.config import load_config
from keyturn.keyholder.errors import SocketPathTooLong
from keyturn.keyholder.initialise import InitialiseRefused, initialise
from keyturn.quorum.bodies import TOKEN_PURPOSES, Purpose
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.roster import Witnesses
from support.founded import (
    ORIGIN,
    Founded,
    RealClock,
    founders,
    make_founded,
    officer_secrets,
    plan,
)
from support.witnesses import Pen


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return make_founded(tmp_path_factory.mktemp("founded") / "authority")


def refused(directory: Path, names: tuple[str, ...] = (), **changed: object) -> InitialiseRefused:
    """The refusal, and that nothing was made."""
    before = sorted(directory.rglob("*"))
    secrets = officer_secrets(names) if names else officer_secrets()
    with pytest.raises(InitialiseRefused) as found:
        initialise(plan(directory, **changed), founders(secrets), RealClock())
    assert sorted(directory.rglob("*")) == before
    return found.value


def test_what_genesis_leaves_is_all_that_a_keyholder_needs(founded: Founded) -> None:
    config = load_config(founded.config, {})
    bundle = founded.bundle

    assert (config.origin, config.fingerprint) == (ORIGIN, founded.fingerprint)
    assert config.log.is_dir()
    assert config.softhsm_configuration is not None
    assert config.softhsm_configuration.is_file()
    assert (bundle.roster.simulation, set(bundle.keys.keys)) == (
        True,
        {*TOKEN_PURPOSES, Purpose.KEYHOLDER},
    )
    assert (founded.directory / "keyholder.key").stat().st_mode & 0o777 == 0o600
    assert set(bundle.roster.officers) == set(founded.secrets)


def test_no_pin_lies_in_the_directory(founded: Founded, tmp_path: Path) -> None:
    pins = (founded.pin, founded.so_pin)
    assert not found_in(founded.directory, *pins)
    assert founded.pin != founded.so_pin

    copy = shutil.copytree(founded.directory, tmp_path / "copy")
    (copy / "log" / "note").write_bytes(b"the PIN is " + founded.pin)
    assert found_in(copy, *pins)  # the search finds what is there


def found_in(directory: Path, *secrets: bytes) -> list[Path]:
    files = [each for each in directory.rglob("*") if each.is_file()]
    assert len(files) > 10
    return [each for each in files if any(one in each.read_bytes() for one in secrets)]


def test_a_second_genesis_in_the_same_place_is_refused(founded: Founded) -> None:
    assert "an authority here already" in refused(founded.directory).message


@pytest.mark.parametrize("name", ["authority.bundle", "keyholder.toml"])
def test_a_genesis_cut_off_leaves_what_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Killed before a file was complete: there is no configuration, so no half a keyholder."""
    directory = tmp_path / "authority"
    write = module.write_whole

    def dying(path: Path, data: bytes) -> None:
        if path.name == name:
            path.with_name(name + ".unfinished").write_bytes(data[: len(data) // 2])
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(module, "write_whole", dying)
    with pytest.raises(KeyboardInterrupt):
        make_founded(directory)
    monkeypatch.undo()

    assert not (directory / "keyholder.toml").exists()
    error = refused(directory)
    assert "not empty" in error.message
    assert "delete it" in error.hint


def test_too_few_officers_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path / "authority", ("ada", "bela", "chen"))

    assert (error.found, error.expected) == ("3", "at least 4")


@pytest.mark.parametrize("origin", ["", "a b", "a+b", 'a"b', "a\\b", "a\nb", "x" * 201])
def test_a_log_that_cannot_be_named_so_is_refused(tmp_path: Path, origin: str) -> None:
    assert "the log's name" in refused(tmp_path / "authority", origin=origin).message


def test_a_place_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 100)
    with pytest.raises(SocketPathTooLong) as found:
        initialise(plan(directory), founders(officer_secrets()), RealClock())
    assert found.value.expected == "at most 107 bytes"
    assert not directory.exists()


def test_a_file_is_no_place(tmp_path: Path) -> None:
    path = tmp_path / "authority"
    path.write_text("")

    assert "not a directory" in refused(path).message


def test_a_place_that_cannot_be_written_into_settings_is_refused(tmp_path: Path) -> None:
    module_path = tmp_path / 'a"quote.so'
    shutil.copy(plan(tmp_path).module or "", module_path)
    directory = tmp_path / "authority"

    with pytest.raises(KeyturnError):
        initialise(plan(directory, module=module_path), founders(officer_secrets()), RealClock())
    assert not directory.exists()


def test_without_a_module_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(HsmUnreachable):
        initialise(
            plan(tmp_path / "authority", module=tmp_path / "missing.so"),
            founders(officer_secrets()),
            RealClock(),
        )
    assert not (tmp_path / "authority").exists()


def test_the_statements_live_as_long_as_planned(founded: Founded) -> None:
    for each in founded.bundle.state.newest.values():
        statement = each.statement
        assert statement.expires is not None
        assert statement.expires - statement.time == timedelta(days=90)
        assert statement.version == 1


def test_it_can_begin_with_witnesses(tmp_path: Path) -> None:
    key = Pen().verify_key
    place = plan(tmp_path / "authority", witnesses=Witnesses((key,), 1, 120))
    made = initialise(place, founders(officer_secrets()), RealClock())
    bundle = load_bundle(made.bundle.read_bytes(), made.fingerprint, RealClock()())
    assert bundle.roster.witnesses == Witnesses((key,), 1, 120)
