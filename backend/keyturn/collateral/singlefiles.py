"""One vendor document from a file, with its issuers out of documents that are at hand. Pure.

A list or a signed JSON document comes without the certificates that prove it: they are looked for
in what is kept already. Nothing here is proved.
"""

from collections.abc import Iterable, Iterator, Sequence

from keyturn.attest.certificates import Certificate, parse_certificate, pem_certificates, pem_crls
from keyturn.attest.crl import Crl, parse_crl
from keyturn.attest.errors import REFUSALS
from keyturn.attest.tdx_answers import split_qe_identity, split_tcb_info
from keyturn.attest.tdx_collateral import parse_tcb_info
from keyturn.base.collateral import MAX_DATA, CollateralDocument, CollateralKind
from keyturn.base.errors import MalformedError
from keyturn.collateral.cache import read_kept
from keyturn.collateral.errors import IssuerMissing

_SIGNED = (CollateralKind.INTEL_TCB_INFO, CollateralKind.INTEL_QE_IDENTITY)
_LISTS = (CollateralKind.AMD_CRL, CollateralKind.INTEL_ROOT_CRL, CollateralKind.INTEL_PCK_CRL)
_ENTRY = b'"collateral-entry"'


def read_single(raw: bytes, known: Sequence[CollateralDocument]) -> CollateralDocument:
    """A revocation list (DER or PEM), Intel's TCB info or QE identity, or an entry of a cache.

    Raises MalformedError, UntrustedEvidence, IssuerMissing.
    """
    if not 0 < len(raw) <= MAX_DATA:
        raise MalformedError("the file has another size", found=f"{len(raw)} bytes")
    text = raw.lstrip()
    if text.startswith(b"{"):
        return _json(raw, known)
    if text.startswith(b"-----BEGIN"):
        lists = pem_crls(raw)
        if len(lists) != 1:
            raise _strange(f"{len(lists)} lists in the file")
        return _list(lists[0], known)
    return _list(raw, known)


def _json(raw: bytes, known: Sequence[CollateralDocument]) -> CollateralDocument:
    if _ENTRY in raw[:4096] or _ENTRY.replace(b'"', b"") in raw[-4096:]:
        return read_kept(raw).document
    if b'"tcbInfo"' in raw[:200]:
        scope = parse_tcb_info(split_tcb_info(raw)[0]).fmspc.hex()
        return CollateralDocument(CollateralKind.INTEL_TCB_INFO, scope, raw, _signers(known))
    if b'"enclaveIdentity"' in raw[:200]:
        split_qe_identity(raw)
        return CollateralDocument(CollateralKind.INTEL_QE_IDENTITY, "td", raw, _signers(known))
    raise _strange("JSON of another form")


def _signers(known: Sequence[CollateralDocument]) -> tuple[bytes, ...]:
    for each in known:
        if each.kind in _SIGNED and each.chain:
            return each.chain
    raise IssuerMissing(
        "the certificates of Intel's signer are not at hand",
        expected="a TCB info or QE identity that is kept already",
        hint="import a bundle first: it brings the certificates along",
    )


def _list(raw: bytes, known: Sequence[CollateralDocument]) -> CollateralDocument:
    try:
        crl = parse_crl(raw)
    except REFUSALS as error:
        raise _strange(error.message) from error
    for each in known:
        found = _beside(crl, raw, each)
        if found is not None:
            return found
    raise IssuerMissing(
        "the list's issuer is not at hand",
        hint="import a bundle first: it brings the certificates along",
    )


def _beside(crl: Crl, raw: bytes, known: CollateralDocument) -> CollateralDocument | None:
    """The list as another of its issuer, or with the certificates of a kept document."""
    chain = list(_certificates(known))
    names = [each.subject for each in chain]
    if crl.issuer not in names:
        return None
    ders = tuple(each.der for each in chain)
    if known.kind in _LISTS and parse_crl(known.data).issuer == crl.issuer:
        return CollateralDocument(known.kind, known.scope, raw, known.chain)
    if known.kind is CollateralKind.AMD_CHAIN:
        return CollateralDocument(CollateralKind.AMD_CRL, known.scope, raw, ders)
    if known.kind in _SIGNED and names[-1] == crl.issuer:
        return CollateralDocument(CollateralKind.INTEL_ROOT_CRL, "root", raw, ders[-1:])
    return None


def _certificates(document: CollateralDocument) -> Iterator[Certificate]:
    raw: Iterable[bytes] = document.chain
    if document.kind is CollateralKind.AMD_CHAIN:
        raw = pem_certificates(document.data)
    return map(parse_certificate, raw)


def _strange(found: str) -> MalformedError:
    return MalformedError(
        "the file is no document of collateral",
        found=found,
        expected="a bundle, a revocation list (DER or PEM), TCB info or QE identity (JSON)",
    )
