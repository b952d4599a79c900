"""The keyholder's configuration: where its log, socket and token are. It holds no secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.config.errors import MalformedConfig
from keyturn.config.settings import load_settings
from keyturn.keyholder.logdisk import DEFAULT_RESERVE
from keyturn.quorum.reports import Setting

PREFIX = "KEYTURN_KEYHOLDER_"


class CpuFrom(Enum):
    """Who quotes this machine's CPU."""

    DEVICE = "device"  # the process at `evidence`
    KERNEL = "kernel"  # configfs-tsm


@dataclass(frozen=True, slots=True)
class KeyholderConfig:
    """`module` None: SoftHSM 2 where it is usual. `reserve` in bytes.

    Where this machine is a confidential VM, `evidence` is the socket of the process that quotes
    its CPU (our protocol §7.4); or `cpu` is KERNEL, and the kernel does, in the folder
    `tsm_reports`; `cpu_certificates` is a PEM file of VCEK or VLEK, ASK or ASVK, ARK, for a host
    that gives none.
    """

    log: Path
    socket: Path
    origin: str
    fingerprint: Digest
    token_label: str
    module: Path | None
    softhsm_configuration: Path | None
    workers: int
    reserve: int
    evidence: Path | None = None
    cpu: CpuFrom | None = None
    tsm_reports: Path | None = None
    cpu_certificates: Path | None = None


def load_config(path: Path, environment: Mapping[str, str]) -> KeyholderConfig:
    """Raises MalformedConfig, naming the setting."""
    settings = load_settings(path, environment, PREFIX)
    config = KeyholderConfig(
        log=settings.path("log"),
        socket=settings.path("socket"),
        origin=settings.text("origin"),
        fingerprint=settings.digest("fingerprint"),
        token_label=settings.text("token_label"),
        module=settings.optional_path("module"),
        softhsm_configuration=settings.optional_path("softhsm_configuration"),
        workers=settings.integer("workers", 1, low=1, high=64),
        reserve=settings.integer("reserve", DEFAULT_RESERVE, low=0, high=1 << 50),
        evidence=settings.optional_path("evidence"),
        cpu=_cpu_from(settings.text("cpu", "")),
        tsm_reports=settings.optional_path("tsm_reports"),
        cpu_certificates=settings.optional_path("cpu_certificates"),
    )
    settings.done()
    _check_cpu(config)
    return config


def _cpu_from(text: str) -> CpuFrom | None:
    try:
        return CpuFrom(text) if text else None
    except ValueError as error:
        known = " or ".join(each.value for each in CpuFrom)
        raise MalformedConfig("setting 'cpu'", found=repr(text[:40]), expected=known) from error


def _check_cpu(config: KeyholderConfig) -> None:
    """One source, with its settings and no other's: which one is asked is never guessed."""
    if config.cpu is CpuFrom.KERNEL:
        if config.evidence is not None:
            raise MalformedConfig("setting 'evidence'", expected="none, where 'cpu' is kernel")
        return
    if config.cpu is CpuFrom.DEVICE and config.evidence is None:
        raise MalformedConfig("setting 'evidence' is missing", hint="or set 'cpu' to kernel")
    for name in ("tsm_reports", "cpu_certificates"):
        if getattr(config, name) is not None:
            raise MalformedConfig(f"setting '{name}'", expected="'cpu' to be kernel")


def told(config: KeyholderConfig) -> dict[str, Setting]:
    """The settings whose digest a `configuration` entry names: all, since none is secret."""

    def shown(path: Path | None) -> str | None:
        return None if path is None else str(path.absolute())

    return {
        "log": shown(config.log),
        "socket": shown(config.socket),
        "origin": config.origin,
        "fingerprint": config.fingerprint,
        "token_label": config.token_label,
        "module": shown(config.module),
        "softhsm_configuration": shown(config.softhsm_configuration),
        "workers": config.workers,
        "reserve": config.reserve,
        "evidence": shown(config.evidence),
        "cpu": config.cpu.value if config.cpu else None,
        "tsm_reports": shown(config.tsm_reports),
        "cpu_certificates": shown(config.cpu_certificates),
    }


def config_text(config: KeyholderConfig, base: Path) -> str:
    """The TOML of a configuration, paths relative to `base` where they lie below it.

    Raises MalformedConfig for a text that would need escapes.
    """

    def shown(path: Path | None) -> str:
        if path is None:
            return '""'
        inside = path.is_relative_to(base)
        return _quoted(str(path.relative_to(base) if inside else path))

    return "".join(
        f"{name} = {value}\n"
        for name, value in (
            ("log", shown(config.log)),
            ("socket", shown(config.socket)),
            ("origin", _quoted(config.origin)),
            ("fingerprint", _quoted(config.fingerprint)),
            ("token_label", _quoted(config.token_label)),
            ("module", shown(config.module)),
            ("softhsm_configuration", shown(config.softhsm_configuration)),
            ("workers", str(config.workers)),
            ("reserve", str(config.reserve)),
            *([("cpu", _quoted(config.cpu.value))] if config.cpu else []),
            *(
                (name, shown(path))
                for name, path in (
                    ("evidence", config.evidence),
                    ("tsm_reports", config.tsm_reports),
                    ("cpu_certificates", config.cpu_certificates),
                )
                if path is not None
            ),
        )
    )


def _quoted(text: str) -> str:
    if any(ord(each) < 0x20 or ord(each) == 0x7F or each in '"\\' for each in text):
        raise MalformedConfig(
            "a setting with a quote, backslash or control character", found=repr(text)
        )
    return f'"{text}"'
