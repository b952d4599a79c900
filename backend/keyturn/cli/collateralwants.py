"""What a person asks of `keyturn collateral`: documents by name, chains to ask about, needs."""

from collections.abc import Sequence
from pathlib import Path

from keyturn.attest.certificates import pem_certificates
from keyturn.base.collateral import MAX_CHAIN, CollateralKind
from keyturn.base.encoding import sha256
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, parse_object
from keyturn.client.offline import read_file
from keyturn.collateral.scopes import Key, Wanted, canonical_scope
from keyturn.policy.forecast import NodeNeeds

_MAX_PEM = 256 << 10


def read_wanted(named: Sequence[str], chains: Sequence[Path]) -> tuple[Wanted, ...]:
    """`KIND:SCOPE` …, and an OCSP question for each certificate of a chain but its root.

    Raises MalformedError, WrongScope, FileUnusable.
    """
    found = [Wanted(*read_key(each)) for each in named]
    for path in chains:
        chain = pem_certificates(read_file(path, _MAX_PEM))
        if not 2 <= len(chain) <= MAX_CHAIN:
            raise MalformedError(
                f"{path} is no chain to ask about",
                found=f"{len(chain)} certificates",
                expected=f"2 to {MAX_CHAIN}, leaf first",
            )
        for at in range(len(chain) - 1):
            scope = sha256(chain[at]).hex()
            found.append(Wanted(CollateralKind.NVIDIA_OCSP, scope, tuple(chain[at:])))
    return tuple(found)


def read_key(text: str) -> Key:
    """`KIND:SCOPE`. Raises MalformedError, WrongScope."""
    name, colon, scope = text.partition(":")
    kinds = {each.value: each for each in CollateralKind}
    if not colon or name not in kinds:
        raise MalformedError(
            "this names no collateral",
            found=repr(text[:80]),
            expected="KIND:SCOPE; kinds: " + ", ".join(kinds),
        )
    return (kinds[name], canonical_scope(kinds[name], scope))


def read_needs(raw: bytes) -> tuple[NodeNeeds, ...]:
    """`{nodes: [{node, models: […], collateral: ["KIND:SCOPE" …]}]}`. Raises MalformedError."""
    fields = parse_object(raw, limit=16 << 20, what="needs")
    found = tuple(_need(each) for each in fields.objects("nodes"))
    fields.done()
    return found


def _need(fields: Fields) -> NodeNeeds:
    need = NodeNeeds(
        fields.text("node", limit=64),
        frozenset(fields.texts("models")),
        frozenset(read_key(each) for each in fields.texts("collateral")),
    )
    fields.done()
    return need
