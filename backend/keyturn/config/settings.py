"""Typed settings from TOML and `KEYTURN_*` variables; what is unknown or missing is refused (I6).

No secret belongs here: secrets come by terminal or file descriptor (I8).
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from keyturn.base.encoding import Digest, parse_digest
from keyturn.config.errors import MalformedConfig

MAX_CONFIG = 64 << 10
MAX_TEXT = 4096

T = TypeVar("T")


class Settings:
    """One file's settings. Each is asked for once; `done` refuses what nobody asked for.

    A variable `<prefix><NAME>` wins over the file. Relative paths are relative to the file.
    An empty text is the same as none.
    """

    def __init__(
        self, values: Mapping[str, object], environment: Mapping[str, str], prefix: str, base: Path
    ) -> None:
        self._values = values
        self._environment = environment
        self._prefix = prefix
        self._base = base
        self._asked: set[str] = set()

    def text(self, name: str, default: str | None = None) -> str:
        """At most MAX_TEXT characters; not empty unless the default is. Raises MalformedConfig."""
        found = self._read(name, str, str, default)
        if len(found) > MAX_TEXT:
            raise MalformedConfig(
                f"setting '{name}'",
                found=f"{len(found)} characters",
                expected=f"at most {MAX_TEXT}",
            )
        return found

    def optional_text(self, name: str) -> str | None:
        return self.text(name, "") or None

    def integer(self, name: str, default: int | None = None, *, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        found = self._read(name, int, int, default)
        return self._within(name, found, low, high)

    def seconds(self, name: str, default: float | None = None, *, low: float, high: float) -> float:
        """A number from `low` to `high`, both included; NaN lies nowhere between."""
        found = self._read(name, (int, float), float, default)
        return self._within(name, float(found), low, high)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, empty by default; in a variable, separated by commas."""
        empty: list[str] = []
        found = self._read(name, list, _split, empty)
        if not all(isinstance(each, str) and each for each in found):
            raise MalformedConfig(f"setting '{name}'", expected="a list of texts")
        return tuple(found)

    def tables(self, name: str) -> tuple["Settings", ...]:
        """A list of tables `[[name]]`, empty by default; no variable overrides them."""
        self._asked.add(name)
        found = self._values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise MalformedConfig(f"setting '{name}'", expected=f"tables [[{name}]]")
        return tuple(Settings(each, {}, self._prefix, self._base) for each in found)

    def table(self, name: str) -> "Settings":
        """One table `[name]`, empty by default; no variable overrides it."""
        self._asked.add(name)
        found = self._values.get(name, {})
        if not isinstance(found, dict):
            raise MalformedConfig(f"setting '{name}'", expected=f"a table [{name}]")
        return Settings(found, {}, self._prefix, self._base)

    def flag(self, name: str, default: bool) -> bool:
        """true or false; in a variable, as text."""
        found = self._values.get(name, default)
        self._asked.add(name)
        named = self._environment.get(self._variable(name))
        if named is not None:
            found = {"true": True, "false": False}.get(named)
        if not isinstance(found, bool):
            raise MalformedConfig(f"setting '{name}'", expected="true or false")
        return found

    def path(self, name: str) -> Path:
        return self._base / self.text(name)

    def optional_path(self, name: str) -> Path | None:
        found = self.optional_text(name)
        return None if found is None else self._base / found

    def digest(self, name: str) -> Digest:
        """Raises MalformedError."""
        return parse_digest(self.text(name), what=f"setting '{name}'")

    def optional_digest(self, name: str) -> Digest | None:
        """Raises MalformedError."""
        found = self.optional_text(name)
        return None if found is None else parse_digest(found, what=f"setting '{name}'")

    def done(self) -> None:
        """Refuse settings and variables that nobody asked for: a slip of the pen, most likely."""
        unknown = sorted(set(self._values) - self._asked)
        if unknown:
            raise MalformedConfig(f"unknown setting '{unknown[0]}'")
        known = {self._variable(name) for name in self._asked}
        foreign = sorted(
            each
            for each in self._environment
            if each.startswith(self._prefix) and each not in known
        )
        if foreign:
            raise MalformedConfig(f"unknown variable {foreign[0]}")

    def _variable(self, name: str) -> str:
        return self._prefix + name.upper()

    def _read(
        self,
        name: str,
        kinds: type | tuple[type, ...],
        from_text: Callable[[str], T],
        default: T | None,
    ) -> T:
        self._asked.add(name)
        variable = self._variable(name)
        found: object = self._values.get(name)
        if variable in self._environment:
            try:
                found = from_text(self._environment[variable])
            except ValueError as error:
                raise MalformedConfig(f"variable {variable}", expected=_names(kinds)) from error
        if found is None or found == "":
            if default is None:
                raise MalformedConfig(f"setting '{name}' is missing", hint=f"or set {variable}")
            return default
        if not isinstance(found, kinds) or isinstance(found, bool):
            raise MalformedConfig(
                f"setting '{name}'", found=type(found).__name__, expected=_names(kinds)
            )
        return found  # type: ignore[return-value]  # checked by `kinds`

    def _within(self, name: str, found: T, low: T, high: T) -> T:
        if not low <= found <= high:  # type: ignore[operator]  # numbers
            raise MalformedConfig(
                f"setting '{name}'", found=str(found), expected=f"{low} to {high}"
            )
        return found


def load_settings(path: Path, environment: Mapping[str, str], prefix: str) -> Settings:
    """Read a file of at most MAX_CONFIG bytes. Raises MalformedConfig."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONFIG + 1)
    except OSError as error:
        raise MalformedConfig(f"configuration {path}: {error.strerror}") from error
    if len(raw) > MAX_CONFIG:
        raise MalformedConfig(f"configuration {path} is larger than {MAX_CONFIG} bytes")
    try:
        values = tomllib.loads(raw.decode())
    except ValueError as error:
        raise MalformedConfig(f"configuration {path} is not TOML: {error}") from error
    return Settings(values, environment, prefix, path.parent)


def _split(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _names(kinds: type | tuple[type, ...]) -> str:
    return " or ".join(each.__name__ for each in (kinds if isinstance(kinds, tuple) else (kinds,)))
