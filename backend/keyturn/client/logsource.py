"""What a client asks of the server about its log. Nothing of it is believed here (§6.6, §7.5)."""

from collections.abc import Callable

from keyturn.base.encoding import Digest, unb64, unhex
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.client.errors import ServerLied
from keyturn.client.history import Source
from keyturn.client.transport import Transport
from keyturn.tlog.merkle import HASH_SIZE, Hash
from keyturn.tlog.proofs import Proof

MAX_OBJECT = 8 << 20

Asked = Callable[[Callable[[], Fields]], Fields]
"""Asks, and signs in where the server wants a session."""


def log_source(http: Transport, asked: Asked) -> Source:
    """The log's questions over HTTP. Each raises as `Transport.get`."""

    def entries(start: int, end: int) -> list[bytes]:
        params = {"start": start, "end": end}
        answer = asked(lambda: http.get("/v1/log/entries", "log entries", params))
        if answer.integer("start") != start:
            raise ServerLied("other log entries than those asked for", expected=f"from {start}")
        return [_unb64(each) for each in answer.items("leaves", limit=end - start)]

    def read_object(digest: Digest) -> bytes:
        path = f"/v1/log/objects/{digest}"
        return asked(lambda: http.get(path, "object")).b64("data", limit=MAX_OBJECT)

    def consistency(old: int, new: int) -> Proof:
        params = {"old": old, "new": new}
        answer = asked(lambda: http.get("/v1/log/consistency", "proof", params))
        texts = [each for each in answer.items("proof", limit=200) if isinstance(each, str)]
        return tuple(Hash(unhex(each, what="proof", size=HASH_SIZE)) for each in texts)

    return Source(entries, read_object, consistency)


def _unb64(value: object) -> bytes:
    if not isinstance(value, str):
        raise MalformedError("log entries: not a list of texts")
    return unb64(value, what="log entry")
