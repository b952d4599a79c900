"""Where a PKCS#11 module may be found when nobody names one."""

import os
from collections.abc import Iterator
from pathlib import Path

from keyturn.hsm.errors import HsmUnreachable

SOFTHSM = "libsofthsm2.so"
NSS = "libsoftokn3.so"
_USUAL = (
    "usr/lib/softhsm",
    "usr/lib/x86_64-linux-gnu/softhsm",
    "usr/lib/aarch64-linux-gnu/softhsm",
    "usr/lib64/pkcs11",
    "usr/lib/pkcs11",
    "usr/local/lib/softhsm",
    "opt/homebrew/lib/softhsm",
)
_CARDS = ("opensc-pkcs11.so", "libykcs11.so", "libykcs11.so.2", SOFTHSM)
_CARD_PLACES = (
    *_USUAL,
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/pkcs11",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/aarch64-linux-gnu/pkcs11",
    "usr/lib64",
    "usr/lib",
    "opt/homebrew/lib",
    "Library/OpenSC/lib",
)
_LIBRARIES = (
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/nss",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/aarch64-linux-gnu/nss",
    "usr/lib64",
    "usr/lib",
)
_SYSTEM = Path("/")
MODULE_VARIABLE = "KEYTURN_HSM_MODULE"


def find_softhsm(unpacked: Path | None = None) -> Path:
    """SoftHSM 2's module: `KEYTURN_HSM_MODULE`, the system's, or below `unpacked`.

    `unpacked` is a directory into which Debian packages were unpacked without root.
    Raises HsmUnreachable.
    """
    named = os.environ.get(MODULE_VARIABLE)
    if named:
        return check_module(Path(named))
    for candidate in _candidates(unpacked):
        if candidate.is_file():
            return candidate
    raise HsmUnreachable(
        "SoftHSM 2 is not installed",
        expected=SOFTHSM,
        hint=f"install the package softhsm2, or name a PKCS#11 module in {MODULE_VARIABLE}",
    )


def find_nss(unpacked: Path | None = None) -> Path:
    """NSS softoken's module, the system's or below `unpacked`. Raises HsmUnreachable."""
    for root in (_SYSTEM, unpacked) if unpacked else (_SYSTEM,):
        for place in _LIBRARIES:
            if (root / place / NSS).is_file():
                return root / place / NSS
    raise HsmUnreachable(
        "NSS softoken is not installed", expected=NSS, hint="install the package libnss3"
    )


def find_card_modules(root: Path = _SYSTEM) -> tuple[Path, ...]:
    """Modules of people's cards that are installed in a usual place; each file once."""
    found: dict[Path, Path] = {}
    for place in _CARD_PLACES:
        for name in _CARDS:
            path = root / place / name
            if path.is_file():
                found.setdefault(path.resolve(), path)
    return tuple(found.values())


def check_module(module: Path) -> Path:
    """The absolute path of a configured module. Raises HsmUnreachable when it is not a file."""
    if not module.is_file():
        raise HsmUnreachable("the configured PKCS#11 module is not there", found=str(module))
    return module.resolve()


def library_path(module: Path) -> str:
    """LD_LIBRARY_PATH for a module from unpacked packages, so that it finds its neighbours."""
    for parent in module.parents:
        if (parent / "usr" / "lib").is_dir() and parent != Path("/"):
            folders = (parent / place for place in ("usr/lib", "lib"))
            multi = (each for folder in folders for each in (folder, *folder.glob("*-linux-gnu")))
            return os.pathsep.join(str(each) for each in multi if each.is_dir())
    return ""


def _candidates(unpacked: Path | None) -> Iterator[Path]:
    roots = (_SYSTEM, unpacked) if unpacked else (_SYSTEM,)
    for root in roots:
        for place in _USUAL:
            yield root / place / SOFTHSM
