"""A statement that one page drafts and another proposes: what is handed over between them.

Pages know nothing of one another: `go` takes a target, and this is one. Nothing in it is trusted
by whoever takes it: the body is read again like one that was typed.
"""

from dataclasses import dataclass, field

from keyturn.base.encoding import b64, unb64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import JsonObject, dump, load_object, parse_object
from keyturn.quorum.kinds import Kind

PAGE = "approvals"
"""The page that proposes."""
_MARK = "draft:"
MAX_HANDED = 1 << 20


@dataclass(frozen=True, slots=True)
class Handed:
    """A body ready to be looked at; `reason` is a first word for the officer to make his own."""

    kind: Kind
    subject: str
    body: JsonObject = field(hash=False)
    reason: str = ""

    def target(self) -> str:
        """For `go(PAGE, …)`."""
        document: JsonObject = {
            "kind": self.kind.value,
            "subject": self.subject,
            "body": b64(dump(self.body)),
            "reason": self.reason,
        }
        return _MARK + dump(document).decode()


def handed(target: str) -> Handed | None:
    """None for another target, and for one that nobody here has made."""
    if not target.startswith(_MARK):
        return None
    try:
        raw = target.removeprefix(_MARK).encode()
        fields = parse_object(raw, limit=2 * MAX_HANDED, what="handed")
        kind = fields.choice("kind", Kind)
        subject = fields.text("subject", limit=200, empty=True)
        body = fields.text("body", limit=2 * MAX_HANDED)
        reason = fields.text("reason", limit=4000, empty=True)
        fields.done()
        inside = unb64(body, what="handed")
        return Handed(kind, subject, _object(inside), reason)
    except (MalformedError, UnicodeEncodeError):
        return None


def _object(raw: bytes) -> JsonObject:
    return load_object(raw, limit=MAX_HANDED, what="handed")
