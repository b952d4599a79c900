"""What one child process measures, as it is told and as it answers. No Qt in here."""

from dataclasses import asdict, dataclass
from enum import Enum

from keyturn.base.strictjson import dump, parse_object


class Kind(Enum):
    """What a child does."""

    EMPTY = "empty"  # a bare window: what Qt alone takes
    STREAM = "stream"  # updates pour into the fleet page
    REREAD = "reread"  # the live desk re-verifies the whole fleet again and again


@dataclass(frozen=True, slots=True)
class Case:
    """`arranged`: the table is filtered and sorted by what changes."""

    kind: Kind
    rows: int = 0
    rate: int = 0
    seconds: int = 0
    arranged: bool = False

    @property
    def name(self) -> str:
        what = "filter and sort on" if self.arranged else "off"
        if self.kind is Kind.REREAD:
            return f"{self.rows:,} rows, all read again every 2 s, {what}"
        return f"{self.rows:,} rows, {self.rate:,}/s, {what}"

    def text(self) -> str:
        return dump({**asdict(self), "kind": self.kind.value}).decode()


def read_case(text: str) -> Case:
    """Raises MalformedError."""
    fields = parse_object(text.encode(), limit=1000, what="case")
    found = Case(
        Kind(fields.text("kind", limit=20)),
        fields.integer("rows"),
        fields.integer("rate"),
        fields.integer("seconds"),
        fields.boolean("arranged"),
    )
    fields.done()
    return found
