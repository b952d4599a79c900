"""A simulated machine's devices in its configuration: keys and all, in a file of mode 0600."""

from keyturn.base.encoding import b64, unb64
from keyturn.base.strictjson import Fields
from keyturn_sim.devices import Fault
from keyturn_sim.gpu import SimGpu
from keyturn_sim.nvswitch import SimSwitch
from keyturn_sim.pki import ec_key, key_to_der

MAX_CONFIG = 4 << 20


def devices_document(
    gpus: tuple[SimGpu, ...], switches: tuple[SimSwitch, ...], faults: frozenset[Fault]
) -> dict[str, object]:
    return {
        "gpus": [_gpu_document(gpu) for gpu in gpus],
        "switches": [_switch_document(switch) for switch in switches],
        "faults": sorted(fault.value for fault in faults),
    }


def read_devices(
    fields: Fields,
) -> tuple[tuple[SimGpu, ...], tuple[SimSwitch, ...], frozenset[Fault]]:
    """GPUs, switches and faults. Raises MalformedError, ValueError."""
    return (
        tuple(map(_read_gpu, fields.objects("gpus"))),
        tuple(map(_read_switch, fields.objects("switches"))),
        frozenset(map(Fault, fields.texts("faults"))),
    )


def _gpu_document(gpu: SimGpu) -> dict[str, object]:
    return {
        "driver": gpu.driver,
        "vbios": gpu.vbios,
        "measurements": _measurements_document(gpu),
        "fwid": gpu.fwid.hex(),
        "nvdec0": gpu.nvdec0,
        "key": b64(key_to_der(gpu.key)),
        "chain": [b64(der) for der in gpu.chain],
        "pdi": gpu.pdi.hex(),
        "switches": [pdi.hex() for pdi in gpu.switches],
    }


def _switch_document(switch: SimSwitch) -> dict[str, object]:
    return {
        "pdi": switch.pdi.hex(),
        "gpus": [pdi.hex() for pdi in switch.gpus],
        "measurements": _measurements_document(switch),
        "key": b64(key_to_der(switch.key)),
        "chain": [b64(der) for der in switch.chain],
        "bios": switch.bios,
    }


def _measurements_document(device: SimGpu | SimSwitch) -> list[dict[str, object]]:
    return [{"index": index, "value": value.hex()} for index, value in device.measurements.items()]


def _read_gpu(fields: Fields) -> SimGpu:
    gpu = SimGpu(
        driver=fields.text("driver"),
        vbios=fields.text("vbios"),
        measurements=_read_measurements(fields),
        fwid=fields.hex("fwid", size=48),
        key=ec_key(fields.b64("key")),
        chain=_read_chain(fields),
        nvdec0=fields.boolean("nvdec0"),
        pdi=bytes.fromhex(fields.text("pdi", limit=16, empty=True)),
        switches=tuple(map(bytes.fromhex, fields.texts("switches", limit=64))),
    )
    fields.done()
    return gpu


def _read_switch(fields: Fields) -> SimSwitch:
    switch = SimSwitch(
        pdi=fields.hex("pdi", size=8),
        gpus=tuple(map(bytes.fromhex, fields.texts("gpus", limit=8))),
        measurements=_read_measurements(fields),
        key=ec_key(fields.b64("key")),
        chain=_read_chain(fields),
        bios=fields.text("bios"),
    )
    fields.done()
    return switch


def _read_measurements(fields: Fields) -> dict[int, bytes]:
    found = {}
    for each in fields.objects("measurements", limit=64):
        found[each.integer("index", high=63)] = each.hex("value", size=48)
        each.done()
    return found


def _read_chain(fields: Fields) -> tuple[bytes, ...]:
    return tuple(unb64(text, what="chain") for text in fields.texts("chain", limit=5))
