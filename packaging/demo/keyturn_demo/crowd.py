"""A small fleet for the recording: simulated machines at several sites, nodes with names like
`fra-1-r03-g02`, each with a real release through the control plane. Nobody serves anything.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from keyturn.agent.attester import DeviceSocket
from keyturn.agent.control import HttpControl
from keyturn.agent.exchange import Identity, conclude, prepare
from keyturn.agent.heartbeat import Heartbeats
from keyturn.agent.keys import make_node_keys
from keyturn.agent.leaseparts import LeaseId
from keyturn.agent.tpmsource import LocalTpm, read_issuers
from keyturn.base.encoding import Digest
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.grant import RefusalDocument
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.policy_body import Caveat
from keyturn.wire.heartbeat import NodeReport
from keyturn.wire.tls import parse_pin
from keyturn_demo.desk import now
from keyturn_demo.parts import START_SECONDS, System
from keyturn_demo.world import GOOD_FIRMWARE, WRONG_FIRMWARE, wait_for

SITES = ("fra-1", "dub-2", "iad-3", "pdx-1", "sin-2")
LAB = "lab"
RACKS, PER_RACK = 5, 4
CAVEATS = frozenset({Caveat.UNLOCKED_MEMORY})


@dataclass(frozen=True, slots=True)
class Machine:
    """One simulated machine of a site. `platform` is what its evidence says."""

    site: str
    name: str
    good: bool
    limit: int = RACKS * PER_RACK

    @property
    def first(self) -> "Machine":
        """The same machine with its first node alone."""
        return replace(self, limit=1)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes that run on it."""
        if not self.good:
            return (f"{self.site}-r{RACKS + 1:02d}-g01",)
        racks, places = range(1, RACKS + 1), range(1, PER_RACK + 1)
        names = (f"{self.site}-r{rack:02d}-g{place:02d}" for rack in racks for place in places)
        return tuple(names)[: self.limit]


@dataclass(frozen=True, slots=True)
class Beats:
    """One granted node's further heartbeats."""

    heartbeats: Heartbeats
    lease: LeaseId


MACHINES = (
    *(Machine(site, f"{site}-metal", True) for site in SITES),
    Machine("pdx-1", "pdx-1-old", False),
    Machine("sin-2", "sin-2-old", False),
)


def site_of(node: str) -> str:
    """`fra-1` of `fra-1-r03-g02`; the demo's own nodes stand in the lab."""
    return node.rsplit("-", 2)[0] if node.count("-") > 2 else LAB


def begin(system: System) -> None:
    """Start to make every machine, and to boot its TPM; `attest` waits for them."""
    for each in MACHINES:
        system.make_machine(each.name, GOOD_FIRMWARE if each.good else WRONG_FIRMWARE)
        system.start_tpm(each.name)


def wait_for_devices(system: System, machine: Machine) -> None:
    """Raises StepFailed when they do not answer in time."""
    path = _socket(system, machine)
    wait_for(f"{machine.name} answers", lambda: path.exists() or None, START_SECONDS)


def attest(system: System, model: Digest, machines: Sequence[Machine]) -> list[Beats]:
    """A release for each node of these machines; those that were granted, able to beat.

    Each answer is checked as a node checks it, and the DEK wiped at once: nobody serves here.
    """
    bundle = (system.world.keyholder / "authority.bundle").read_bytes()
    authority = load_bundle(bundle, system.fingerprint, now())
    granted = []
    with contextlib.closing(HttpControl(system.url, parse_pin(system.pin))) as control:
        for machine in machines:
            keys = make_node_keys(machine.name, now())
            source = DeviceSocket(_socket(system, machine))
            tpm = _tpm(system, machine)
            for name in machine.nodes:
                node = Identity(name, "keyturn-demo", model, CAVEATS)
                challenge = control.challenge()
                asked = prepare(Purpose.RELEASE, challenge, None, node, keys, source, tpm)
                answer = control.release(asked.request.raw)
                if isinstance(answer, RefusalDocument):
                    continue
                accepted = conclude(asked, answer, keys, authority, now())
                if accepted.dek is not None:
                    accepted.dek[:] = bytes(len(accepted.dek))
                lease = LeaseId(accepted.checked.grant.lease)
                granted.append(Beats(Heartbeats(keys, name, model), lease))
    return granted


def beat(system: System, nodes: Sequence[Beats]) -> None:
    """One heartbeat of each, as of a node that serves."""
    with contextlib.closing(HttpControl(system.url, parse_pin(system.pin))) as control:
        for each in nodes:
            control.heartbeat(each.heartbeats.beat(NodeReport.SERVING, each.lease, now()))


def _socket(system: System, machine: Machine) -> Path:
    return system.world.directory / "sim" / f"{machine.name}.sock"


def _tpm(system: System, machine: Machine) -> LocalTpm:
    folder = system.wait_tpm(machine.name)
    issuers = read_issuers(folder / "issuers.pem")
    return LocalTpm(folder / "tpm.sock", folder / "event.log", issuers)
