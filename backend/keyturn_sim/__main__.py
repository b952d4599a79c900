"""`python -m keyturn_sim vendors|node|device|tpm|collateral|rim`: the simulator's command line."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump
from keyturn_sim.bootlog import SimBoot
from keyturn_sim.device import Machine, load_machine, serve
from keyturn_sim.devices import Fault
from keyturn_sim.gpu import SimGpu
from keyturn_sim.keeping import write_private
from keyturn_sim.node import SimNode
from keyturn_sim.nvswitch import SimSwitch
from keyturn_sim.snp import PRODUCTS
from keyturn_sim.tdnode import SimTdNode
from keyturn_sim.tdx import SimTd
from keyturn_sim.tpm import SimTpm
from keyturn_sim.vendors import DRIVER, FILE, VBIOS, SimVendors


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, 1 (failed) or 2 (usage)."""
    options = _parser().parse_args(arguments)
    try:
        return _COMMANDS[options.command](options)
    except (KeyturnError, OSError, ValueError) as error:
        sys.stderr.write(f"keyturn_sim: {error}\n")
        return 1


def _vendors(options: argparse.Namespace) -> int:
    folder: Path = options.dir
    if not (folder / FILE).exists():
        SimVendors.create(options.product).save(folder)
    vendors = SimVendors.load(folder)
    _print(
        {
            "simulated": True,
            "product": vendors.product,
            "roots": vendors.roots,
            "trust_anchors": vendors.trust_anchors(),
        }
    )
    return 0


def _node(options: argparse.Namespace) -> int:
    vendors = SimVendors.load(options.vendors)
    gpus, switches = _devices(options, vendors)
    node: Machine
    if options.tee == "tdx":
        registers = dict(map(_measurement, options.rtmr))
        zero, one, two, three = (registers.get(place, bytes(48)) for place in range(4))
        td = SimTd(
            mr_td=options.measurement,
            mr_config_id=options.host_data + bytes(16),
            rtmrs=(zero, one, two, three),
        )
        node = SimTdNode.create(vendors, td, gpus=gpus, switches=switches)
        shown: dict[str, object] = {"mr_td": td.mr_td.hex()}
    else:
        node = _snp_node(options, vendors, gpus, switches)
        launch = node.launch
        shown = {
            "product": launch.product,
            "chip_id": launch.chip_id.hex(),
            "measurement": launch.measurement.hex(),
        }
    debug_td = options.debug and options.tee == "tdx"
    faults = [*options.fault, *([Fault.DEBUG_TD.value] if debug_td else [])]
    node = node.misbehaving(*map(Fault, faults))
    node.save(options.out)
    counts: dict[str, object] = {"gpus": len(node.gpus), "switches": len(node.switches)}
    head = {"simulated": True, "config": str(options.out), "tee": options.tee}
    _print({**head, **shown, **counts})
    return 0


def _snp_node(
    options: argparse.Namespace,
    vendors: SimVendors,
    gpus: tuple[SimGpu, ...],
    switches: tuple[SimSwitch, ...],
) -> SimNode:
    node = SimNode.create(
        vendors,
        measurement=options.measurement,
        host_data=options.host_data,
        chip_id=options.chip_id,
        gpus=gpus,
        switches=switches,
        paravisor=options.paravisor,
    )
    return node.with_debug() if options.debug else node


def _devices(
    options: argparse.Namespace, vendors: SimVendors
) -> tuple[tuple[SimGpu, ...], tuple[SimSwitch, ...]]:
    measurements = dict(map(_measurement, options.gpu_measurement))
    firmware = {"driver": options.driver, "vbios": options.vbios}
    if options.switches:
        of_switches = dict(map(_measurement, options.switch_measurement))
        return vendors.nvidia.issue_set(
            options.gpus, options.switches, measurements, of_switches, **firmware
        )
    gpus = (
        vendors.issue_gpu(measurements, fwid=options.fwid, **firmware) for _ in range(options.gpus)
    )
    return tuple(gpus), ()


def _device(options: argparse.Namespace) -> int:
    serve(load_machine(options.config), options.socket)
    return 0


def _tpm(options: argparse.Namespace) -> int:
    """Boot a machine's TPM, say where it is, and run until SIGTERM or SIGINT."""
    vendors = SimVendors.load(options.vendors)
    node = SimNode.load(options.paravisor) if options.paravisor else None
    loaders = tuple(options.loader) or SimBoot().applications
    boot = SimBoot(applications=loaders, secure_boot=not options.no_secure_boot)
    tpm = SimTpm(
        options.dir,
        vendors.tpm,
        unpacked=options.unpacked,
        ak_certificate=not options.bare,
        paravisor=node.hcl_report if node is not None else None,
    )
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    with tpm.start(boot):
        if node is not None:
            write_private(options.dir / "cpu.pem", _pem(node))
        places = {"socket": tpm.socket, "log": tpm.log, "issuers": tpm.issuers}
        _print({"simulated": True, **{name: str(path) for name, path in places.items()}})
        sys.stdout.flush()
        ending.wait()
    return 0


def _pem(node: SimNode) -> bytes:
    """VCEK, ASK, ARK: what a guest behind a paravisor gets from its cloud."""
    shown = map(x509.load_der_x509_certificate, node.collateral().values())
    return b"".join(each.public_bytes(Encoding.PEM) for each in shown)


