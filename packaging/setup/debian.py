"""Debian packages that a wheel cannot bring: found where they are, installed or unpacked.

In this order: nothing to do; apt as root or with `sudo -n`; without root, download with a
private apt state and unpack into `.cache/debian/root`, where Keyturn's own finders also look
(`environment_with` tells the dynamic linker);
otherwise one message that names the packages. Standard library only. Nothing here names a
mirror: apt uses the machine's own sources.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SYSTEM_LISTS = Path("/var/lib/apt/lists")
SYSTEM_STATUS = Path("/var/lib/dpkg/status")
_QUIET = ("-qq", "-o", "Dpkg::Use-Pty=0")
_INSTALL = ("install", "-y", "--no-install-recommends")

Run = Callable[[Sequence[str]], int]
"""Runs one command and gives its exit status."""


class DebianError(Exception):
    """Packages are missing and could not be had; the message says what to do."""


@dataclass(frozen=True)
class DebianPackage:
    """A package, and files (glob patterns below a root) one of which proves that it is there."""

    name: str
    proofs: tuple[str, ...]

    def find(self, root: Path) -> Path | None:
        """The first file below `root` that proves the package, or None."""
        for pattern in self.proofs:
            for path in sorted(root.glob(pattern)):
                return path
        return None


SOFTHSM = DebianPackage(
    "softhsm2", ("usr/lib/softhsm/libsofthsm2.so", "usr/lib/*/softhsm/libsofthsm2.so")
)
NSS = DebianPackage(
    "libnss3",
    (
        "usr/lib/*-linux-gnu*/libsoftokn3.so",
        "usr/lib/*-linux-gnu*/nss/libsoftokn3.so",
        "usr/lib64/libsoftokn3.so",
    ),
)
"""A second token for the tests; apt brings its libraries (libnspr4, libsqlite3-0)."""
SWTPM = DebianPackage("swtpm", ("usr/bin/swtpm",))
"""The simulator's TPM 2.0; no part that ships needs it."""
PIP_WHEEL = DebianPackage("python3-pip-whl", ("usr/share/python-wheels/pip-*.whl",))


def _library(name: str, file: str) -> DebianPackage:
    places = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib64", "usr/lib")
    return DebianPackage(name, tuple(f"{place}/{file}" for place in places))


QT = (
    _library("libgl1", "libGL.so.1"),
    _library("libegl1", "libEGL.so.1"),
    _library("libglib2.0-0", "libglib-2.0.so.0"),
    _library("libdbus-1-3", "libdbus-1.so.3"),
    _library("libfontconfig1", "libfontconfig.so.1"),
    _library("libxkbcommon0", "libxkbcommon.so.0"),
)
"""What Qt's own libraries are linked with; without a display, too."""

QT_DISPLAY = (
    _library("libxcb-cursor0", "libxcb-cursor.so.0"),
    _library("libxcb-icccm4", "libxcb-icccm.so.4"),
    _library("libxcb-keysyms1", "libxcb-keysyms.so.1"),
    _library("libxcb-shape0", "libxcb-shape.so.0"),
    _library("libxkbcommon-x11-0", "libxkbcommon-x11.so.0"),
    DebianPackage("xvfb", ("usr/bin/Xvfb",)),
    DebianPackage("xauth", ("usr/bin/xauth",)),
)
"""What a window on an X display needs, and the display that tests open one on."""


def ensure(
    packages: Sequence[DebianPackage],
    cache: Path,
    *,
    run: Run,
    system: Path = Path("/"),
    is_root: bool | None = None,
) -> tuple[Path, ...]:
    """The proving file of each package, installing what is missing.

    `cache` is this project's own directory (`.cache/debian`). Raises DebianError.
    """
    unpacked = cache / "root"

    def missing() -> list[DebianPackage]:
        return [each for each in packages if not (each.find(system) or each.find(unpacked))]

    root = os.geteuid() == 0 if is_root is None else is_root
    if missing():
        _install([each.name for each in missing()], [] if root else ["sudo", "-n"], run)
    if missing():
        _unpack([each.name for each in missing()], cache, run)
    if missing():
        names = " ".join(each.name for each in missing())
        raise DebianError(
            f"Debian packages are missing and could not be installed here: {names}\n"
            f"Install them (apt-get install {names}) and run the same command again."
        )
    found = [each.find(system) or each.find(unpacked) for each in packages]
    return tuple(each for each in found if each)


def environment_with(
    cache: Path, environment: Mapping[str, str], *, system: Path = Path("/")
) -> dict[str, str]:
    """An environment in which programs find the libraries of packages unpacked into `cache`.

    Where Qt's libraries are the machine's own, nothing is added.
    """
    unpacked = cache / "root"
    found = dict(environment)
    if all(each.find(system) for each in (*QT, *QT_DISPLAY)) or not unpacked.is_dir():
        return found
    patterns = ("usr/lib", "usr/lib/*-linux-gnu*", "lib", "lib/*-linux-gnu*")
    folders = [str(path) for each in patterns for path in sorted(unpacked.glob(each))]
    given = [found["LD_LIBRARY_PATH"]] if found.get("LD_LIBRARY_PATH") else []
    found["LD_LIBRARY_PATH"] = os.pathsep.join([*folders, *given])
    for name, place in (("FONTCONFIG_PATH", "etc/fonts"), ("XKB_CONFIG_ROOT", "usr/share/X11/xkb")):
        if (unpacked / place).is_dir() and not (system / place).is_dir():
            found.setdefault(name, str(unpacked / place))
    return found


def _install(names: Sequence[str], prefix: Sequence[str], run: Run) -> None:
    """Install with apt; lists are fetched only when apt does not know the packages yet."""
    if not shutil.which("apt-get") or (prefix and not shutil.which(prefix[0])):
        return
    if prefix and run([*prefix, "true"]) != 0:
        return
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *_QUIET]
    if run([*apt, *_INSTALL, *names]) != 0:
        run([*apt, "update"])
        run([*apt, *_INSTALL, *names])


def _unpack(names: Sequence[str], cache: Path, run: Run) -> None:
    """Download without root and unpack into `cache/root`; whole or not at all."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
    archives = archives_of(cache)
    for directory in (cache / "state", cache / "lists" / "partial", archives / "partial"):
        directory.mkdir(parents=True, exist_ok=True)
    known = [*private_apt(cache, SYSTEM_LISTS), "--download-only", *_INSTALL, *names]
    fetched = [*private_apt(cache, cache / "lists"), "--download-only", *_INSTALL, *names]
    if run(known) != 0:
        run([*private_apt(cache, cache / "lists"), "update"])
        if run(fetched) != 0:
            return
    new = cache / "root.new"
    shutil.rmtree(new, ignore_errors=True)
    if (cache / "root").exists():
        shutil.copytree(cache / "root", new, symlinks=True)
    for package in sorted(archives.glob("*.deb")):
        if run(["dpkg-deb", "-x", str(package), str(new)]) != 0:
            return
    shutil.rmtree(cache / "root", ignore_errors=True)
    new.rename(cache / "root")


def private_apt(cache: Path, lists: Path) -> list[str]:
    """apt-get with state and cache of our own; what is installed already is taken as given."""
    options = {
        "Dir::State": cache / "state",
        "Dir::State::lists": lists,
        "Dir::State::status": SYSTEM_STATUS,
        "Dir::Cache": cache,
        "Dir::Cache::archives": archives_of(cache),
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",
    }
    words = ["apt-get", *_QUIET]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return words


def archives_of(cache: Path) -> Path:
    """Where the downloaded packages lie."""
    return cache / "archives"
