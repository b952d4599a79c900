"""Collateral as it travels (our protocol §4.7)."""

import pytest

from keyturn.base.collateral import MAX_DATA, CollateralDocument, CollateralKind, read_collateral
from keyturn.base.encoding import b64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object

GOOD = CollateralDocument(CollateralKind.AMD_CRL, "vcek/Milan", b"a list", (b"leaf", b"root"))


def read(**changed: object) -> CollateralDocument:
    raw = dump({**GOOD.to_document(), **changed})
    return read_collateral(parse_object(raw, limit=4 << 20, what="collateral"))


def test_what_is_written_is_read_again() -> None:
    assert read() == GOOD
    assert GOOD.digest.startswith("sha256:")


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "amd-secret"},
        {"scope": ""},
        {"scope": "../etc passwd"},
        {"scope": "/root"},
        {"data": ""},
        {"data": b64(bytes(MAX_DATA + 1))},
        {"data": "*"},
        {"chain": [b64(bytes(8193))]},
        {"chain": [""]},
        {"chain": [b64(bytes([each])) for each in range(7)]},
        {"chain": "none"},
        {"more": 1},
    ],
)
def test_anything_else_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read(**changed)


@pytest.mark.parametrize("name", ["kind", "scope", "data", "chain"])
def test_nothing_may_be_missing(name: str) -> None:
    values = {key: value for key, value in GOOD.to_document().items() if key != name}
    raw = dump(values)
    with pytest.raises(MalformedError, match=name):
        read_collateral(parse_object(raw, limit=1 << 20, what="collateral"))
