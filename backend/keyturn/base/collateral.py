"""Collateral as it travels: vendor-signed bytes with what they are about (our protocol §4.7).

Nothing here is proved: whoever uses a document verifies it against pinned roots.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from keyturn.base.encoding import Digest, b64, digest_of, unb64
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields

MAX_DATA = 1 << 20
MAX_CHAIN = 6
MAX_CERTIFICATE = 8192


class CollateralKind(Enum):
    """What a document is. `scope` in the comments is what it is about."""

    AMD_CHAIN = "amd-chain"  # PEM: ASK or ASVK, then ARK; scope `vcek/Milan`, `vlek/Genoa` …
    AMD_VEK = "amd-vek"  # DER; scope `<product>/<chip id, hex>/<TCB, 8 bytes hex>`, lower case
    AMD_CRL = "amd-crl"  # DER; scope `vcek/Milan`, `vlek/Genoa` …
    INTEL_TCB_INFO = "intel-tcb-info"  # the answer's JSON; scope FMSPC, 12 hex digits
    INTEL_QE_IDENTITY = "intel-qe-identity"  # the answer's JSON; scope `td`
    INTEL_ROOT_CRL = "intel-root-crl"  # DER; scope `root`
    INTEL_PCK_CRL = "intel-pck-crl"  # DER; scope `processor` or `platform`
    NVIDIA_RIM = "nvidia-rim"  # SWID XML; scope the RIM's id
    NVIDIA_OCSP = "nvidia-ocsp"  # DER; scope the SHA-256 of the certificate asked about, hex


APPRAISED = frozenset(
    {
        CollateralKind.AMD_CRL,
        CollateralKind.INTEL_TCB_INFO,
        CollateralKind.INTEL_QE_IDENTITY,
        CollateralKind.INTEL_ROOT_CRL,
        CollateralKind.INTEL_PCK_CRL,
        CollateralKind.NVIDIA_OCSP,
    }
)
"""What a verifier keeps and uses; the others come with the evidence or go into baselines."""

_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,299}\Z")


@dataclass(frozen=True, slots=True)
class CollateralDocument:
    """`data` is the vendor's exact bytes; `chain` its signer's certificates (DER), leaf first.

    A chain may end before or at the root; it is empty where the data carries its own, or where
    the verifier has the issuer from elsewhere.
    """

    kind: CollateralKind
    scope: str
    data: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def digest(self) -> Digest:
        """Of `data`."""
        return digest_of(self.data)

    def to_document(self) -> dict[str, object]:
        return {
            "kind": self.kind.value,
            "scope": self.scope,
            "data": b64(self.data),
            "chain": [b64(each) for each in self.chain],
        }


def read_collateral(fields: Fields) -> CollateralDocument:
    """Raises MalformedError."""
    found = CollateralDocument(
        fields.choice("kind", CollateralKind),
        fields.text("scope", limit=300),
        fields.b64("data", limit=MAX_DATA),
        _chain(fields.texts("chain", limit=MAX_CHAIN)),
    )
    fields.done()
    if not _SCOPE.match(found.scope) or not found.data:
        raise MalformedError(
            f"{fields.what}: scope or data",
            found=repr(found.scope[:80]),
            expected="[A-Za-z0-9._/-]",
        )
    return found


def _chain(texts: Sequence[str]) -> tuple[bytes, ...]:
    chain = tuple(unb64(each, what="collateral: chain") for each in texts)
    if any(not each or len(each) > MAX_CERTIFICATE for each in chain):
        raise MalformedError(
            "collateral: a certificate's size", expected=f"1 to {MAX_CERTIFICATE} bytes"
        )
    return chain
