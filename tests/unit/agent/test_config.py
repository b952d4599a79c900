"""The agent's settings: what a node must be told, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.agent.config import AgentConfig, CpuFrom, load_config
from keyturn.base.errors import MalformedError
from keyturn.guest.tsm import REPORTS

PIN = "0a" * 32
DIGEST = "sha256:" + "ab" * 32
MODEL = "sha256:" + "cd" * 32

MINIMAL = f"""
node = "node-1"
control_url = "https://127.0.0.1:8443"
control_pin = "{PIN}"
authority_bundle = "authority.bundle"
authority_fingerprint = "{DIGEST}"
sealed_model = "sealed"
device_socket = "/run/device.sock"
data = "node"
listen = "127.0.0.1:0"
"""

Load = Callable[..., AgentConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str = MINIMAL, **environment: str) -> AgentConfig:
        path = tmp_path / "agent.toml"
        path.write_text(text)
        return load_config(path, environment)

    return load


def test_a_tpm_and_what_belongs_to_it(load: Load, tmp_path: Path) -> None:
    text = MINIMAL + 'tpm = "/dev/tpmrm0"\ntpm_log = "boot.log"\ntpm_issuers = "issuers.pem"\n'
    found = load(text)
    assert (found.tpm, found.tpm_log) == (Path("/dev/tpmrm0"), tmp_path / "boot.log")
    assert found.tpm_issuers == tmp_path / "issuers.pem"
    for alone in ('tpm_log = "boot.log"', 'tpm_issuers = "issuers.pem"'):
        with pytest.raises(MalformedError, match="tpm"):
            load(MINIMAL + alone)


def test_where_the_cpus_evidence_comes_from(load: Load, tmp_path: Path) -> None:
    assert (load().cpu, load().tsm_reports) == (CpuFrom.DEVICE, REPORTS)
    alone = MINIMAL.replace('device_socket = "/run/device.sock"\n', "")
    found = load(alone + 'cpu = "kernel"\ntsm_reports = "tsm"\ncpu_certificates = "cpu.pem"\n')
    assert (found.cpu, found.device_socket) == (CpuFrom.KERNEL, None)
    assert (found.tsm_reports, found.cpu_certificates) == (tmp_path / "tsm", tmp_path / "cpu.pem")
    behind = 'cpu = "paravisor"\ntpm = "/dev/tpmrm0"\ncpu_certificates = "cpu.pem"\n'
    assert load(alone + behind).cpu is CpuFrom.PARAVISOR


@pytest.mark.parametrize(
    "more",
    [
        'cpu = "sgx"',
        'cpu_certificates = "cpu.pem"',
        'cpu = "paravisor"\ntpm = "/dev/tpmrm0"',
        'cpu = "paravisor"\ncpu_certificates = "cpu.pem"',
    ],
)
def test_a_cpu_without_what_it_needs_is_refused(load: Load, more: str) -> None:
    with pytest.raises(MalformedError, match="setting 'cpu"):
        load(MINIMAL + more)


def test_the_least_that_a_node_needs(load: Load, tmp_path: Path) -> None:
    assert load() == AgentConfig(
        node="node-1",
        control_url="https://127.0.0.1:8443",
        control_pin=PIN,  # type: ignore[arg-type]
        authority_bundle=tmp_path / "authority.bundle",
        authority_fingerprint=DIGEST,  # type: ignore[arg-type]
        sealed_model=tmp_path / "sealed",
        device_socket=Path("/run/device.sock"),
        data=tmp_path / "node",
        host="127.0.0.1",
        port=0,
        heartbeat=1.0,
        retry_refused=None,
        workers=None,
        model=None,
    )


def test_everything_can_be_said(load: Load) -> None:
    more = (
        f"heartbeat_seconds = 0.5\nretry_refused_seconds = 30\nworkers = 4\n"
        f'model_digest = "{MODEL}"\n'
    )
    found = load(MINIMAL + more)
    assert (found.heartbeat, found.retry_refused, found.workers, found.model) == (
        0.5,
        30.0,
        4,
        MODEL,
    )


def test_a_variable_wins(load: Load) -> None:
    assert load(KEYTURN_AGENT_NODE="node-2").node == "node-2"
    assert load(KEYTURN_AGENT_HEARTBEAT_SECONDS="2.5").heartbeat == 2.5


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("[::1]:443", "::1", 443), ("node.example:65535", "node.example", 65_535)],
)
def test_where_to_listen(load: Load, listen: str, host: str, port: int) -> None:
    found = load(KEYTURN_AGENT_LISTEN=listen)
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize("listen", ["x", ":1", "x:", "x:65536", "x:-1", "x:1a", "x:²", "x:000001"])
def test_no_place_to_listen(load: Load, listen: str) -> None:
    with pytest.raises(MalformedError, match="setting 'listen'"):
        load(KEYTURN_AGENT_LISTEN=listen)


@pytest.mark.parametrize("line", [each for each in MINIMAL.splitlines() if each])
def test_every_setting_without_a_default_is_needed(load: Load, line: str) -> None:
    name = line.split(" = ")[0]
    with pytest.raises(MalformedError, match=f"setting '{name}' is missing"):
        load(MINIMAL.replace(line, ""))


@pytest.mark.parametrize(
    "line",
    [
        "heartbeat_seconds = 0.01",
        "heartbeat_seconds = 86401",
        "heartbeat_seconds = true",
        "retry_refused_seconds = -1",
        "workers = 1.5",
        "workers = 1025",
        'model_digest = "sha256:00"',
    ],
)
def test_a_wrong_value_is_refused(load: Load, line: str) -> None:
    with pytest.raises(MalformedError, match=line.split(" = ")[0]):
        load(MINIMAL + line)


@pytest.mark.parametrize("pin", ["0a" * 31, "0A" * 32, "sha256:" + PIN])
def test_a_pin_is_64_hex_digits(load: Load, pin: str) -> None:
    with pytest.raises(MalformedError, match="pin"):
        load(KEYTURN_AGENT_CONTROL_PIN=pin)


def test_what_is_unknown_is_refused(load: Load) -> None:
    with pytest.raises(MalformedError, match="unknown setting 'hartbeat_seconds'"):
        load(MINIMAL + "hartbeat_seconds = 1\n")
    with pytest.raises(MalformedError, match="unknown variable KEYTURN_AGENT_NODES"):
        load(KEYTURN_AGENT_NODES="x")
