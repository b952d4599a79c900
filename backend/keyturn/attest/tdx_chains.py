"""Intel's certificate chains around one TDX quote, up to the pinned Intel SGX Root CA.

Source: Intel SGX PCK Certificate and CRL Profile Specification; PCS API v4 (issuer chains). Four
chains meet in one root: the PCK's in the quote, and those of TCB info, QE identity and PCK list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.attest.anchors import Anchor, TrustAnchors, Vendor
from keyturn.attest.certificates import Certificate, pem_certificates
from keyturn.attest.chains import (
    ChainCache,
    check_dates,
    check_path_lengths,
    read_root,
    verified_link,
    verified_root,
    wrong_name,
)
from keyturn.attest.crl import Crl, CrlFacts, check_crl
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tdx_collateral import TdxCollateral
from keyturn.attest.tdx_pck import PckCa

ROOT_NAME = "Intel SGX Root CA"
PCK_NAME = "Intel SGX PCK Certificate"
SIGNER_NAME = "Intel SGX TCB Signing"
_TCB, _QE, _LIST = "TCB info's chain", "QE identity's chain", "PCK list's chain"


@dataclass(frozen=True, slots=True)
class RawChains:
    """DER chains, leaf first, whose roots have the same trusted key; nothing is verified yet."""

    pck: tuple[bytes, ...]
    tcb_info: tuple[bytes, ...]
    qe_identity: tuple[bytes, ...]
    pck_list: tuple[bytes, ...]
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class Chains:
    """Verified paths, leaf first. `ca` issued the PCK; `simulated` comes from the anchor.

    `everyone`: their certificates, each once. From `starts` to `ends` all of them are valid.
    """

    pck: tuple[Certificate, ...]
    tcb_info: tuple[Certificate, ...]
    qe_identity: tuple[Certificate, ...]
    pck_list: tuple[Certificate, ...]
    ca: PckCa
    anchor: Anchor
    everyone: tuple[Certificate, ...] = field(init=False, repr=False, compare=False)
    starts: datetime = field(init=False, compare=False)
    ends: datetime = field(init=False, compare=False)
    until: str = field(init=False, compare=False)
    """`ends` in words."""

    def __post_init__(self) -> None:
        certificates = {each: None for path in self.paths for each in path}
        starts = max(each.not_before for each in certificates)
        ends = min(each.not_after for each in certificates)
        object.__setattr__(self, "everyone", tuple(certificates))
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "ends", ends)
        object.__setattr__(self, "until", f"until {ends.isoformat()}")

    @property
    def paths(self) -> tuple[tuple[Certificate, ...], ...]:
        return (self.pck, self.tcb_info, self.qe_identity, self.pck_list)


def find_roots(
    pck_chain: bytes, collateral: TdxCollateral, anchors: TrustAnchors, cache: ChainCache
) -> RawChains:
    """Split the chains and look for the anchor of all their roots, which must be one.

    `pck_chain` is the quote's PEM. Raises MalformedEvidence, UntrustedEvidence (untrusted-root).
    """
    pck = _sized(pem_certificates(pck_chain), 3, "PCK chain")
    others = {
        _TCB: _sized(collateral.tcb_info_chain, 2, _TCB),
        _QE: _sized(collateral.qe_identity_chain, 2, _QE),
        _LIST: _sized(collateral.pck_crl_chain, 2, _LIST),
    }
    anchor = _anchor(pck[-1], "PCK chain", anchors, cache)
    for what, chain in others.items():
        if _anchor(chain[-1], what, anchors, cache) != anchor:
            raise UntrustedEvidence(
                f"{what} has another root than the PCK's",
                reason=Reason.UNTRUSTED_ROOT,
                expected=anchor.spki[:16],
            )
    return RawChains(pck, others[_TCB], others[_QE], others[_LIST], anchor)


def verify_chains(raw: RawChains, cache: ChainCache) -> Chains:
    """Verify each link, and that each certificate is the one that stands there in Intel's chains.

    Raises MalformedEvidence, UntrustedEvidence (chain-invalid).
    """
    pck = _verified(raw.pck, cache)
    ca = _pck_ca(pck[1], raw.anchor)
    _check_names(pck, (PCK_NAME, ca.common_name, ROOT_NAME), raw.anchor)
    signers = tuple(_verified(chain, cache) for chain in (raw.tcb_info, raw.qe_identity))
    for path in signers:
        _check_names(path, (SIGNER_NAME, ROOT_NAME), raw.anchor)
        check_path_lengths(path)
    pck_list = _verified(raw.pck_list, cache)  # must be the PCK's issuer: `check_lists`
    check_path_lengths(pck)
    return Chains(pck, signers[0], signers[1], pck_list, ca, raw.anchor)


def check_chain_dates(chains: Chains, now: datetime) -> datetime:
    """Until when all certificates are valid. Raises UntrustedEvidence (cert-…)."""
    if not chains.starts <= now <= chains.ends:
        for path in chains.paths:
            check_dates(path, now)
    return chains.ends


def check_lists(
    chains: Chains, root_list: Crl, pck_list: Crl, now: datetime, cache: ChainCache | None = None
) -> tuple[CrlFacts, ...]:
    """Both lists are those of this chain, and name none of its certificates.

    Raises UntrustedEvidence (crl-invalid, crl-not-current, cert-revoked).
    """
    _, ca, root = chains.pck
    _check_issuer(root_list, root, "root CA's list")
    _check_issuer(pck_list, ca, "PCK list")
    issuer = chains.pck_list[0]
    if (issuer.subject, issuer.spki) != (ca.subject, ca.spki):
        raise UntrustedEvidence(
            "PCK list's chain is not that of the PCK's issuer",
            reason=Reason.CRL_INVALID,
            found=f"'{issuer.common_name}'",
            expected=f"'{ca.common_name}'",
        )
    of_root = check_crl(chains.everyone, root_list, now, cache)  # who issued a part of them
    return of_root, check_crl(chains.pck, pck_list, now, cache)


def _check_issuer(crl: Crl, issuer: Certificate, what: str) -> None:
    if crl.issuer != issuer.subject:
        raise UntrustedEvidence(
            f"{what} is from another issuer",
            reason=Reason.CRL_INVALID,
            found="another issuer's name",
            expected=f"'{issuer.common_name}'",
        )


def _sized(chain: Sequence[bytes], size: int, what: str) -> tuple[bytes, ...]:
    if len(chain) != size:
        raise MalformedEvidence(
            f"{what} has another number of certificates",
            found=str(len(chain)),
            expected=str(size),
        )
    return tuple(chain)


def _anchor(raw: bytes, what: str, anchors: TrustAnchors, cache: ChainCache) -> Anchor:
    root = read_root(raw, cache)
    anchor = anchors.find(Vendor.INTEL_SGX, root.spki)
    if anchor is None:
        raise UntrustedEvidence(
            f"{what}: root certificate '{root.common_name}' is not a trusted Intel root",
            reason=Reason.UNTRUSTED_ROOT,
            found=root.spki[:16],
            expected=anchors.expected(Vendor.INTEL_SGX),
        )
    return anchor


def _verified(chain: Sequence[bytes], cache: ChainCache) -> tuple[Certificate, ...]:
    path = [verified_root(chain[-1], cache)]
    for raw in reversed(chain[:-1]):
        path.append(verified_link(raw, path[-1], cache))
    return tuple(reversed(path))


def _pck_ca(certificate: Certificate, anchor: Anchor) -> PckCa:
    name = anchor.plain_name(certificate.common_name)
    for ca in PckCa:
        if name == ca.common_name:
            return ca
    raise wrong_name(certificate, " or ".join(ca.common_name for ca in PckCa), "Intel")


def _check_names(path: Sequence[Certificate], names: Sequence[str], anchor: Anchor) -> None:
    for certificate, name in zip(path, names, strict=True):
        if anchor.plain_name(certificate.common_name) != name:
            raise wrong_name(certificate, name, "Intel")
