"""TLS 1.3 towards a server known by its key alone: the SHA-256 of its SPKI, no authority, no name.

The check sits inside the handshake (the context's own socket and object classes, which the
standard library provides for this), so nothing is ever sent to a server with another key, on
blocking sockets and in asyncio alike. TLS 1.3's CertificateVerify proves that the server holds it.
"""

import ssl
from typing import Any, NewType

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from keyturn.base.encoding import sha256, unhex
from keyturn.wire.errors import PinMismatch

Pin = NewType("Pin", str)
"""64 lower-case hex digits: SHA-256 of a TLS key's SPKI (DER)."""


def parse_pin(text: str) -> Pin:
    """Raises MalformedError unless `text` is 64 lower-case hex digits."""
    unhex(text, what="server pin", size=32)
    return Pin(text)


def pin_of_certificate(certificate: bytes) -> Pin:
    """The pin of the key in a DER certificate. Raises PinMismatch when it cannot be read."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError as error:
        raise PinMismatch(f"the server's certificate cannot be read: {error}") from error
    return Pin(
        sha256(
            key.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ).hex()
    )


class PinnedContext(ssl.SSLContext):
    """A client context that completes a handshake only with the pinned key."""

    pin: Pin


class _PinnedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        try:
            _check(self)
        except PinMismatch:
            self.close()  # the standard library closes on OSError and ValueError only
            raise


class _PinnedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        _check(self)


def pinned_context(pin: Pin) -> PinnedContext:
    """A context for exactly one server key. No certificate authority is consulted."""
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = _PinnedSocket
    context.sslobject_class = _PinnedObject
    context.pin = parse_pin(pin)
    return context


def pinned_client(base_url: str, pin: Pin, **options: Any) -> httpx.Client:
    """A blocking HTTP client for one server. Proxies and authorities of the environment are unused.

    Its requests raise PinMismatch when the server's key is another.
    """
    return httpx.Client(
        base_url=_https(base_url), verify=pinned_context(pin), trust_env=False, **options
    )


def pinned_async_client(base_url: str, pin: Pin, **options: Any) -> httpx.AsyncClient:
    """As `pinned_client`, for asyncio."""
    return httpx.AsyncClient(
        base_url=_https(base_url), verify=pinned_context(pin), trust_env=False, **options
    )


def _https(url: str) -> str:
    if not url.startswith("https://"):
        raise PinMismatch("a pinned server is spoken to by https only", found=repr(url[:80]))
    return url


def _check(connection: ssl.SSLSocket | ssl.SSLObject) -> None:
    context = connection.context
    if not isinstance(context, PinnedContext):
        raise PinMismatch("the connection's TLS context has no pin")
    certificate = connection.getpeercert(binary_form=True)
    if certificate is None:
        raise PinMismatch("the server showed no certificate", expected=f"key {context.pin}")
    found = pin_of_certificate(certificate)
    if found != context.pin:
        raise PinMismatch(
            "the server holds another TLS key than the pinned one",
            found=found,
            expected=context.pin,
            hint="Do not go on. Compare the pin with the one that the server printed at its start.",
        )
