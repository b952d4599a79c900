"""The witness's settings: its name, key and data, and the logs that it watches. No secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.config.errors import MalformedConfig
from keyturn.config.settings import Settings, load_settings

PREFIX = "KEYTURN_WITNESS_"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """A log, by its authority: the pinned fingerprint, and a bundle that chains to it."""

    fingerprint: Digest
    bundle: Path


@dataclass(frozen=True, slots=True)
class WitnessConfig:
    """`port` 0: any free one. `names` are further names in the TLS certificate."""

    name: str
    key: Path
    data: Path
    logs: tuple[LogSettings, ...]
    host: str = "127.0.0.1"
    port: int = 8444
    names: tuple[str, ...] = ()


def load_config(path: Path, environment: Mapping[str, str]) -> WitnessConfig:
    """Raises MalformedError, naming the setting; an unknown one is refused."""
    settings = load_settings(path, environment, PREFIX)
    config = WitnessConfig(
        name=settings.text("name"),
        key=settings.path("key"),
        data=settings.path("data"),
        logs=tuple(_log(each) for each in settings.tables("logs")),
        host=settings.text("host", "127.0.0.1"),
        port=settings.integer("port", 8444, low=0, high=65_535),
        names=settings.texts("names"),
    )
    settings.done()
    if not config.logs:
        raise MalformedConfig("a witness of no log", expected="[[logs]] in the settings")
    return config


def _log(settings: Settings) -> LogSettings:
    log = LogSettings(settings.digest("fingerprint"), settings.path("bundle"))
    settings.done()
    return log
