"""What an officer calls a thing by: its digest, a beginning of it, or its name."""

from typing import TypeVar

from keyturn.base.encoding import Digest
from keyturn.client.errors import NotFound

T = TypeVar("T")


def matches(name: str, digest: Digest, label: str | None = None) -> bool:
    start = name.removeprefix("sha256:")
    return name == label or (len(start) >= 4 and digest.removeprefix("sha256:").startswith(start))


def only(found: list[T], name: str, what: str) -> T:
    if len(found) != 1:
        raise NotFound(
            f"{'no' if not found else 'more than one'} {what} is called {name!r}",
            found=f"{len(found)}",
            expected="one; digests may be cut to their first 4 digits or more",
        )
    return found[0]
