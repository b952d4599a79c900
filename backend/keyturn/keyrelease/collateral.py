"""The collateral that a verifier keeps, as its verifications ask for it (our protocol §4.7).

Whoever puts documents in here has proved each once. Whether it holds is judged again where it is
used, by the anchors, lists and time of that moment; its bytes are read, and their signatures
verified, once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from keyturn.attest.anchors import SIMULATED, SpkiDigest
from keyturn.attest.certificates import Certificate, parse_certificate, pem_certificates
from keyturn.attest.chains import ChainCache, Parsed, chain_key
from keyturn.attest.crl import Crl, parse_crl
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.ocsp import OcspAnswer, OcspResponse, Status, parse_ocsp
from keyturn.attest.tdx_answers import split_qe_identity, split_tcb_info
from keyturn.attest.tdx_collateral import Documents, TdxCollateral
from keyturn.attest.tdx_pck import PckCa, read_pck
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.base.collateral import APPRAISED, CollateralDocument, CollateralKind
from keyturn.base.encoding import sha256

OCSP_LIFE = timedelta(days=7)
"""How long an answer counts that names no end, and at most; a policy may ask for younger ones."""
_PLATFORM = "TDX platform"
_CRLS = frozenset(
    {CollateralKind.AMD_CRL, CollateralKind.INTEL_ROOT_CRL, CollateralKind.INTEL_PCK_CRL}
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a document is the newest of. `issuer`: SPKI of a list's issuer, or of the root of
    Intel's other documents; empty for OCSP answers, whose scope says it all."""

    kind: CollateralKind
    scope: str
    issuer: str


@dataclass(frozen=True, slots=True)
class TdxPlatform:
    """Whose collateral a quote needs, as its PCK chain says; nothing of it is proved yet."""

    fmspc: str
    ca: PckCa
    issuer: SpkiDigest
    root: SpkiDigest


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An OCSP answer, and what it says of the certificate that it is kept for."""

    answer: OcspAnswer
    status: Status
    since: datetime
    until: datetime

    def current(self, now: datetime) -> bool:
        return self.since <= now <= self.until


_Held = CollateralDocument | Crl | KeptAnswer


@dataclass(frozen=True, slots=True)
class CollateralSet:
    """At most one document of each place. Immutable, so that one request sees one set."""

    documents: Mapping[Place, CollateralDocument] = field(default_factory=dict)
    parsed: Parsed[Documents] = field(default_factory=Parsed, repr=False)
    _held: Mapping[Place, _Held] = field(default_factory=dict, repr=False)
    _amd: Mapping[str, tuple[Crl, ...]] = field(default_factory=dict, repr=False)
    _tdx: dict[TdxPlatform, TdxCollateral] = field(default_factory=dict, repr=False)

    def with_documents(self, added: Iterable[CollateralDocument]) -> "CollateralSet":
        """Each takes its place. Raises MalformedEvidence, UntrustedEvidence."""
        documents, held = dict(self.documents), dict(self._held)
        for each in added:
            place = place_of(each)
            documents[place], held[place] = each, _read(each)
        amd: dict[str, tuple[Crl, ...]] = {}
        for place, found in held.items():
            if place.kind is CollateralKind.AMD_CRL and isinstance(found, Crl):
                amd[place.issuer] = (*amd.get(place.issuer, ()), found)
        return replace(self, documents=documents, _held=held, _amd=amd, _tdx={})

    def tdx(self, platform: TdxPlatform) -> TdxCollateral | None:
        """Intel's documents and lists for this platform; None unless all four are here."""
        known = self._tdx.get(platform)
        if known is None:
            known = self._collect(platform)
            if known is not None:
                self._tdx[platform] = known  # what follows from the set, so the set stays itself
        return known

    def missing_tdx(self, platform: TdxPlatform) -> tuple[str, ...]:
        """What is not here of that which `tdx` needs, for people."""
        places = _tdx_places(platform)
        return tuple(f"{each.kind.value} {each.scope}" for each in places if each not in self._held)

    def amd_crls(self, issuers: Collection[SpkiDigest]) -> tuple[Crl, ...]:
        """Lists by one of these keys, current or not."""
        if not self._amd:
            return ()
        return tuple(crl for issuer in issuers for crl in self._amd.get(issuer, ()))

    def ocsp(self, certificate: bytes) -> KeptAnswer | None:
        """The answer about this certificate (DER), current or not."""
        if not self._held:
            return None
        scope = sha256(certificate).hex()
        found = self._held.get(Place(CollateralKind.NVIDIA_OCSP, scope, ""))
        return found if isinstance(found, KeptAnswer) else None

    def _collect(self, platform: TdxPlatform) -> TdxCollateral | None:
        info, identity, root_list, pck_list = map(self.documents.get, _tdx_places(platform))
        if info is None or identity is None or root_list is None or pck_list is None:
            return None
        info_text, info_signature = split_tcb_info(info.data)
        identity_text, identity_signature = split_qe_identity(identity.data)
        return TdxCollateral(
            tcb_info=info_text,
            tcb_info_signature=info_signature,
            tcb_info_chain=info.chain,
            qe_identity=identity_text,
            qe_identity_signature=identity_signature,
            qe_identity_chain=identity.chain,
            root_crl=root_list.data,
            pck_crl=pck_list.data,
            pck_crl_chain=pck_list.chain,
        )


