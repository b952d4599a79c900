"""A simulated node: one confidential VM on one chip, with GPUs, that can be told to misbehave."""

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.encoding import b64, sha256
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn_sim.deviceconfig import MAX_CONFIG, devices_document, read_devices
from keyturn_sim.devices import Fault, SimDevices
from keyturn_sim.gpu import SimGpu
from keyturn_sim.hcl import hcl_report
from keyturn_sim.keeping import write_private
from keyturn_sim.nvswitch import SimSwitch
from keyturn_sim.pki import ec_key, key_to_der
from keyturn_sim.snp import (
    DEBUG,
    SimTcb,
    SnpLaunch,
    chip_id_size,
    sign_report,
    unsigned_report,
)
from keyturn_sim.vendors import SimVendors

TYPE = "keyturn-sim-node"
_TCB_PARTS = ("bootloader", "tee", "snp", "microcode", "fmc")


@dataclass(frozen=True, slots=True)
class SimNode:
    """Signs evidence as its hardware would. `vek`, `intermediate`, `root` are DER.

    `paravisor`: one stands between that keeps report data for itself (Azure); what the guest gets
    is `hcl_report`, out of its TPM.
    """

    launch: SnpLaunch
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    vek: bytes = field(repr=False)
    intermediate: bytes = field(repr=False)
    root: bytes = field(repr=False)
    gpus: tuple[SimGpu, ...] = ()
    switches: tuple[SimSwitch, ...] = ()
    faults: frozenset[Fault] = frozenset()
    paravisor: bool = False

    @classmethod
    def create(
        cls,
        vendors: SimVendors,
        *,
        measurement: bytes,
        host_data: bytes = bytes(32),
        chip_id: bytes | None = None,
        tcb: SimTcb | None = None,
        gpus: tuple[SimGpu, ...] = (),
        switches: tuple[SimSwitch, ...] = (),
        paravisor: bool = False,
    ) -> Self:
        """A well-behaved node on a new chip, unless `chip_id` names one."""
        tcb = SimTcb() if tcb is None else tcb
        chip_id = secrets.token_bytes(chip_id_size(vendors.product)) if chip_id is None else chip_id
        key, vek = vendors.issue_vcek(chip_id, tcb)
        launch = SnpLaunch(vendors.product, chip_id, tcb, measurement, host_data)
        chain = vendors.intermediate_der, vendors.root_der
        return cls(launch, key, vek, *chain, gpus, switches, paravisor=paravisor)

    @property
    def devices(self) -> SimDevices:
        return SimDevices(self.gpus, self.switches, self.faults)

    def misbehaving(self, *faults: Fault) -> Self:
        return replace(self, faults=self.faults | frozenset(faults))

    def with_firmware(self, measurement: bytes) -> Self:
        """The same chip, launched with something else."""
        return replace(self, launch=replace(self.launch, measurement=measurement))

    def with_debug(self) -> Self:
        """The same chip, launched so that the host may debug the guest."""
        policy = self.launch.guest_policy | DEBUG
        return replace(self, launch=replace(self.launch, guest_policy=policy))

    def with_gpu_measurement(self, gpu: int, index: int, value: bytes) -> Self:
        """The same node, one measurement of one GPU changed."""
        changed = replace(
            self.gpus[gpu], measurements={**self.gpus[gpu].measurements, index: value}
        )
        return replace(self, gpus=(*self.gpus[:gpu], changed, *self.gpus[gpu + 1 :]))

    def snp_report(self, report_data: bytes) -> bytes:
        """1184 bytes over 64 bytes of report data."""
        if len(report_data) != 64:
            raise ValueError(f"report data has {len(report_data)} bytes, not 64")
        if Fault.OTHER_REPORT_DATA in self.faults:
            report_data = sha256(report_data) + bytes(32)
        return sign_report(unsigned_report(self.launch, report_data), self.key)

    def hcl_report(self, runtime: bytes) -> bytes:
        """The report behind a paravisor, with the runtime data that it is bound to."""
        report_data = sha256(runtime) + bytes(32)
        return hcl_report(sign_report(unsigned_report(self.launch, report_data), self.key), runtime)

    def gpu_report(self, index: int, nonce: bytes) -> bytes:
        """An SPDM report over a nonce of 32 bytes."""
        return self.devices.report(self.devices.gpus[index], nonce)

    def collateral(self) -> dict[str, bytes]:
        """DER certificates by role: vek, intermediate, root."""
        return {"vek": self.vek, "intermediate": self.intermediate, "root": self.root}

    def save(self, path: Path) -> None:
        """Write the configuration of a device process; it holds keys, mode 0600."""
        launch = self.launch
        document = {
            "type": TYPE,
            "format": 1,
            "product": launch.product,
            "chip_id": launch.chip_id.hex(),
            "tcb": {name: getattr(launch.tcb, name) for name in _TCB_PARTS},
            "measurement": launch.measurement.hex(),
            "host_data": launch.host_data.hex(),
            "guest_policy": launch.guest_policy,
            "platform_info": launch.platform_info,
            "vmpl": launch.vmpl,
            "guest_svn": launch.guest_svn,
            "version": launch.version,
            "key": b64(key_to_der(self.key)),
            **{name: b64(der) for name, der in self.collateral().items()},
            "paravisor": self.paravisor,
            **devices_document(self.gpus, self.switches, self.faults),
        }
        write_private(path, dump(document))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises MalformedError, OSError."""
        fields = parse_object(path.read_bytes(), limit=MAX_CONFIG, what="sim node")
        fields.literal("type", TYPE)
        fields.literal("format", 1)
        gpus, switches, faults = read_devices(fields)
        node = cls(
            launch=_read_launch(fields),
            key=ec_key(fields.b64("key")),
            vek=fields.b64("vek"),
            intermediate=fields.b64("intermediate"),
            root=fields.b64("root"),
            gpus=gpus,
            switches=switches,
            faults=faults,
            paravisor=fields.boolean("paravisor"),
        )
        fields.done()
        return node


def _read_launch(fields: Fields) -> SnpLaunch:
    product = fields.text("product")
    tcb = fields.fields("tcb")
    launch = SnpLaunch(
        product=product,
        chip_id=fields.hex("chip_id", size=chip_id_size(product)),
        tcb=SimTcb(**{name: tcb.integer(name, high=255) for name in _TCB_PARTS}),
        measurement=fields.hex("measurement", size=48),
        host_data=fields.hex("host_data", size=32),
        guest_policy=fields.integer("guest_policy"),
        platform_info=fields.integer("platform_info"),
        vmpl=fields.integer("vmpl", high=3),
        guest_svn=fields.integer("guest_svn"),
        version=fields.integer("version", low=2, high=5),
    )
    tcb.done()
    return launch
