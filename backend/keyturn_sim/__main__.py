"""`python -m keyturn_sim vendors|node|device`: the simulator's command line."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn_sim.device import serve
from keyturn_sim.node import Fault, SimNode
from keyturn_sim.snp import PRODUCTS
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
    _print({"simulated": True, "product": vendors.product, "roots": vendors.roots})
    return 0


def _node(options: argparse.Namespace) -> int:
    vendors = SimVendors.load(options.vendors)
    measurements = dict(map(_measurement, options.gpu_measurement))
    gpus = tuple(
        vendors.issue_gpu(
            measurements, driver=options.driver, vbios=options.vbios, fwid=options.fwid
        )
        for _ in range(options.gpus)
    )
    node = SimNode.create(
        vendors,
        measurement=options.measurement,
        host_data=options.host_data,
        chip_id=options.chip_id,
        gpus=gpus,
    )
    if options.debug:
        node = node.with_debug()
    node = node.misbehaving(*map(Fault, options.fault))
    node.save(options.out)
    launch = node.launch
    _print(
        {
            "simulated": True,
            "config": str(options.out),
            "product": launch.product,
            "chip_id": launch.chip_id.hex(),
            "measurement": launch.measurement.hex(),
            "gpus": len(node.gpus),
        }
    )
    return 0


def _device(options: argparse.Namespace) -> int:
    serve(SimNode.load(options.config), options.socket)
    return 0


_COMMANDS = {"vendors": _vendors, "node": _node, "device": _device}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keyturn_sim", description="SIMULATED hardware.")
    commands = parser.add_subparsers(dest="command", required=True)
    vendors = commands.add_parser("vendors", help="make the vendors' keys, or read them again")
    vendors.add_argument("--dir", type=Path, required=True)
    vendors.add_argument("--product", choices=PRODUCTS, default="Genoa")
    node = commands.add_parser("node", help="make a node's configuration")
    node.add_argument("--vendors", type=Path, required=True, help="folder of `vendors --dir`")
    node.add_argument("--out", type=Path, required=True)
    node.add_argument("--measurement", type=_hex(48), required=True, help="launch digest, hex")
    node.add_argument("--host-data", type=_hex(32), default=bytes(32))
    node.add_argument("--chip-id", type=bytes.fromhex, default=None)
    node.add_argument("--gpus", type=int, default=1)
    node.add_argument("--driver", default=DRIVER)
    node.add_argument("--vbios", default=VBIOS)
    node.add_argument("--fwid", type=_hex(48), default=None, help="GPU firmware id, hex")
    node.add_argument(
        "--gpu-measurement", action="append", default=[], metavar="INDEX=HEX", help="from 0"
    )
    node.add_argument("--debug", action="store_true", help="the host may debug the guest")
    node.add_argument("--fault", action="append", default=[], choices=[f.value for f in Fault])
    device = commands.add_parser("device", help="serve a node's devices on a unix socket")
    device.add_argument("--config", type=Path, required=True)
    device.add_argument("--socket", type=Path, required=True)
    return parser


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
