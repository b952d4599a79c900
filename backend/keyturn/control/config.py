"""The control plane's configuration: a TOML file, overridable by KEYTURN_CONTROL_ variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

from keyturn.base.encoding import Digest
from keyturn.config.errors import MalformedConfig
from keyturn.config.settings import Settings, load_settings
from keyturn.quorum.reports import Setting
from keyturn.wire.tls import Pin, parse_pin

PREFIX = "KEYTURN_CONTROL_"


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """Where a witness is: `[[witnesses]]` with `url` and `pin`, the key of its TLS."""

    url: str
    pin: Pin


VENDORS = ("amd", "intel", "nvidia-ocsp")


@dataclass(frozen=True, slots=True)
class CollateralSettings:
    """`[collateral]`. `fetch` false: vendors are never asked, and bundles and files are handed in.

    `mirrors`: (vendor, URL) in place of a vendor's own service. `cache`: a directory, by default
    `collateral` in `data`. `seconds`: how often it is looked for what is due.
    """

    fetch: bool = False
    mirrors: tuple[tuple[str, str], ...] = ()
    cache: str = ""
    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """`host` and `port` to listen on (port 0: any free one); times in seconds."""

    data: Path  # the server's TLS key, ready.json and, by default, the database
    keyholder: Path  # unix socket
    fingerprint: Digest  # the authority that this server believes
    host: str = "127.0.0.1"
    port: int = 8443
    database: str = ""  # URL; empty for SQLite in `data`. It may hold a password: never shown
    names: tuple[str, ...] = ()  # further names in the TLS certificate
    heartbeat_seconds: float = 5.0  # a node is stale after two of these without a word
    poll_seconds: float = 0.25  # how often the keyholder's log is asked for news
    witnesses: tuple[WitnessPlace, ...] = ()
    witness_seconds: float = 1.0  # how often it is looked whether a checkpoint is to be cosigned
    collateral: CollateralSettings = CollateralSettings()

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data / 'keyturn.db'}"

    @property
    def collateral_cache(self) -> Path:
        return self.data / (self.collateral.cache or "collateral")


def load_config(path: Path, environment: Mapping[str, str]) -> ControlConfig:
    """Raises MalformedError, naming the setting; an unknown one is refused."""
    settings = load_settings(path, environment, PREFIX)
    config = ControlConfig(
        data=settings.path("data"),
        keyholder=settings.path("keyholder"),
        fingerprint=settings.digest("fingerprint"),
        host=settings.text("host", "127.0.0.1"),
        port=settings.integer("port", 8443, low=0, high=65_535),
        database=settings.text("database", ""),
        names=settings.texts("names"),
        heartbeat_seconds=settings.seconds("heartbeat_seconds", 5.0, low=0.1, high=3600.0),
        poll_seconds=settings.seconds("poll_seconds", 0.25, low=0.01, high=60.0),
        witnesses=tuple(_witness(each) for each in settings.tables("witnesses")),
        witness_seconds=settings.seconds("witness_seconds", 1.0, low=0.01, high=60.0),
        collateral=_collateral(settings.table("collateral")),
    )
    settings.done()
    return config


def told(config: ControlConfig) -> dict[str, Setting]:
    """The settings whose digest a `configuration` entry names: no secret is among them.

    Of the database's URL only the kind, the place and the name; it may hold a password.
    """
    url = make_url(config.database_url)
    place = URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
    return {
        "data": str(config.data.absolute()),
        "keyholder": str(config.keyholder.absolute()),
        "fingerprint": config.fingerprint,
        "host": config.host,
        "port": config.port,
        "database": place.render_as_string(),
        "names": config.names,
        "heartbeat_seconds": str(config.heartbeat_seconds),
        "poll_seconds": str(config.poll_seconds),
        "witnesses": tuple(f"{each.url} {each.pin}" for each in config.witnesses),
        "witness_seconds": str(config.witness_seconds),
        "collateral_fetch": str(config.collateral.fetch).lower(),
        "collateral_mirrors": tuple(f"{vendor}={url}" for vendor, url in config.collateral.mirrors),
        "collateral_cache": str(config.collateral_cache.absolute()),
        "collateral_seconds": str(config.collateral.seconds),
    }


def _collateral(settings: Settings) -> CollateralSettings:
    found = CollateralSettings(
        settings.flag("fetch", False),
        tuple(_mirror(each) for each in settings.texts("mirrors")),
        settings.text("cache", ""),
        settings.seconds("seconds", 3600.0, low=60.0, high=86_400.0),
    )
    settings.done()
    return found


def _mirror(text: str) -> tuple[str, str]:
    vendor, _, url = text.partition("=")
    # Without a user's name or password: mirrors are among what is told.
    if vendor not in VENDORS or not url.startswith(("https://", "http://")) or "@" in url:
        raise MalformedConfig(
            "setting 'mirrors'",
            found=vendor[:20],
            expected=f"VENDOR=URL without a password; vendors: {', '.join(VENDORS)}",
        )
    return vendor, url.rstrip("/")


def _witness(settings: Settings) -> WitnessPlace:
    place = WitnessPlace(settings.text("url"), parse_pin(settings.text("pin")))
    settings.done()
    return place
