"""What a server says of itself before anything is proved."""

from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields
from keyturn.client.errors import ServerLied


@dataclass(frozen=True, slots=True)
class Hello:
    """Its own word, but for the fingerprint, which is the pinned one."""

    software: str
    fingerprint: str
    origin: str
    simulation: bool


def read_hello(fields: Fields, pinned: Digest) -> Hello:
    """Raises ServerLied when the server serves another authority than the pinned one."""
    hello = Hello(
        fields.text("software", limit=200),
        fields.text("fingerprint", limit=100),
        fields.text("origin", limit=200),
        fields.boolean("simulation"),
    )
    if hello.fingerprint != pinned:
        raise ServerLied(
            "this server serves another authority than the pinned one",
            found=hello.fingerprint,
            expected=pinned,
            hint="Check the server's address, or the fingerprint, with another officer.",
        )
    return hello