NOTHING_KEPT = CollateralSet()


def place_of(document: CollateralDocument) -> Place:
    """Read unproved. Raises MalformedEvidence, also for a kind that no verifier keeps."""
    kind = document.kind
    if kind not in APPRAISED:
        raise MalformedEvidence(
            "this kind of collateral is not kept by a verifier", found=kind.value
        )
    scope = document.scope.lower() if kind is CollateralKind.INTEL_TCB_INFO else document.scope
    if kind is CollateralKind.NVIDIA_OCSP:
        return Place(kind, scope, "")
    chain = [parse_certificate(each) for each in document.chain]
    if not chain:
        raise MalformedEvidence(f"{kind.value} comes without its issuers", found=scope[:80])
    if kind not in _CRLS:
        return Place(kind, scope, chain[-1].spki)
    issuer = parse_crl(document.data).issuer
    found = next((each for each in chain if each.subject == issuer), None)
    if found is None:
        raise MalformedEvidence(f"{kind.value} is from another issuer than its chain shows")
    return Place(kind, scope, found.spki)


def read_platform(quote: bytes, cache: ChainCache) -> TdxPlatform:
    """Which platform a quote says it is from. Raises MalformedEvidence."""
    pck_chain = parse_tdx_quote(quote).pck_chain
    known = cache.recall(chain_key(_PLATFORM, pck_chain), TdxPlatform)
    return known if known is not None else _read_platform(pck_chain, cache)


def keep_platform(pck_chain: bytes, platform: TdxPlatform, cache: ChainCache) -> None:
    """For chains that were proved alone; it stays what the very same bytes say."""
    cache.keep(chain_key(_PLATFORM, pck_chain), platform)


def _read_platform(pck_chain: bytes, cache: ChainCache) -> TdxPlatform:
    chain = pem_certificates(pck_chain)
    if len(chain) != 3:
        raise MalformedEvidence(
            "PCK chain has another number of certificates", found=str(len(chain)), expected="3"
        )
    leaf, issuer, root = _cached(chain, cache)
    names = {each.common_name: each for each in PckCa}
    ca = names.get(issuer.common_name.removeprefix(SIMULATED))
    if ca is None:
        raise MalformedEvidence("PCK's issuer is none of Intel's", found=issuer.common_name[:80])
    return TdxPlatform(read_pck(leaf, ca).fmspc.hex(), ca, issuer.spki, root.spki)


def _cached(chain: Sequence[bytes], cache: ChainCache) -> tuple[Certificate, ...]:
    """The certificates, read where no earlier verification has."""
    digests = [sha256(each) for each in chain]
    issuers = (*digests[1:], digests[-1])
    return tuple(
        cache.find(digest, issuer) or parse_certificate(raw)
        for raw, digest, issuer in zip(chain, digests, issuers, strict=True)
    )


def _tdx_places(platform: TdxPlatform) -> tuple[Place, Place, Place, Place]:
    root = platform.root
    return (
        Place(CollateralKind.INTEL_TCB_INFO, platform.fmspc, root),
        Place(CollateralKind.INTEL_QE_IDENTITY, "td", root),
        Place(CollateralKind.INTEL_ROOT_CRL, "root", root),
        Place(CollateralKind.INTEL_PCK_CRL, platform.ca.value.lower(), platform.issuer),
    )


def _read(document: CollateralDocument) -> _Held:
    if document.kind is CollateralKind.AMD_CRL:
        return parse_crl(document.data)
    if document.kind is CollateralKind.NVIDIA_OCSP:
        return _read_answer(document)
    return document


def _read_answer(document: CollateralDocument) -> KeptAnswer:
    response: OcspResponse = parse_ocsp(document.data)
    certificate, issuer = (parse_certificate(each) for each in document.chain[:2])
    for each in response.answers:
        if each.cert_id is not None and each.cert_id.names(certificate, issuer):
            until = each.this_update + OCSP_LIFE
            if each.next_update is not None:
                until = min(until, each.next_update)
            answer = OcspAnswer(document.data, None, response)
            since = max(each.this_update, response.produced_at)
            return KeptAnswer(answer, each.status, since, until)
    raise MalformedEvidence("OCSP answer is about another certificate", found=document.scope[:16])
