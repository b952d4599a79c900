"""An operation of a ceremony, passed on as it came (our protocol §10.7): the control plane's part.

That it is one of these, and has its form, is looked at; what it says is not.
"""

from dataclasses import dataclass
from typing import ClassVar

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.wire.ceremonies import parse_ceremony_request
from keyturn.wire.requests import Request


@dataclass(frozen=True, slots=True)
class Forwarded(Request[JsonObject]):
    """Its answer is whatever the host says, without the frame's `ok`."""

    op: ClassVar[str] = "ceremony"
    repeatable: ClassVar[bool] = False
    asked: JsonObject

    def document(self) -> JsonObject:
        return self.asked

    def read(self, answer: Fields) -> JsonObject:
        return {name: answer.raw(name) for name in answer.names() if name != "ok"}


def forwarded(asked: JsonObject) -> Forwarded:
    """Raises MalformedError for anything but an operation of a ceremony."""
    fields = Fields(asked, "request")
    op = fields.text("op", limit=40)
    if parse_ceremony_request(op, fields) is None:
        raise MalformedError(
            "request: not an operation of a ceremony", found=repr(op), expected="one of §10.7"
        )
    fields.done()
    return Forwarded(asked)
