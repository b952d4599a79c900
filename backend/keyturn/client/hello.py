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
    sealed: bool | None = None
    """Whether the keyholder is (our protocol §10.12); None: the server does not know."""


def read_hello(fields: Fields, pinned: Digest) -> Hello:
    """Raises ServerLied when the server serves another authority than the pinned one."""
    known = fields.has("sealed") and fields.raw("sealed") is not None
    hello = Hello(
        fields.text("software", limit=200),
        fields.text("fingerprint", limit=100),
        fields.text("origin", limit=200),
        fields.boolean("simulation"),
        fields.boolean("sealed") if known else None,
    )
    if hello.fingerprint != pinned:
        raise ServerLied(
            "this server serves another authority than the pinned one",
            found=hello.fingerprint,
            expected=pinned,
            hint="Check the server's address, or the fingerprint, with another officer.",
        )
    return hello
