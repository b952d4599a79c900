"""What simulated vendors sign, on a server and in bundles: for whoever carries collateral."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from keyturn.attest.collateral_age import age_of
from keyturn.base.collateral import CollateralDocument, read_collateral
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields
from keyturn.base.times import format_time
from keyturn.collateral.bundlefile import write_bundle
from keyturn.collateral.bundlekeys import key_digest, new_bundle_key, roots_for
from keyturn.collateral.cache import Kept
from keyturn.collateral.staleness import state_of

Document = dict[str, object]


def kept(document: CollateralDocument, fetched: datetime, source: str = "a vendor") -> Kept:
    return Kept(document, age_of(document), fetched, source)


def bundle(
    folder: Path,
    documents: Sequence[CollateralDocument],
    now: datetime,
    days: int = 14,
    name: str = "key",
) -> tuple[bytes, Digest]:
    """A bundle's bytes, and the digest of its key."""
    key = new_bundle_key(folder / f"{name}.pem")
    roots = roots_for(folder / f"{name}-roots", key, now, None)
    raw = write_bundle(
        [kept(each, now) for each in documents], roots, key, now, timedelta(days=days)
    )
    return raw, key_digest(key)


@dataclass
class Shelf:
    """The collateral of a scripted server. `refuses`: scopes that its keyholder does not keep."""

    now: datetime
    documents: list[CollateralDocument] = field(default_factory=list)
    handed: list[CollateralDocument] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    held: bool = True

    def answer(self, method: str, path: str, body: Document) -> Document:
        if path.endswith("/status"):
            return self._status()
        if method == "GET":
            return {"documents": [each.to_document() for each in self.documents], "next": None}
        found = [read_collateral(Fields(each, "given")) for each in body["documents"]]  # type: ignore[attr-defined]
        self.handed += found
        good = [each for each in found if each.scope not in self.refuses]
        self.documents = [
            each
            for each in self.documents
            if all((each.kind, each.scope) != (one.kind, one.scope) for one in good)
        ] + good
        bad = [
            {
                "kind": each.kind.value,
                "scope": each.scope,
                "reason": "collateral-older",
                "found": "issued long ago",
                "expected": "at least as new as the last one used",
            }
            for each in found
            if each.scope in self.refuses
        ]
        return {"kept": [each.digest for each in good], "refused": bad}

    def _status(self) -> Document:
        listed = []
        for each in self.documents:
            age = age_of(each)
            until = None if age.until is None else format_time(age.until)
            listed.append(
                {
                    "kind": each.kind.value,
                    "scope": each.scope,
                    "digest": each.digest,
                    "issued": format_time(age.issued),
                    "until": until,
                    "number": None if age.number is None else str(age.number),
                    "fetched": format_time(self.now),
                    "source": "handed in",
                    "state": state_of(each.kind, age, self.now, self.now).value,
                    "held": self.held,
                }
            )
        return {
            "fetching": False, "fetched": None, "next": None, "documents": listed, "failed": []
        }  # fmt: skip
