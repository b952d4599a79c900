"""Debian packages: nothing, apt, sudo, unpack, or one message; in this order and no other."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import debian
from debian import (
    PIP_WHEEL,
    QT,
    QT_DISPLAY,
    SOFTHSM,
    DebianError,
    DebianPackage,
    ensure,
    environment_with,
)

LIBRARY = "usr/lib/softhsm/libsofthsm2.so"


class Machine:
    """A Debian machine: what each command does to it, and what was asked of it."""

    def __init__(self, root: Path) -> None:
        self.system = root / "system"
        self.cache = root / "cache"
        self.commands: list[str] = []
        self.install = lambda: 0
        self.update = lambda: 0
        self.download = lambda: 0
        self.sudo = 0

    def run(self, command: Sequence[str]) -> int:
        text = " ".join(command)
        self.commands.append(text)
        if text == "sudo -n true":
            return self.sudo
        if "--download-only" in command:
            return self.download()
        if command[0] == "dpkg-deb":
            self.touch(Path(command[3]))
            return 0
        if "install" in command:
            return self.install()
        return self.update()

    def touch(self, root: Path) -> int:
        path = root / LIBRARY
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return 0

    def ensure(self, *, is_root: bool) -> Path:
        (found,) = ensure([SOFTHSM], self.cache, run=self.run, system=self.system, is_root=is_root)
        return found


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(debian.shutil, "which", lambda name: f"/usr/bin/{name}")
    made = Machine(tmp_path)

    def download() -> int:
        (made.cache / "archives" / "softhsm2_2.6.1_amd64.deb").touch()
        return 0

    made.download = download
    return made


def installs(machine: Machine) -> Callable[[], int]:
    return lambda: machine.touch(machine.system)


@pytest.mark.parametrize(
    "place", ["usr/lib/softhsm/libsofthsm2.so", "usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"]
)
def test_what_is_there_needs_no_command(machine: Machine, place: str) -> None:
    path = machine.system / place
    path.parent.mkdir(parents=True)
    path.touch()
    assert machine.ensure(is_root=False) == path
    assert machine.commands == []


def test_what_was_unpacked_before_needs_no_command(machine: Machine) -> None:
    machine.touch(machine.cache / "root")
    assert machine.ensure(is_root=False) == machine.cache / "root" / LIBRARY
    assert machine.commands == []


def test_root_installs_without_fetching_lists(machine: Machine) -> None:
    machine.install = installs(machine)
    assert machine.ensure(is_root=True) == machine.system / LIBRARY
    (command,) = machine.commands
    assert command.startswith("env DEBIAN_FRONTEND=noninteractive apt-get")
    assert command.endswith("install -y --no-install-recommends softhsm2")


def test_lists_are_fetched_when_apt_does_not_know_the_package(machine: Machine) -> None:
    answers = iter([lambda: 100, installs(machine)])
    machine.install = lambda: next(answers)()
    assert machine.ensure(is_root=True) == machine.system / LIBRARY
    assert [command.split()[-1] for command in machine.commands] == [
        "softhsm2",
        "update",
        "softhsm2",
    ]


def test_sudo_is_used_where_it_asks_nothing(machine: Machine) -> None:
    machine.install = installs(machine)
    assert machine.ensure(is_root=False) == machine.system / LIBRARY
    assert machine.commands[0] == "sudo -n true"
    assert machine.commands[1].startswith("sudo -n env")


def test_without_root_and_sudo_it_is_unpacked_into_the_cache(machine: Machine) -> None:
    machine.sudo = 1
    assert machine.ensure(is_root=False) == machine.cache / "root" / LIBRARY
    assert not any(command.startswith(("sudo -n env", "env")) for command in machine.commands)
    assert sorted(path.name for path in machine.cache.iterdir()) == [
        "archives",
        "lists",
        "root",
        "state",
    ]


def test_where_sudo_is_not_installed_it_is_not_called(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian.shutil, "which", lambda name: None if name == "sudo" else name)
    machine.ensure(is_root=False)
    assert not any(command.startswith("sudo") for command in machine.commands)


def test_unpacking_keeps_what_was_unpacked_before(machine: Machine) -> None:
    wheel = machine.cache / "root" / "usr/share/python-wheels/pip-0.whl"
    wheel.parent.mkdir(parents=True)
    wheel.touch()
    machine.sudo = 1
    machine.ensure(is_root=False)
    assert PIP_WHEEL.find(machine.cache / "root") == wheel


def test_private_apt_touches_nothing_of_the_machines(tmp_path: Path) -> None:
    words = debian.private_apt(tmp_path, tmp_path / "lists")
    options = dict(word.split("=", 1) for word in words if "=" in word and "::" in word)
    options |= {"Dir::State": next(w for w in words if w.startswith("Dir::State="))[11:]}
    for name in ("Dir::State", "Dir::State::lists", "Dir::Cache", "Dir::Cache::archives"):
        assert Path(options[name]).is_relative_to(tmp_path), name
    assert options["Dir::State::status"] == "/var/lib/dpkg/status", "read: what is installed"


def test_nothing_works_and_one_message_names_the_packages(machine: Machine) -> None:
    machine.install = lambda: 100
    machine.download = lambda: 100
    with pytest.raises(DebianError, match="apt-get install softhsm2") as caught:
        machine.ensure(is_root=True)
    assert len(str(caught.value).splitlines()) == 2


def test_a_machine_without_apt_gets_the_message_at_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian.shutil, "which", lambda name: None)
    with pytest.raises(DebianError, match="softhsm2"):
        machine.ensure(is_root=True)
    assert machine.commands == []


# Qt's libraries


def put(package: DebianPackage, root: Path) -> Path:
    """The package's proving file, where Debian has it."""
    path = root / package.proofs[0].replace("*-linux-gnu*", "x86_64-linux-gnu")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize("package", [*QT, *QT_DISPLAY], ids=lambda package: package.name)
