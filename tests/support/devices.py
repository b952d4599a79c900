"""A device process by hand, which answers whatever a test says (our protocol §7.4)."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def device(path: Path, answers: Callable[[dict[str, object]], bytes | None]) -> Iterator[None]:
    """Frames by hand: `answers` gives the JSON bytes of each answer, None closes."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def run() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as stream:
                size = int.from_bytes(stream.read(4), "big")
                if size == 0:
                    return
                body = answers(json.loads(stream.read(size)))
                if body is not None:
                    peer.sendall(len(body).to_bytes(4, "big") + body)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))
            last.sendall(bytes(4))
        thread.join(5)
        server.close()


def fixed(answer: object) -> Callable[[dict[str, object]], bytes]:
    return lambda _: json.dumps(answer).encode()
