"""The vendors' services on a local port, with recorded answers, and every way to misbehave."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Answer:
    """`cut`: announce all of `body`, send half and close. `chunks`: send it in so many writes.

    `announced`: a Content-Length of one's own.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    chunks: int = 1
    announced: int | None = None


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for 127.0.0.1, and the PEM file that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mirror")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mirror.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    both = folder / "mirror-key.pem"
    both.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + path.read_bytes()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, path


Speaker = Callable[[str, bytes], Answer]


class VendorServer:
    """`answers` by path with query: one answer, or several of which the last stays."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, list[Answer | Speaker]] = {}
        self.asked: list[str] = []
        self.gate: threading.Event | None = None  # where set, answers wait for it
        self.arrived = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._scheme = "http"
        if tls is not None:
            self._scheme = "https"
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def say(self, path: str, *answers: Answer | Speaker) -> None:
        self.answers[path] = list(answers)

    def count(self, path: str) -> int:
        return sum(each == path for each in self.asked)

    @contextmanager
    def running(self) -> Iterator["VendorServer"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def _next(self, path: str, body: bytes) -> Answer:
        with self._lock:
            self.asked.append(path)
            self.arrived.set()
            listed = self.answers.get(path)
            if not listed:
                return Answer(b"no such thing", 404)
            found = listed.pop(0) if len(listed) > 1 else listed[0]
        if self.gate is not None:
            self.gate.wait(30)
        return found if isinstance(found, Answer) else found(path, body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers["Content-Length"])))

            def _answer(self, body: bytes) -> None:
                found = server._next(self.path, body)
                self.send_response(found.status)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                size = len(found.body) if found.announced is None else found.announced
                self.send_header("Content-Length", str(size))
                self.end_headers()
                sent = found.body[: len(found.body) // 2] if found.cut else found.body
                step = max(1, len(sent) // found.chunks)
                try:
                    for at in range(0, len(sent), step):
                        self.wfile.write(sent[at : at + step])
                        self.wfile.flush()
                except OSError:  # whoever asked has gone
                    pass
                if found.cut:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
