"""`keyturn agent doctor`: does this machine have what a node needs? Asks for no key."""

from collections.abc import Callable
from dataclasses import dataclass

from keyturn.agent.attester import DeviceSocket
from keyturn.agent.authority import read_authority
from keyturn.agent.config import AgentConfig
from keyturn.agent.control import HttpControl
from keyturn.agent.program import memory_caveats, read_model, utc_now
from keyturn.agent.tpmsource import tpm_of
from keyturn.base.errors import KeyturnError


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    good: bool
    found: str
    hint: str = ""

    def to_document(self) -> dict[str, object]:
        return {"name": self.name, "good": self.good, "found": self.found, "hint": self.hint}


def examine(config: AgentConfig) -> tuple[Finding, ...]:
    """Each thing is tried whatever became of the others. One challenge is asked for and dropped."""
    return (
        _try("sealed model", lambda: f"{read_model(config)[0].identity.name}"),
        _memory(config),
        _try("authority bundle", lambda: _authority(config)),
        _try("devices", lambda: _devices(config)),
        *([_try("TPM", lambda: _tpm(config))] if config.tpm is not None else []),
        _try("control plane", lambda: _control(config)),
    )


def _memory(config: AgentConfig) -> Finding:
    try:
        caveats, notes = memory_caveats(read_model(config)[0])
    except KeyturnError as error:
        return Finding("memory", False, f"not tried: {error}")
    hint = "A policy must accept these caveats by name, or the cause be removed."
    if caveats:
        return Finding("memory", False, f"{', '.join(sorted(caveats))}: {'; '.join(notes)}", hint)
    return Finding("memory", True, "locked, no core dumps, no swap")


def _authority(config: AgentConfig) -> str:
    pinned = read_authority(config.authority_bundle, config.authority_fingerprint, utc_now)
    simulated = ", SIMULATED" if pinned.current.roster.simulation else ""
    return f"log {pinned.current.origin}{simulated}"


def _devices(config: AgentConfig) -> str:
    machine = DeviceSocket(config.device_socket).describe()
    return f"SEV-SNP, {machine.gpus} GPU(s){', SIMULATED' if machine.simulated else ''}"


def _tpm(config: AgentConfig) -> str:
    tpm = tpm_of(config)
    if tpm is None:
        return "none is set"
    part = tpm.quote(bytes(32))
    certified = "certified" if part.ak_chain else "without a certificate"
    log = f"a log of {len(part.log)} bytes" if part.log is not None else "no event log"
    return f"quotes; AK {certified}, {log}"


def _control(config: AgentConfig) -> str:
    control = HttpControl(config.control_url, config.control_pin)
    try:
        control.challenge()
    finally:
        control.close()
    return "answers under the pinned key, and its keyholder issues challenges"


def _try(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except KeyturnError as error:
        return Finding(name, False, str(error), error.hint)
