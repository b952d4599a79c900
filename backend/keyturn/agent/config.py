"""The agent's configuration: a TOML file, overridable by KEYTURN_AGENT_ variables. No secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.config.errors import MalformedConfig
from keyturn.config.settings import load_settings
from keyturn.guest.tsm import REPORTS
from keyturn.wire.tls import Pin, parse_pin

PREFIX = "KEYTURN_AGENT_"
"""Where Linux makes a confidential guest's reports."""
DAY = 86_400.0
"""Seconds: no node is asked to wait for longer."""


class CpuFrom(Enum):
    """Where the CPU's evidence comes from (our protocol §7.4)."""

    DEVICE = "device"  # the process at `device_socket`, which owns all devices
    KERNEL = "kernel"  # configfs-tsm
    PARAVISOR = "paravisor"  # the HCL report in the TPM


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """`tpm`: the machine's TPM, `/dev/tpmrm0` or a unix socket, or None; `tpm_log` its event log,
    `tpm_issuers` a PEM file that leads from its AK's certificate to an issuer that is trusted.

    `heartbeat` and `retry_refused` in seconds; `retry_refused` None: end when refused.

    `device_socket` None: no GPUs, and the CPU from elsewhere. `tsm_reports`: the kernel's folder.
    `cpu_certificates`: a PEM file of VCEK or VLEK, ASK or ASVK, ARK, for a host that gives none.

    `model`: the only model digest that may be served, or None for whatever the directory holds.
    `workers`: threads that open the model, or None for one a core.
    """

    node: str
    control_url: str
    control_pin: Pin
    authority_bundle: Path
    authority_fingerprint: Digest
    sealed_model: Path
    device_socket: Path | None
    data: Path
    host: str
    port: int
    heartbeat: float
    retry_refused: float | None
    workers: int | None
    model: Digest | None
    tpm: Path | None = None
    tpm_log: Path | None = None
    tpm_issuers: Path | None = None
    cpu: CpuFrom = CpuFrom.DEVICE
    tsm_reports: Path = REPORTS
    cpu_certificates: Path | None = None


def load_config(path: Path, environment: Mapping[str, str]) -> AgentConfig:
    """Raises MalformedError, naming the setting; an unknown one is refused."""
    settings = load_settings(path, environment, PREFIX)
    host, port = _listen(settings.text("listen"))
    config = AgentConfig(
        node=settings.text("node"),
        control_url=settings.text("control_url"),
        control_pin=parse_pin(settings.text("control_pin")),
        authority_bundle=settings.path("authority_bundle"),
        authority_fingerprint=settings.digest("authority_fingerprint"),
        sealed_model=settings.path("sealed_model"),
        device_socket=settings.optional_path("device_socket"),
        data=settings.path("data"),
        host=host,
        port=port,
        heartbeat=settings.seconds("heartbeat_seconds", 1.0, low=0.05, high=DAY),
        retry_refused=settings.seconds("retry_refused_seconds", 0.0, low=0.0, high=DAY) or None,
        workers=settings.integer("workers", 0, low=0, high=1024) or None,
        model=settings.optional_digest("model_digest"),
        tpm=settings.optional_path("tpm"),
        tpm_log=settings.optional_path("tpm_log"),
        tpm_issuers=settings.optional_path("tpm_issuers"),
        cpu=_cpu_from(settings.text("cpu", CpuFrom.DEVICE.value)),
        tsm_reports=settings.optional_path("tsm_reports") or REPORTS,
        cpu_certificates=settings.optional_path("cpu_certificates"),
    )
    settings.done()
    _check_cpu(config)
    if config.tpm is None and (config.tpm_log or config.tpm_issuers):
        raise MalformedConfig("settings 'tpm_log', 'tpm_issuers'", expected="'tpm' as well")
    return config


def _cpu_from(text: str) -> CpuFrom:
    try:
        return CpuFrom(text)
    except ValueError as error:
        known = " or ".join(each.value for each in CpuFrom)
        raise MalformedConfig("setting 'cpu'", found=repr(text[:40]), expected=known) from error


def _check_cpu(config: AgentConfig) -> None:
    """Each source needs its settings; `cpu_certificates` means nothing to a device process."""
    if config.cpu is CpuFrom.DEVICE:
        if config.device_socket is None:
            raise MalformedConfig("setting 'device_socket' is missing", hint="or set 'cpu'")
        if config.cpu_certificates is not None:
            raise MalformedConfig("setting 'cpu_certificates'", expected="'cpu' as well")
    if config.cpu is CpuFrom.PARAVISOR and not (config.tpm and config.cpu_certificates):
        raise MalformedConfig(
            "setting 'cpu' is paravisor", expected="'tpm' and 'cpu_certificates' as well"
        )


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or len(port) > 5 or int(port) > 65_535:
        raise MalformedConfig(
            "setting 'listen'", found=repr(text[:80]), expected="host:port, port 0 for any"
        )
    return host.strip("[]"), int(port)
