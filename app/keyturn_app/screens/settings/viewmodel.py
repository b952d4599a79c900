"""The settings as they are shown. No Qt in here."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import platform, python_version

from cryptography.hazmat.backends.openssl import backend

from keyturn_app.i18n import DOMAIN, _, n_
from keyturn_app.settings import (
    CLIPBOARD_SECONDS,
    IDLE_MINUTES,
    Appearance,
    Choices,
    Density,
)


@dataclass(frozen=True, slots=True)
class SettingsView:
    choices: Choices
    about: tuple[tuple[str, str], ...]  # part, version


@dataclass(frozen=True, slots=True)
class Option:
    """One of several: `value` is what is kept, `text` what is shown."""

    value: object
    text: str


def appearances() -> tuple[Option, ...]:
    return (
        Option(Appearance.SYSTEM, _("As the desktop")),
        Option(Appearance.DARK, _("Dark")),
        Option(Appearance.LIGHT, _("Light")),
    )


def densities() -> tuple[Option, ...]:
    return Option(Density.ROOMY, _("Roomy")), Option(Density.COMPACT, _("Compact"))


def idle_times() -> tuple[Option, ...]:
    return tuple(
        Option(each, n_("{count} minute", "{count} minutes", each)) for each in IDLE_MINUTES
    )


def clipboard_times() -> tuple[Option, ...]:
    return tuple(
        Option(each, n_("{count} second", "{count} seconds", each)) for each in CLIPBOARD_SECONDS
    )


def languages(translations: Path) -> tuple[Option, ...]:
    """English is in the program; others are catalogues below `translations`."""
    catalogues = sorted(translations.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    found = [each.parents[1].name for each in catalogues]
    return (
        Option("", _("As the desktop")),
        Option("en", "English"),
        *(Option(each, each) for each in found if each != "en"),
    )


def about() -> tuple[tuple[str, str], ...]:
    """What runs here, for a report."""
    return (
        (_("Keyturn"), _version("keyturn")),
        (_("Qt for Python"), _version("pyside6-essentials")),
        (_("Python"), python_version()),
        (_("cryptography"), _version("cryptography")),
        (_("OpenSSL"), backend.openssl_version_text().removeprefix("OpenSSL ")),
        (_("System"), platform(terse=True)),
    )


def about_text(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{part}: {found}" for part, found in rows)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return _("from source")
