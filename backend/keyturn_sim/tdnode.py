"""A simulated TDX machine: one trust domain, with GPUs, that can be told to misbehave."""

import secrets
from dataclasses import dataclass, field, replace
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Self

from keyturn.base.encoding import b64, sha256
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn_sim.deviceconfig import MAX_CONFIG, devices_document, read_devices
from keyturn_sim.devices import Fault, SimDevices
from keyturn_sim.gpu import SimGpu
from keyturn_sim.keeping import write_private
from keyturn_sim.nvswitch import SimSwitch
from keyturn_sim.pki import ec_key, key_to_der
from keyturn_sim.tdx import SimMachine, SimPlatform, SimTd
from keyturn_sim.vendors import SimVendors

TYPE = "keyturn-sim-td"
_DEBUG = 1
_OLD_TCB = bytes((2, 1)).ljust(16, b"\0")  # the second level of `tcb_info_of`


@dataclass(frozen=True, slots=True)
class SimTdNode:
    """Signs evidence as its hardware would; `version` of its quotes is 4 or 5."""

    machine: SimMachine = field(repr=False)
    td: SimTd
    gpus: tuple[SimGpu, ...] = ()
    switches: tuple[SimSwitch, ...] = ()
    faults: frozenset[Fault] = frozenset()
    version: int = 4

    @classmethod
    def create(
        cls,
        vendors: SimVendors,
        td: SimTd | None = None,
        *,
        gpus: tuple[SimGpu, ...] = (),
        switches: tuple[SimSwitch, ...] = (),
        version: int = 4,
    ) -> Self:
        """A well-behaved TD on a new platform."""
        machine = vendors.intel.certify(SimPlatform(ppid=secrets.token_bytes(16)))
        return cls(machine, td or SimTd(), gpus, switches, version=version)

    @property
    def devices(self) -> SimDevices:
        return SimDevices(self.gpus, self.switches, self.faults)

    def misbehaving(self, *faults: Fault) -> Self:
        return replace(self, faults=self.faults | frozenset(faults))

    def tdx_quote(self, report_data: bytes) -> bytes:
        """A quote over 64 bytes of report data, its PCK chain within."""
        if len(report_data) != 64:
            raise ValueError(f"report data has {len(report_data)} bytes, not 64")
        if Fault.OTHER_REPORT_DATA in self.faults:
            report_data = sha256(report_data) + bytes(32)
        return self.machine.quote(self._shown(), report_data, version=self.version)

    def _shown(self) -> SimTd:
        td = self.td
        if Fault.DEBUG_TD in self.faults:
            attributes = bytes((td.td_attributes[0] | _DEBUG, *td.td_attributes[1:]))
            td = replace(td, td_attributes=attributes)
        if Fault.OUT_OF_DATE_TCB in self.faults:
            td = replace(td, tee_tcb_svn=_OLD_TCB)
        if Fault.OTHER_RTMR in self.faults:
            first, second, third, fourth = td.rtmrs
            td = replace(td, rtmrs=(first, sha256(second) + bytes(16), third, fourth))
        return td

    def save(self, path: Path) -> None:
        """Write the configuration of a device process; it holds keys, mode 0600."""
        machine = self.machine
        document = {
            "type": TYPE,
            "format": 1,
            "pck_key": b64(key_to_der(machine.pck_key)),
            "attestation_key": b64(key_to_der(machine.attestation_key)),
            "chain": b64(machine.chain),
            "pck_serial": f"{machine.pck_serial:x}",
            "td": _td_document(self.td),
            "version": self.version,
            **devices_document(self.gpus, self.switches, self.faults),
        }
        write_private(path, dump(document))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises MalformedError, ValueError, OSError."""
        fields = parse_object(path.read_bytes(), limit=MAX_CONFIG, what="sim TD")
        fields.literal("type", TYPE)
        fields.literal("format", 1)
        machine = SimMachine(
            ec_key(fields.b64("pck_key")),
            ec_key(fields.b64("attestation_key")),
            fields.b64("chain"),
            int(fields.text("pck_serial", limit=40), 16),
        )
        td, version = _read_td(fields.fields("td")), fields.integer("version", low=4, high=5)
        node = cls(machine, td, *read_devices(fields), version)
        fields.done()
        return node


def _td_document(td: SimTd) -> dict[str, object]:
    """Every field in hex."""
    found: dict[str, object] = {f"rtmr{at}": each.hex() for at, each in enumerate(td.rtmrs)}
    for name in _TD_NAMES:
        value = getattr(td, name)
        found[name] = None if value is None else value.hex()
    return found


def _read_td(fields: Fields) -> SimTd:
    first, second, third, fourth = (fields.hex(f"rtmr{at}", size=48) for at in range(4))
    parts = {
        name: fields.nullable(name, lambda each: bytes.fromhex(fields.text(each, limit=128)))
        for name in _TD_NAMES
    }
    fields.done()
    return SimTd(rtmrs=(first, second, third, fourth), **parts)  # type: ignore[arg-type]


_TD_NAMES = tuple(each.name for each in fields_of(SimTd) if each.name != "rtmrs")
