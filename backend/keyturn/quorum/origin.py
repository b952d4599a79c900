"""Where a reference value comes from (our protocol §2.6). Who set it is its statement's matter."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.base.times import format_time
from keyturn.quorum.errors import MalformedStatement


class Method(Enum):
    """How a value was come by."""

    CAPTURED = "captured"  # from a node's verified evidence
    RIM = "rim"  # from a RIM that the device's maker signed
    CORIM = "corim"  # from a signed CoRIM
    COMPUTED = "computed"  # from a firmware image and launch parameters
    EVENT_LOG = "event-log"  # from a TPM's event log
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True)
class Provenance:
    """`document`: what the value was taken from, None by hand only; `signer`: who signed that,
    as its certificate names them, or None. The value counts until `until`; None: without end.
    """

    method: Method
    document: Digest | None
    signer: str | None
    obtained: datetime
    until: datetime | None

    def to_document(self) -> JsonObject:
        return {
            "method": self.method.value,
            "document": self.document,
            "signer": self.signer,
            "obtained": format_time(self.obtained),
            "until": None if self.until is None else format_time(self.until),
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """`source` is for people; `provenance` may be absent."""

    source: str
    provenance: Provenance | None = None

    def ended(self, now: datetime) -> bool:
        """Whether the value does not count any more."""
        until = self.provenance.until if self.provenance is not None else None
        return until is not None and now >= until

    def to_document(self) -> JsonObject:
        """The fields that stand beside a value."""
        if self.provenance is None:
            return {"source": self.source}
        return {"source": self.source, "provenance": self.provenance.to_document()}


def read_origin(fields: Fields) -> Origin:
    """From the fields beside a value. Raises MalformedError."""
    source = fields.text("source", limit=2000)
    if not fields.has("provenance"):
        return Origin(source)
    return Origin(source, _provenance(fields.fields("provenance")))


def _provenance(fields: Fields) -> Provenance:
    found = Provenance(
        fields.choice("method", Method),
        fields.nullable("document", fields.digest),
        fields.nullable("signer", lambda name: fields.text(name, limit=400)),
        fields.time("obtained"),
        fields.nullable("until", fields.time),
    )
    fields.done()
    if (found.document is None) != (found.method is Method.BY_HAND):
        raise MalformedStatement(
            "reference-values: provenance: document",
            found=str(found.document),
            expected="a digest, and none for a value by hand",
        )
    signed = found.method in {Method.RIM, Method.CORIM}
    if signed and found.signer is None:
        raise MalformedStatement("reference-values: provenance: a signed document has a signer")
    if found.until is not None and found.until <= found.obtained:
        raise MalformedStatement("reference-values: provenance: it ends before it begins")
    return found
