"""Authorities' keys and certificates in files: simulated ones, which protect nothing."""

import dataclasses
import os
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key

from keyturn.base.encoding import b64
from keyturn.base.strictjson import Fields
from keyturn_sim.pki import der_of, key_to_der

T = TypeVar("T")


def keep(authority: Any) -> dict[str, object]:
    """The fields of a dataclass, each a key (`key`, `…_key`) or a certificate, as base64 DER."""
    names = [each.name for each in dataclasses.fields(authority)]
    return {name: b64(_der(name, getattr(authority, name))) for name in names}


def kept(kind: type[T], fields: Fields) -> T:
    """What `keep` wrote. Raises MalformedError, ValueError."""
    names = [each.name for each in dataclasses.fields(kind)]  # type: ignore[arg-type]
    parts = {name: _part(name, fields.b64(name)) for name in names}
    fields.done()
    return kind(**parts)


def write_private(path: Path, data: bytes) -> None:
    """Replace a file as one step; mode 0600 from its first byte on."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _is_key(name: str) -> bool:
    return name == "key" or name.endswith("_key")


def _der(name: str, value: Any) -> bytes:
    return key_to_der(value) if _is_key(name) else der_of(value)


def _part(name: str, raw: bytes) -> Any:
    if _is_key(name):
        return load_der_private_key(raw, password=None)
    return x509.load_der_x509_certificate(raw)
