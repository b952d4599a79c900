"""What Intel's collateral and a PCK chain prove, before the quote itself is looked at.

Nine steps of `keyturn.attest.tdx`, and their memory: what they prove follows from exact bytes, the
roots in force and the time. So a proof is kept under a digest of all of the bytes, with the anchor
that it hangs on and the span in which every certificate, document and list in it is current. It is
used again only while an equal anchor is in force, and only inside that span; lists are among the
bytes, so that a newer list is another proof.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from keyturn.attest.anchors import Anchor, TrustAnchors, Vendor
from keyturn.attest.chains import ChainCache, Parsed, chain_key
from keyturn.attest.checks import Check
from keyturn.attest.crl import CrlFacts
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.p256 import verify_p256
from keyturn.attest.steps import Steps
from keyturn.attest.tdx_chains import (
    Chains,
    RawChains,
    check_chain_dates,
    check_lists,
    find_roots,
    verify_chains,
)
from keyturn.attest.tdx_collateral import (
    Documents,
    QeIdentity,
    TcbInfo,
    TdxCollateral,
    read_documents,
    remember_documents,
)
from keyturn.attest.tdx_pck import Pck, read_pck
from keyturn.attest.tdx_quote import TdxQuote
from keyturn.attest.tdx_steps import Proof, Step, after, all_three, both


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verifier brings: roots in force, time, what is kept across calls."""

    anchors: TrustAnchors
    now: datetime
    cache: ChainCache
    parsed: Parsed[Documents] | None


@dataclass(frozen=True, slots=True)
class Endorsed:
    """What the steps proved; None where one was refused or not reached. `key`: of all bytes."""

    key: bytes
    documents: Documents | None
    chains: Chains | None
    pck: Pck | None
    info: TcbInfo | None
    identity: QeIdentity | None
    lists: tuple[CrlFacts, ...] | None


@dataclass(frozen=True, slots=True)
class _Proved:
    """All nine steps were met under this anchor; they hold from `since` to `until`."""

    endorsed: Endorsed
    checks: tuple[Check, ...]
    anchor: Anchor
    since: datetime
    until: datetime

    def holds(self, asked: Asked) -> bool:
        in_force = asked.anchors.find(Vendor.INTEL_SGX, self.anchor.spki)
        return in_force == self.anchor and self.since <= asked.now <= self.until


def endorse(
    steps: Steps, quote: TdxQuote | None, collateral: TdxCollateral, asked: Asked
) -> Endorsed:
    """Make the steps from `Step.COLLATERAL` to `Step.REVOCATION`; `quote` None: it was refused."""
    chain = b"" if quote is None else quote.pck_chain
    key = chain_key("TDX endorsement", chain, collateral.digest)
    known = asked.cache.recall(key, _Proved) if quote is not None else None
    if known is not None and known.holds(asked):
        steps.again(known.checks)
        return known.endorsed
    before = len(steps.checks)
    endorsed = _new(steps, quote, collateral, asked, key)
    documents, chains = endorsed.documents, endorsed.chains
    if steps.refusal is None and documents is not None and chains is not None:
        since = max(chains.starts, *(each[1] for each in documents.spans))
        until = min(chains.ends, *(each[2] for each in documents.spans))
        checks = steps.checks[before:]
        asked.cache.keep(key, _Proved(endorsed, checks, chains.anchor, since, until))
    return endorsed


def _new(
    steps: Steps, quote: TdxQuote | None, collateral: TdxCollateral, asked: Asked, key: bytes
) -> Endorsed:
    anchors, now, cache, parsed = asked.anchors, asked.now, asked.cache, asked.parsed
    documents = after(steps, Step.COLLATERAL, partial(_read_documents, parsed), collateral)
    roots = after(steps, Step.ROOT, partial(_roots, collateral, anchors, cache), quote)
    chains = after(steps, Step.CHAIN, partial(_chains, cache), roots)
    pck = after(steps, Step.PCK, partial(_pck, cache), chains)
    after(steps, Step.DATES, partial(_dates, now), chains)
    after(steps, Step.COLLATERAL_DATES, partial(_collateral_dates, now), documents)
    pair = both(chains, documents)
    info = after(steps, Step.TCB_INFO, partial(_tcb_info, collateral, cache), pair)
    identity = after(steps, Step.IDENTITY, partial(_qe_identity, collateral, cache), pair)
    lists = after(steps, Step.REVOCATION, partial(_revocation, now, cache), pair)
    if parsed is not None and documents is not None and all_three(info, identity, lists):
        remember_documents(collateral, documents, parsed)
    return Endorsed(key, documents, chains, pck, info, identity, lists)


