"""Configuration: a TOML file, each field overridable by a KEYTURN_CONTROL_ variable."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.errors import MalformedError
from keyturn.control.errors import MalformedConfig

PREFIX = "KEYTURN_CONTROL_"


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """`host` and `port` to listen on (port 0: any free one); times in seconds."""

    data: Path  # the server's TLS key, ready.json and, by default, the database
    keyholder: Path  # unix socket
    fingerprint: Digest  # the authority that this server believes
    host: str = "127.0.0.1"
    port: int = 8443
    database: str = ""  # URL; empty for SQLite in `data`
    names: tuple[str, ...] = ()  # further names in the TLS certificate
    heartbeat_seconds: float = 5.0  # a node is stale after two of these without a word
    poll_seconds: float = 0.25  # how often the keyholder's log is asked for news

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data / 'keyturn.db'}"


_REQUIRED = ("data", "keyholder", "fingerprint")
_KINDS: dict[str, type] = {
    "data": str,
    "keyholder": str,
    "fingerprint": str,
    "host": str,
    "port": int,
    "database": str,
    "names": list,
    "heartbeat_seconds": float,
    "poll_seconds": float,
}


def load_config(path: Path, environment: Mapping[str, str]) -> ControlConfig:
    """Read the file and the variables. Raises MalformedConfig; an unknown field is refused."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MalformedConfig(f"{path.name} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MalformedConfig(f"{path.name} is not TOML: {error}") from error
    values = {name: _checked(name, value) for name, value in raw.items()}
    for name in _KINDS:
        text = environment.get(PREFIX + name.upper())
        if text is not None:
            values[name] = _from_text(name, text)
    missing = [name for name in _REQUIRED if name not in values]
    if missing:
        raise MalformedConfig(f"configuration: {', '.join(missing)} must be set")
    return _build(values, path.parent)


def _build(values: dict[str, Any], base: Path) -> ControlConfig:
    try:
        fingerprint = parse_digest(values.pop("fingerprint"), what="fingerprint")
    except MalformedError as error:
        raise MalformedConfig(str(error)) from error
    if not 0 <= values.get("port", 0) <= 65_535:
        raise MalformedConfig("configuration: port", expected="0 to 65535")
    for name in ("heartbeat_seconds", "poll_seconds"):
        if not 0.01 <= values.get(name, 1.0) <= 3600:
            raise MalformedConfig(f"configuration: {name}", expected="0.01 to 3600")
    return ControlConfig(
        data=base / values.pop("data"),
        keyholder=base / values.pop("keyholder"),
        fingerprint=fingerprint,
        names=tuple(values.pop("names", ())),
        **values,
    )


def _checked(name: str, value: object) -> object:
    kind = _KINDS.get(name)
    if kind is None:
        raise MalformedConfig(f"configuration: unknown field '{name}'")
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or (
        isinstance(value, list) and not all(isinstance(each, str) for each in value)
    ):
        raise MalformedConfig(
            f"configuration: {name}", found=type(value).__name__, expected=kind.__name__
        )
    return value


def _from_text(name: str, text: str) -> object:
    kind = _KINDS[name]
    try:
        if kind is list:
            return [each.strip() for each in text.split(",") if each.strip()]
        return kind(text)
    except ValueError as error:
        raise MalformedConfig(f"{PREFIX}{name.upper()}", expected=kind.__name__) from error
