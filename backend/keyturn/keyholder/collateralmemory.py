"""What collateral the keyholder has used, so that it never goes back (DESIGN §5.8, our §4.7).

One file, written as a whole: the SHA-256 of the rest in hex, a line feed, and JSON. It outlives the
documents. One that cannot be believed ends the start: a memory that is lost lets old collateral in.
"""

import hmac
from collections.abc import Iterator, Mapping
from pathlib import Path

from keyturn.attest.collateral_age import Age, older
from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import sha256
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import format_time
from keyturn.keyholder.errors import CollateralMemoryDamaged
from keyturn.keyholder.logdisk_errors import disk_errors
from keyturn.keyholder.logdisk_io import AtomicFiles
from keyturn.keyrelease.collateral import Place

MAX_PLACES = 20_000
MAX_MEMORY = 64 << 20
_WAY_OUT = (
    "put the file back from a copy; or, if old collateral is no danger, remove it together with "
    "the documents beside it, and hand in the newest collateral at once"
)


class CollateralMemory:
    """The highest age of each place, never lowered. The caller orders its calls."""

    def __init__(self, path: Path, files: AtomicFiles) -> None:
        self._path = path
        self._files = files
        self._used: dict[Place, Age] = {}

    def __len__(self) -> int:
        return len(self._used)

    def __contains__(self, place: Place) -> bool:
        return place in self._used

    def load(self, *, expected: bool) -> None:
        """At a start. `expected`: there are documents, so that there must be a memory.

        Raises CollateralMemoryDamaged, LogUnwritable.
        """
        with disk_errors("reading the memory of collateral"):
            raw = self._path.read_bytes() if self._path.exists() else None
        if raw is None:
            if expected:
                raise CollateralMemoryDamaged(
                    "the memory of collateral is not there, but documents are",
                    expected=self._path.name,
                    hint=_WAY_OUT,
                )
            return
        try:
            self._used = dict(_parse(raw))
        except MalformedError as error:
            raise CollateralMemoryDamaged(
                f"the memory of collateral cannot be believed: {error.message}",
                found=error.found,
                hint=_WAY_OUT,
            ) from error

    def refuses(self, place: Place, age: Age) -> Age | None:
        """What was used before, if this is older."""
        known = self._used.get(place)
        return known if known is not None and older(known, age) else None

    def raise_to(self, ages: Mapping[Place, Age]) -> None:
        """Durable before it returns. None of these may be one that is refused.

        Raises LogFull, LogUnwritable; then nothing is raised here.
        """
        known = {place: Age(age.issued, None, age.number) for place, age in ages.items()}
        raised = self._used | known
        if raised == self._used:
            return
        with disk_errors("remembering collateral"):
            self._files.write_durably(self._path, _written(raised))
        self._used = raised


def _written(used: Mapping[Place, Age]) -> bytes:
    rows = [
        {
            "kind": place.kind.value,
            "scope": place.scope,
            "issuer": place.issuer,
            "issued": format_time(age.issued),
            "number": None if age.number is None else str(age.number),
        }
        for place, age in used.items()
    ]
    body = dump({"type": "collateral-memory", "format": 1, "used": rows})
    return sha256(body).hex().encode() + b"\n" + body


def _parse(raw: bytes) -> Iterator[tuple[Place, Age]]:
    digest, _, body = raw.partition(b"\n")
    if not hmac.compare_digest(digest, sha256(body).hex().encode()):
        raise MalformedError("its digest is another", found=digest[:80].decode("latin-1"))
    fields = parse_object(body, limit=MAX_MEMORY, what="memory of collateral")
    fields.literal("type", "collateral-memory")
    fields.literal("format", 1)
    rows = fields.objects("used", limit=MAX_PLACES)
    fields.done()
    for each in rows:
        place = Place(
            each.choice("kind", CollateralKind),
            each.text("scope", limit=300),
            each.text("issuer", limit=64, empty=True),
        )
        number = None if each.raw("number") is None else _number(each)
        yield place, Age(each.time("issued"), None, number)
        each.done()


def _number(fields: Fields) -> int:
    """A CRL's number may have 20 bytes (RFC 5280 §5.2.3), more than JSON's integers here."""
    text = fields.text("number", limit=60)
    if not text.isascii() or not text.isdecimal():
        raise MalformedError("a number that is none", found=text)
    return int(text)