def _read_documents(
    parsed: Parsed[Documents] | None, collateral: TdxCollateral
) -> Proof[Documents]:
    documents = read_documents(collateral, parsed)
    return Proof(documents, "all readable")


def _roots(
    collateral: TdxCollateral, anchors: TrustAnchors, cache: ChainCache, quote: TdxQuote
) -> Proof[RawChains]:
    raw = find_roots(quote.pck_chain, collateral, anchors, cache)
    return Proof(raw, raw.anchor.spki, f"pinned by {raw.anchor.source}")


def _chains(cache: ChainCache, raw: RawChains) -> Proof[Chains]:
    chains = verify_chains(raw, cache)
    names = " < ".join(each.common_name for each in chains.pck)
    return Proof(chains, names)


def _pck(cache: ChainCache, chains: Chains) -> Proof[Pck]:
    leaf, ca = chains.pck[0], chains.ca
    key = b"PCK\0" + ca.value.encode() + b"\0" + leaf.digest
    pck = cache.read_once(key, Pck, lambda: read_pck(leaf, ca))
    return Proof(pck, f"FMSPC {pck.fmspc.hex()}, {pck.ca.value} CA")


def _dates(now: datetime, chains: Chains) -> Proof[datetime]:
    until = check_chain_dates(chains, now)
    return Proof(until, "valid", chains.until)


def _collateral_dates(now: datetime, documents: Documents) -> Proof[Documents]:
    for name, since, until in documents.spans:
        if now < since:
            raise UntrustedEvidence(
                f"{name} is from the future",
                reason=Reason.COLLATERAL_NOT_YET_VALID,
                found=now.isoformat(),
                expected=f"at or after {since.isoformat()}",
            )
        if now > until:
            raise UntrustedEvidence(
                f"{name} should have been replaced",
                reason=Reason.COLLATERAL_EXPIRED,
                found=now.isoformat(),
                expected=f"at or before {until.isoformat()}",
            )
    return Proof(documents, "current", documents.until)


def _tcb_info(
    collateral: TdxCollateral, cache: ChainCache, given: tuple[Chains, Documents]
) -> Proof[TcbInfo]:
    chains, documents = given
    signer = chains.tcb_info[0]
    cache.check_once(
        b"TCB info\0" + collateral.digest + signer.digest,
        lambda: verify_p256(
            signer.public_key,
            collateral.tcb_info_signature,
            collateral.tcb_info,
            "TCB info",
            Reason.TCB_INFO_SIGNATURE_INVALID,
        ),
    )
    return Proof(documents.info, "verified")


def _qe_identity(
    collateral: TdxCollateral, cache: ChainCache, given: tuple[Chains, Documents]
) -> Proof[QeIdentity]:
    chains, documents = given
    signer = chains.qe_identity[0]
    cache.check_once(
        b"QE identity\0" + collateral.digest + signer.digest,
        lambda: verify_p256(
            signer.public_key,
            collateral.qe_identity_signature,
            collateral.qe_identity,
            "QE identity",
            Reason.QE_IDENTITY_SIGNATURE_INVALID,
        ),
    )
    return Proof(documents.identity, "verified")


def _revocation(
    now: datetime, cache: ChainCache, given: tuple[Chains, Documents]
) -> Proof[tuple[CrlFacts, ...]]:
    chains, documents = given
    facts = check_lists(chains, documents.root_list, documents.pck_list, now, cache)
    found = "; ".join(f"not in the list of {each.issuer}" for each in facts)
    return Proof(facts, found)
