"""The agent's configuration: one TOML file, each value overridable by `KEYTURN_AGENT_<NAME>`.

It holds no secret. What is unknown or missing is refused (I6).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keyturn.agent.errors import ConfigInvalid
from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.errors import KeyturnError
from keyturn.wire.tls import Pin, parse_pin

MAX_CONFIG = 64 << 10
PREFIX = "KEYTURN_AGENT_"


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """`heartbeat` and `retry_refused` in seconds; `retry_refused` None: end when refused.

    `model`: the only model digest that may be served, or None for whatever the directory holds.
    """

    node: str
    control_url: str
    control_pin: Pin
    authority_bundle: Path
    authority_fingerprint: Digest
    sealed_model: Path
    device_socket: Path
    data: Path
    host: str
    port: int
    heartbeat: float
    retry_refused: float | None
    workers: int | None
    model: Digest | None


def load_config(path: Path, environment: Mapping[str, str]) -> AgentConfig:
    """Raises ConfigInvalid, naming the setting. Relative paths are relative to the file."""
    try:
        raw = path.read_bytes()
        values = tomllib.loads(raw[: MAX_CONFIG + 1].decode())
    except (OSError, ValueError) as error:
        raise ConfigInvalid(f"configuration {path}: {error}") from error
    if len(raw) > MAX_CONFIG:
        raise ConfigInvalid(f"configuration {path} is larger than {MAX_CONFIG} bytes")
    settings = _Settings(values, environment, path.parent)
    try:
        config = _read(settings)
    except ConfigInvalid:
        raise
    except KeyturnError as error:
        raise ConfigInvalid(error.message, found=error.found, expected=error.expected) from error
    settings.done()
    return config


def _read(settings: "_Settings") -> AgentConfig:
    host, _, port = settings.text("listen").rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigInvalid("setting 'listen'", expected="host:port, port 0 for any")
    fingerprint = settings.text("authority_fingerprint")
    model = settings.optional("model_digest")
    retry = settings.seconds("retry_refused_seconds", 0.0)
    return AgentConfig(
        node=settings.text("node"),
        control_url=settings.text("control_url"),
        control_pin=parse_pin(settings.text("control_pin")),
        authority_bundle=settings.path("authority_bundle"),
        authority_fingerprint=parse_digest(fingerprint, what="setting 'authority_fingerprint'"),
        sealed_model=settings.path("sealed_model"),
        device_socket=settings.path("device_socket"),
        data=settings.path("data"),
        host=host.strip("[]"),
        port=int(port),
        heartbeat=max(0.05, settings.seconds("heartbeat_seconds", 1.0)),
        retry_refused=retry or None,
        workers=int(settings.seconds("workers", 0)) or None,
        model=parse_digest(model, what="setting 'model_digest'") if model else None,
    )


class _Settings:
    """Typed reading of the file, the environment first."""

    def __init__(
        self, values: Mapping[str, object], environment: Mapping[str, str], base: Path
    ) -> None:
        self._values = values
        self._environment = environment
        self._base = base
        self._read: set[str] = set()

    def optional(self, name: str) -> str | None:
        value = self._find(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value or len(value) > 4096:
            raise ConfigInvalid(f"setting '{name}'", found=repr(value)[:80], expected="text")
        return value

    def text(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise ConfigInvalid(
                f"setting '{name}' is missing", hint=f"in the file, or as {PREFIX}{name.upper()}"
            )
        return value

    def path(self, name: str) -> Path:
        return self._base / Path(self.text(name)).expanduser()

    def seconds(self, name: str, default: float) -> float:
        value = self._find(name)
        try:
            number = default if value is None else float(str(value))
        except ValueError:
            number = -1.0
        if isinstance(value, bool) or not 0 <= number <= 86_400:
            raise ConfigInvalid(
                f"setting '{name}'", found=repr(value)[:80], expected="a number from 0 to 86400"
            )
        return number

    def done(self) -> None:
        """Refuse settings that nobody read."""
        prefixed = {k[len(PREFIX) :].lower() for k in self._environment if k.startswith(PREFIX)}
        unknown = sorted((set(self._values) | prefixed) - self._read)
        if unknown:
            raise ConfigInvalid(f"unknown setting '{unknown[0]}'")

    def _find(self, name: str) -> object:
        self._read.add(name)
        return self._environment.get(PREFIX + name.upper(), self._values.get(name))