def _collateral(options: argparse.Namespace) -> int:
    """Write what the vendors publish now, about these machines."""
    vendors = SimVendors.load(options.vendors)
    nodes = [load_machine(path) for path in options.node]
    chains = [each.chain for node in nodes for each in node.gpus]
    chains += [each.chain for node in nodes for each in node.switches]
    found = vendors.collateral(
        datetime.now(UTC),
        chains=chains,
        revoked=frozenset(SimNode.load(path).vek for path in options.revoke),
    )
    document = {"documents": [each.to_document() for each in found]}
    write_private(options.out, dump(document))
    kinds = [each.kind.value for each in found]
    _print({"simulated": True, "out": str(options.out), "documents": kinds})
    return 0


def _rim(options: argparse.Namespace) -> int:
    """Write the signed manifests of a driver and a VBIOS with the same measurements."""
    signer = SimVendors.load(options.vendors).rim
    measurements = dict(map(_measurement, options.gpu_measurement))
    written = {}
    for kind, version in (("driver", options.driver), ("vbios", options.vbios)):
        path = options.out / f"{kind}.swid.xml"
        write_private(path, signer.manifest(version, measurements))
        written[kind] = str(path)
    _print({"simulated": True, **written})
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "vendors": _vendors,
    "node": _node,
    "device": _device,
    "tpm": _tpm,
    "collateral": _collateral,
    "rim": _rim,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keyturn_sim", description="SIMULATED hardware.")
    commands = parser.add_subparsers(dest="command", required=True)
    vendors = commands.add_parser("vendors", help="make the vendors' keys, or read them again")
    vendors.add_argument("--dir", type=Path, required=True)
    vendors.add_argument("--product", choices=PRODUCTS, default="Genoa")
    _add_node(commands.add_parser("node", help="make a node's configuration"))
    device = commands.add_parser("device", help="serve a node's devices on a unix socket")
    device.add_argument("--config", type=Path, required=True)
    device.add_argument("--socket", type=Path, required=True)
    _add_tpm(commands.add_parser("tpm", help="boot a machine's TPM (swtpm) and keep it running"))
    collateral = commands.add_parser("collateral", help="what the vendors publish now, in a file")
    collateral.add_argument("--vendors", type=Path, required=True)
    collateral.add_argument("--out", type=Path, required=True)
    collateral.add_argument("--node", type=Path, action="append", default=[], help="asked about")
    collateral.add_argument("--revoke", type=Path, action="append", default=[], help="an SNP node")
    rim = commands.add_parser("rim", help="signed manifests of a GPU's firmware")
    rim.add_argument("--vendors", type=Path, required=True)
    rim.add_argument("--out", type=Path, required=True, help="folder")
    _add_firmware(rim)
    return parser


def _add_node(node: argparse.ArgumentParser) -> None:
    node.add_argument("--vendors", type=Path, required=True, help="folder of `vendors --dir`")
    node.add_argument("--out", type=Path, required=True)
    node.add_argument("--tee", choices=("snp", "tdx"), default="snp")
    node.add_argument(
        "--measurement", type=_hex(48), required=True, help="launch digest or MRTD, hex"
    )
    node.add_argument(
        "--host-data",
        type=_hex(32),
        default=bytes(32),
        help="or MRCONFIGID, first half",
    )
    node.add_argument("--rtmr", action="append", default=[], metavar="0-3=HEX", help="of a TD")
    node.add_argument("--chip-id", type=bytes.fromhex, default=None)
    node.add_argument("--gpus", type=int, default=1)
    node.add_argument("--switches", type=int, default=0, help="more than 0: a protected PCIe set")
    node.add_argument("--fwid", type=_hex(48), default=None, help="GPU firmware id, hex")
    _add_firmware(node)
    node.add_argument("--switch-measurement", action="append", default=[], metavar="INDEX=HEX")
    node.add_argument("--debug", action="store_true", help="the host may debug the guest")
    node.add_argument("--paravisor", action="store_true", help="one that owns report data (Azure)")
    node.add_argument("--fault", action="append", default=[], choices=[f.value for f in Fault])


def _add_firmware(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--driver", default=DRIVER)
    parser.add_argument("--vbios", default=VBIOS)
    parser.add_argument(
        "--gpu-measurement", action="append", default=[], metavar="INDEX=HEX", help="from 0"
    )


def _add_tpm(tpm: argparse.ArgumentParser) -> None:
    tpm.add_argument("--vendors", type=Path, required=True)
    tpm.add_argument("--dir", type=Path, required=True, help="the TPM's state, kept")
    tpm.add_argument("--unpacked", type=Path, default=None, help="where swtpm was unpacked")
    tpm.add_argument("--loader", action="append", default=[], help="a boot application's stand-in")
    tpm.add_argument("--no-secure-boot", action="store_true")
    tpm.add_argument("--bare", action="store_true", help="the AK gets no certificate")
    tpm.add_argument("--paravisor", type=Path, default=None, help="the node that it belongs to")


def _hex(size: int) -> Callable[[str], bytes]:
    def read(text: str) -> bytes:
        value = bytes.fromhex(text)
        if len(value) != size:
            raise argparse.ArgumentTypeError(f"{len(value)} bytes, expected {size}")
        return value

    return read


def _measurement(text: str) -> tuple[int, bytes]:
    index, _, value = text.partition("=")
    read = _hex(48)
    return int(index), read(value)


def _print(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    sys.exit(main())
