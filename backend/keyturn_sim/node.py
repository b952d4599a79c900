"""A simulated node: one confidential VM on one chip, with GPUs, that can be told to misbehave."""

import secrets
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.base.encoding import b64, sha256, unb64
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn_sim.gpu import SimGpu
from keyturn_sim.pki import key_to_der, ec_key
from keyturn_sim.snp import (
    DEBUG,
    SimTcb,
    SnpLaunch,
    chip_id_size,
    sign_report,
    unsigned_report,
)
from keyturn_sim.vendors import SimVendors, write_private

MAX_CONFIG = 4 << 20
_TYPE = "keyturn-sim-node"
_TCB_PARTS = ("bootloader", "tee", "snp", "microcode", "fmc")


class Fault(Enum):
    """Ways to misbehave that keep every signature good."""

    OTHER_REPORT_DATA = "other-report-data"
    OTHER_NONCE = "other-nonce"


@dataclass(frozen=True, slots=True)
class SimNode:
    """Signs evidence as its hardware would. `vek`, `intermediate`, `root` are DER."""

    launch: SnpLaunch
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    vek: bytes = field(repr=False)
    intermediate: bytes = field(repr=False)
    root: bytes = field(repr=False)
    gpus: tuple[SimGpu, ...] = ()
    faults: frozenset[Fault] = frozenset()

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
    ) -> Self:
        """A well-behaved node on a new chip, unless `chip_id` names one."""
        tcb = SimTcb() if tcb is None else tcb
        chip_id = secrets.token_bytes(chip_id_size(vendors.product)) if chip_id is None else chip_id
        key, vek = vendors.issue_vcek(chip_id, tcb)
        launch = SnpLaunch(vendors.product, chip_id, tcb, measurement, host_data)
        return cls(launch, key, vek, vendors.intermediate_der, vendors.root_der, gpus)

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

    def gpu_report(self, index: int, nonce: bytes) -> bytes:
        """An SPDM report over a nonce of 32 bytes."""
        if len(nonce) != 32:
            raise ValueError(f"nonce has {len(nonce)} bytes, not 32")
        if Fault.OTHER_NONCE in self.faults:
            nonce = sha256(nonce)
        return self.gpus[index].report(nonce, secrets.token_bytes(32))

    def collateral(self) -> dict[str, bytes]:
        """DER certificates by role: vek, intermediate, root."""
        return {"vek": self.vek, "intermediate": self.intermediate, "root": self.root}

    def save(self, path: Path) -> None:
        """Write the configuration of a device process; it holds keys, mode 0600."""
        launch = self.launch
        document = {
            "type": _TYPE,
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
            "gpus": [_gpu_document(gpu) for gpu in self.gpus],
            "faults": sorted(fault.value for fault in self.faults),
        }
        write_private(path, dump(document))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises MalformedError, OSError."""
        fields = parse_object(path.read_bytes(), limit=MAX_CONFIG, what="sim node")
        fields.literal("type", _TYPE)
        fields.literal("format", 1)
        node = cls(
            launch=_read_launch(fields),
            key=ec_key(fields.b64("key")),
            vek=fields.b64("vek"),
            intermediate=fields.b64("intermediate"),
            root=fields.b64("root"),
            gpus=tuple(map(_read_gpu, fields.objects("gpus"))),
            faults=frozenset(map(Fault, fields.texts("faults"))),
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


def _gpu_document(gpu: SimGpu) -> dict[str, object]:
    return {
        "driver": gpu.driver,
        "vbios": gpu.vbios,
        "measurements": [
            {"index": index, "value": value.hex()} for index, value in gpu.measurements.items()
        ],
        "fwid": gpu.fwid.hex(),
        "nvdec0": gpu.nvdec0,
        "key": b64(key_to_der(gpu.key)),
        "chain": [b64(der) for der in gpu.chain],
    }


def _read_gpu(fields: Fields) -> SimGpu:
    measurements = {}
    for each in fields.objects("measurements", limit=64):
        measurements[each.integer("index", high=63)] = each.hex("value", size=48)
        each.done()
    return SimGpu(
        driver=fields.text("driver"),
        vbios=fields.text("vbios"),
        measurements=measurements,
        fwid=fields.hex("fwid", size=48),
        key=ec_key(fields.b64("key")),
        chain=tuple(unb64(text, what="chain") for text in fields.texts("chain", limit=5)),
        nvdec0=fields.boolean("nvdec0"),
    )
