"""The device process: stands for a node's evidence devices, on a unix socket.

Frames and requests are our protocol's, §7.4; an answer is an object, `{"error": text}` where the
request was wrong (a frame too long closes the connection).
"""

import asyncio
import signal
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn_sim.deviceconfig import MAX_CONFIG
from keyturn_sim.gpu import SimGpu
from keyturn_sim.node import SimNode
from keyturn_sim.nvswitch import SimSwitch
from keyturn_sim.tdnode import TYPE as TD_TYPE
from keyturn_sim.tdnode import SimTdNode

MAX_FRAME = 1 << 20
_LENGTH = struct.Struct(">I")


Machine = SimNode | SimTdNode


def load_machine(path: Path) -> Machine:
    """A machine's configuration, whichever TEE it has. Raises MalformedError, OSError."""
    kind = parse_object(path.read_bytes(), limit=MAX_CONFIG, what="sim machine").text("type")
    return SimTdNode.load(path) if kind == TD_TYPE else SimNode.load(path)


def answer(node: Machine, request: bytes) -> dict[str, object]:
    """Answer one request. Raises MalformedError on one that is not understood."""
    fields = parse_object(request, limit=MAX_FRAME, what="device request")
    operation = fields.text("op", limit=40)
    found = _OPERATIONS.get(operation)
    if found is None:
        raise MalformedError(
            "unknown operation", found=operation, expected=" or ".join(_OPERATIONS)
        )
    return found(node, fields)


def _describe(node: Machine, fields: Fields) -> dict[str, object]:
    fields.done()
    tee = "tdx" if isinstance(node, SimTdNode) else "snp"
    return {"tee": tee, "devices": node.devices.listed(), "simulated": True}


def _snp(node: Machine, fields: Fields) -> dict[str, object]:
    report_data = fields.hex("report_data", size=64)
    fields.done()
    if isinstance(node, SimTdNode) or node.paravisor:
        raise MalformedError("no SNP report", found="a TD or a paravisor", expected="an SNP guest")
    collateral = {name: b64(der) for name, der in node.collateral().items()}
    return {"report": b64(node.snp_report(report_data)), **collateral}


def _tdx(node: Machine, fields: Fields) -> dict[str, object]:
    report_data = fields.hex("report_data", size=64)
    fields.done()
    if not isinstance(node, SimTdNode):
        raise MalformedError("no TDX quote", found="an SNP guest", expected="a TD")
    return {"quote": b64(node.tdx_quote(report_data))}


def _gpu(node: Machine, fields: Fields) -> dict[str, object]:
    return _report(node, fields, node.devices.gpus)


def _switch(node: Machine, fields: Fields) -> dict[str, object]:
    return _report(node, fields, node.devices.switches)


def _report(
    node: Machine, fields: Fields, devices: Sequence[SimGpu | SimSwitch]
) -> dict[str, object]:
    index = fields.integer("index")
    nonce = fields.hex("nonce", size=32)
    fields.done()
    if index >= len(devices):
        raise MalformedError("no such device", found=str(index), expected=f"below {len(devices)}")
    chain = [b64(der) for der in devices[index].chain]
    return {"report": b64(node.devices.report(devices[index], nonce)), "chain": chain}


_OPERATIONS: Mapping[str, Callable[[Machine, Fields], dict[str, object]]] = {
    "describe": _describe,
    "snp": _snp,
    "tdx": _tdx,
    "gpu": _gpu,
    "switch": _switch,
}


def serve(node: Machine, path: Path) -> None:
    """Serve until SIGTERM or SIGINT; the socket has mode 0600 and is removed at the end."""
    asyncio.run(_serve(node, path))


async def _serve(node: Machine, path: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    connections: dict[asyncio.StreamWriter, asyncio.Future[None]] = {}

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[writer] = ended = loop.create_future()
        try:
            await _converse(node, reader, writer)
        finally:
            del connections[writer]
            writer.close()
            ended.set_result(None)

    server = await asyncio.start_unix_server(serve_one, sock=_bound(path))
    try:
        await stop.wait()
    finally:
        server.close()
        ending = tuple(connections.values())
        for writer in tuple(connections):
            writer.transport.abort()
        await asyncio.gather(*ending)
        await server.wait_closed()
        path.unlink(missing_ok=True)


async def _converse(
    node: Machine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if size > MAX_FRAME:
                return
            reply = _reply(node, await reader.readexactly(size))
            writer.write(_LENGTH.pack(len(reply)) + reply)
            await writer.drain()


def _reply(node: Machine, request: bytes) -> bytes:
    try:
        return dump(answer(node, request))
    except KeyturnError as error:
        return dump({"error": str(error)})


def _bound(path: Path) -> socket.socket:
    """A socket file that nobody else could have connected to, not for an instant."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    temporary = path.with_name(path.name + ".new")
    for stale in (path, temporary):
        if stale.is_socket():
            stale.unlink()
    server.bind(str(temporary))
    temporary.chmod(0o600)  # nobody can connect before `listen`
    server.listen(64)
    server.setblocking(False)
    temporary.rename(path)
    return server
