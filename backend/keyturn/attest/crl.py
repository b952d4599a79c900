"""Certificate revocation lists (RFC 5280 §5), whole lists only: no delta, no indirect CRL."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.attest import der
from keyturn.attest.certificates import (
    Certificate,
    Extension,
    Signed,
    parse_extensions,
    parse_signed,
)
from keyturn.attest.chains import ChainCache, verify_signed_once
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence

MAX_CRL = 4 << 20
_CRL_NUMBER = "2.5.29.20"
_CONTEXT_0 = 0xA0


@dataclass(frozen=True, slots=True)
class CrlFacts:
    """What a verifier must remember of a list it used, to refuse an older one (DESIGN §5.8)."""

    issuer: str
    number: int | None
    this_update: datetime
    next_update: datetime


@dataclass(frozen=True, slots=True)
class Crl:
    """A parsed list. Parsed is not trusted: `check_revocation` verifies it."""

    signed: Signed = field(repr=False)
    issuer: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime
    serials: frozenset[int]
    number: int | None


def parse_crl(raw: bytes) -> Crl:
    """Read one DER CRL of at most 4 MiB. Raises MalformedEvidence."""
    if len(raw) > MAX_CRL:
        raise MalformedEvidence("CRL is too large", found=f"{len(raw)} bytes")
    signed = parse_signed(raw, "CRL")
    body = DerReader(signed.tbs, "CRL").inside(der.SEQUENCE)
    if body.integer() != 1:
        raise MalformedEvidence("CRL is not version 2")
    if body.whole(der.SEQUENCE) != signed.algorithm:
        raise MalformedEvidence("CRL names two signature algorithms")
    issuer = body.whole(der.SEQUENCE)
    this_update, next_update = body.time(), body.time()
    serials = _revoked(body) if body.tag == der.SEQUENCE else frozenset()
    extensions = parse_extensions(body, _CONTEXT_0, "CRL") if body.tag is not None else {}
    body.done()
    return Crl(signed, issuer, this_update, next_update, serials, _number(extensions))


def check_revocation(
    path: Sequence[Certificate],
    crls: Sequence[bytes | Crl],
    now: datetime,
    cache: ChainCache | None = None,
) -> tuple[CrlFacts, ...]:
    """Refuse a path of which a list names a certificate; `path` is leaf first.

    A list may have been read before, so that many verifications read it once; `cache` remembers
    its signature, and nothing of what it says.

    Each list must be current and signed by a certificate of the path that may sign lists.
    Raises UntrustedEvidence (crl-invalid, crl-not-current, cert-revoked), MalformedEvidence.
    """
    read = (each if isinstance(each, Crl) else parse_crl(each) for each in crls)
    return tuple(check_crl(path, each, now, cache) for each in read)


def check_crl(
    path: Sequence[Certificate], crl: Crl, now: datetime, cache: ChainCache | None = None
) -> CrlFacts:
    """As `check_revocation`, with one list that was read before."""
    issuer = next((c for c in path if c.subject == crl.issuer and c.is_ca), None)
    if issuer is None or not issuer.may_sign_crls:
        raise UntrustedEvidence(
            "CRL is not from an issuer of this chain", reason=Reason.CRL_INVALID
        )
    try:
        verify_signed_once(crl.signed, issuer, "CRL", cache)
    except UntrustedEvidence as error:
        raise UntrustedEvidence(error.message, reason=Reason.CRL_INVALID) from error
    if not crl.this_update <= now <= crl.next_update:
        raise UntrustedEvidence(
            f"CRL of '{issuer.common_name}' is not current",
            reason=Reason.CRL_NOT_CURRENT,
            found=now.isoformat(),
            expected=f"{crl.this_update.isoformat()} to {crl.next_update.isoformat()}",
        )
    for certificate in path:
        if certificate.issuer == crl.issuer and certificate.serial in crl.serials:
            raise UntrustedEvidence(
                f"certificate '{certificate.common_name}' is revoked",
                reason=Reason.CERT_REVOKED,
                found=f"serial {certificate.serial:#x} in the CRL of '{issuer.common_name}'",
                expected="not listed",
            )
    return CrlFacts(issuer.common_name, crl.number, crl.this_update, crl.next_update)


def _revoked(body: DerReader) -> frozenset[int]:
    entries = body.inside(der.SEQUENCE)
    serials: set[int] = set()
    while entries.tag is not None:
        entry = entries.inside(der.SEQUENCE)
        serials.add(entry.integer())
        entry.time()
        if entry.tag is not None:
            _check_entry_extensions(entry)
        entry.done()
    return frozenset(serials)


def _check_entry_extensions(entry: DerReader) -> None:
    listed = entry.inside(der.SEQUENCE)
    while listed.tag is not None:
        each = listed.inside(der.SEQUENCE)
        oid = each.oid()
        if each.tag == der.BOOLEAN and each.boolean():
            raise MalformedEvidence(f"CRL entry has a critical extension {oid}")
        each.element(der.OCTET_STRING)
        each.done()


def _number(extensions: dict[str, Extension]) -> int | None:
    for oid, extension in extensions.items():
        if extension.critical:
            raise MalformedEvidence(f"CRL has a critical extension {oid}")
    if _CRL_NUMBER not in extensions:
        return None
    reader = DerReader(extensions[_CRL_NUMBER].value, "CRL number")
    number = reader.integer()
    reader.done()
    return number
