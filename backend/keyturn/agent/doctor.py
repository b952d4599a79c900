"""`keyturn agent doctor`: does this machine have what a node needs? Asks for no key."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keyturn.agent.authority import read_authority
from keyturn.agent.config import AgentConfig
from keyturn.agent.control import HttpControl
from keyturn.agent.machine import machine_of
from keyturn.agent.program import memory_caveats, read_model, utc_now
from keyturn.agent.tpmsource import tpm_of
from keyturn.base.errors import KeyturnError
from keyturn.keyrelease.request import TdxEvidence
from keyturn.quorum.tee_rules import Tee

_TEES = {Tee.SNP: "SEV-SNP", Tee.TDX: "TDX"}
_TPMS = (Path("/dev/tpmrm0"), Path("/dev/tpm0"))


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
        _try("CPU evidence", lambda: _cpu(config)),
        _try_tpm(config),
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
    """Each device is asked for a report that is dropped."""
    source = machine_of(config)
    machine = source.describe()
    for index in range(machine.gpus):
        source.gpu(index, bytes(32))
    for index in range(machine.switches):
        source.switch(index, bytes(32))
    counted = f"{machine.gpus} GPU(s), {machine.switches} switch(es)"
    behind = " behind a paravisor" if machine.paravisor else ""
    simulated = ", SIMULATED" if machine.simulated else ""
    return f"{_TEES[machine.tee]}{behind}, {counted}{simulated}"


def _cpu(config: AgentConfig) -> str:
    cpu = machine_of(config).cpu(bytes(64))
    if isinstance(cpu, TdxEvidence):
        return f"a TDX quote of {len(cpu.quote)} bytes"
    runtime = f", bound to {len(cpu.runtime)} bytes of runtime data" if cpu.runtime else ""
    return f"an SEV-SNP report with its certificates{runtime}"


def _try_tpm(config: AgentConfig) -> Finding:
    """A machine need not have one; a policy may ask for it."""
    if config.tpm is None:
        there = [str(path) for path in _TPMS if path.exists()]
        hint = f"Set 'tpm' to {there[0]}, should a policy ask for it." if there else ""
        return Finding("TPM", True, "none is set", hint)
    return _try("TPM", lambda: _tpm(config))


def _tpm(config: AgentConfig) -> str:
    tpm = tpm_of(config)
    if tpm is None:
        return "none is set"
    part = tpm.quote(bytes(32))
    certified = "certified" if part.ak_chain else "without a certificate"
    if tpm.ak is not None:
        certified = "vouched for by the CPU's report"
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
