"""The device process: stands for a node's evidence devices, on a unix socket.

Frames are a 4-byte big-endian length and that many bytes of JSON, at most 1 MiB. Requests:
`{"op":"describe"}`, `{"op":"gpu","index":i,"nonce":hex32}`, `{"op":"snp","report_data":hex64}`;
an answer is an object, `{"error": text}` where the request was wrong (a frame too long closes
the connection).
"""

import asyncio
import signal
import socket
import struct
from contextlib import suppress
from pathlib import Path

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn_sim.node import SimNode

MAX_FRAME = 1 << 20
_LENGTH = struct.Struct(">I")


def answer(node: SimNode, request: bytes) -> dict[str, object]:
    """Answer one request. Raises MalformedError on one that is not understood."""
    fields = parse_object(request, limit=MAX_FRAME, what="device request")
    operation = fields.text("op", limit=40)
    if operation == "describe":
        fields.done()
        return describe(node)
    if operation == "snp":
        report_data = fields.hex("report_data", size=64)
        fields.done()
        collateral = {name: b64(der) for name, der in node.collateral().items()}
        return {"report": b64(node.snp_report(report_data)), **collateral}
    if operation == "gpu":
        index = fields.integer("index")
        nonce = fields.hex("nonce", size=32)
        fields.done()
        if index >= len(node.gpus):
            raise MalformedError(
                "no such GPU", found=str(index), expected=f"below {len(node.gpus)}"
            )
        chain = [b64(der) for der in node.gpus[index].chain]
        return {"report": b64(node.gpu_report(index, nonce)), "chain": chain}
    raise MalformedError("unknown operation", found=operation, expected="describe, snp or gpu")


def describe(node: SimNode) -> dict[str, object]:
    devices = [{"kind": "nvidia-gpu"} for _ in node.gpus]
    return {"tee": "snp", "devices": devices, "simulated": True}


def serve(node: SimNode, path: Path) -> None:
    """Serve until SIGTERM or SIGINT; the socket has mode 0600 and is removed at the end."""
    asyncio.run(_serve(node, path))


async def _serve(node: SimNode, path: Path) -> None:
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
    node: SimNode, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if size > MAX_FRAME:
                return
            reply = _reply(node, await reader.readexactly(size))
            writer.write(_LENGTH.pack(len(reply)) + reply)
            await writer.drain()


def _reply(node: SimNode, request: bytes) -> bytes:
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