def test_each_package_is_found_by_its_file(package: DebianPackage, tmp_path: Path) -> None:
    assert package.find(tmp_path) is None
    path = put(package, tmp_path)
    assert package.find(tmp_path) == path


def test_on_a_machine_with_qts_libraries_nothing_is_added(tmp_path: Path) -> None:
    for package in (*QT, *QT_DISPLAY):
        put(package, tmp_path / "system")
    put(SOFTHSM, tmp_path / "cache" / "root")
    given = {"PATH": "/usr/bin"}
    assert environment_with(tmp_path / "cache", given, system=tmp_path / "system") == given


def test_where_nothing_was_unpacked_nothing_is_added(tmp_path: Path) -> None:
    assert environment_with(tmp_path / "cache", {}, system=tmp_path / "system") == {}


def test_unpacked_libraries_come_before_the_callers_own(tmp_path: Path) -> None:
    root = tmp_path / "cache" / "root"
    for package in QT:
        put(package, root)
    (root / "etc" / "fonts").mkdir(parents=True)
    given = {"LD_LIBRARY_PATH": "/opt/lib"}
    found = environment_with(tmp_path / "cache", given, system=tmp_path / "system")
    places = found["LD_LIBRARY_PATH"].split(":")
    assert places == [f"{root}/usr/lib", f"{root}/usr/lib/x86_64-linux-gnu", "/opt/lib"]
    assert found["FONTCONFIG_PATH"] == f"{root}/etc/fonts"
    assert "XKB_CONFIG_ROOT" not in found
    assert given == {"LD_LIBRARY_PATH": "/opt/lib"}


def test_the_simulators_tpm_is_found_by_its_program(tmp_path: Path) -> None:
    assert debian.SWTPM.find(tmp_path) is None
    program = put(debian.SWTPM, tmp_path)
    assert debian.SWTPM.find(tmp_path) == program


def test_nss_is_found_where_debian_12_and_older_ones_keep_it(tmp_path: Path) -> None:
    assert debian.NSS.find(tmp_path) is None
    for place in ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu/nss"):
        module = tmp_path / place / "libsoftokn3.so"
        module.parent.mkdir(parents=True)
        module.touch()
        assert debian.NSS.find(tmp_path) == module
        module.unlink()
