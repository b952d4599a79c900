"""Certificate paths: each link's names, rights and signature, the dates, and a cache of links.

RFC 5280 §6.1, cut to what the vendors' fixed chains need. A link says nothing about trust until
its root was found among the anchors, which every caller asks anew, cache or not.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

from keyturn.attest.certificates import (
    Certificate,
    Signed,
    parse_certificate,
    verify_signed,
)
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.base.encoding import sha256

T = TypeVar("T")

MAX_LARGE = 64 << 20

# basicConstraints, keyUsage: the critical extensions that are understood here.
_UNDERSTOOD = frozenset({"2.5.29.19", "2.5.29.15"})


class Parsed(Generic[T]):
    """What was read of exact bytes, by their digest, so that many verifications read it once.

    Reading is pure and says nothing about trust: signatures and dates are judged at every use.
    Holds at most `limit` results, and of those with a weight at most `room` together, dropping
    those unused for longest.
    """

    def __init__(self, limit: int = 64, room: int = 0) -> None:
        self._limit = limit
        self._room = room
        self._used = 0
        self._lock = Lock()
        self._found: OrderedDict[bytes, tuple[T, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def find(self, digest: bytes) -> T | None:
        with self._lock:
            found = self._found.get(digest)
            if found is None:
                return None
            self._found.move_to_end(digest)
        return found[0]

    def remember(self, digest: bytes, value: T, weight: int = 0) -> None:
        """`weight`, in bytes, counts against the room; what is heavier than it is not kept."""
        if weight > self._room:
            return
        with self._lock:
            if digest in self._found:
                self._used -= self._found.pop(digest)[1]
            self._found[digest] = (value, weight)
            self._used += weight
            while len(self._found) > self._limit or self._used > self._room:
                self._used -= self._found.popitem(last=False)[1][1]


class ChainCache:
    """What stays true once it was verified: links (digest of certificate, digest of issuer),
    signatures, and what was read of proved bytes.

    The caller keeps it for as long as it likes: a signature stays true. Dates, revocation,
    anchors and names are judged again at every use. Each part holds at most `limit` entries,
    dropping those unused for longest. Filled only below roots that were anchors when they were
    used.
    """

    def __init__(self, limit: int = 4096) -> None:
        self._limit = limit
        self._lock = Lock()  # verifiers may run in threads
        self._links: OrderedDict[tuple[bytes, bytes], Certificate] = OrderedDict()
        self._read: Parsed[object] = Parsed(limit)
        self._large: Parsed[object] = Parsed(limit, room=MAX_LARGE)

    def __len__(self) -> int:
        return len(self._links)

    def find(self, digest: bytes, issuer: bytes) -> Certificate | None:
        key = (digest, issuer)
        with self._lock:
            found = self._links.get(key)
            if found is not None:
                self._links.move_to_end(key)
        return found

    def recall(self, key: bytes, kind: type[T]) -> T | None:
        """What was kept under a key, if it is of this kind."""
        found = self._read.find(key)
        return found if isinstance(found, kind) else None

    def keep(self, key: bytes, value: object) -> None:
        """`key`: a name for this kind of thing, and digests of all bytes that it follows from.
        Whatever an anchor decided holds that anchor, for the next use to ask of it again."""
        self._read.remember(key, value)

    def recall_large(self, key: bytes, kind: type[T]) -> T | None:
        """As `recall`, of what `keep_large` has kept."""
        found = self._large.find(key)
        return found if isinstance(found, kind) else None

    def keep_large(self, key: bytes, value: object, size: int) -> None:
        """As `keep`, where one value may take megabytes: all of them take `MAX_LARGE` at most."""
        self._large.remember(key, value, size)

    def read_once(self, key: bytes, kind: type[T], read: Callable[[], T]) -> T:
        """What `read` makes of a certificate whose link was verified, made once; `key`: digests
        of everything that it is made of. What `read` raises is not kept."""
        found = self.recall(key, kind)
        if found is not None:
            return found
        made = read()
        self.keep(key, made)
        return made

    def check_once(self, key: bytes, check: Callable[[], object]) -> None:
        """Make a check that stays true (a signature's). `key`: digests of the bytes, signature
        and public key that it is made with. What `check` raises is not kept."""
        if self.recall(key, _Held) is None:
            check()
            self.keep(key, _HELD)

    def remember(self, certificate: Certificate, issuer: bytes) -> None:
        key = (certificate.digest, issuer)
        with self._lock:
            self._links[key] = certificate
            self._links.move_to_end(key)
            while len(self._links) > self._limit:
                self._links.popitem(last=False)


class _Held:
    """Stands for a check that held."""

    __slots__ = ()


_HELD = _Held()


def verify_signed_once(
    signed: Signed, issuer: Certificate, what: str, cache: ChainCache | None
) -> None:
    """As `verify_signed`, made once for the same bytes, algorithm, signature and key.

    Only for an issuer whose own path was verified. Raises UntrustedEvidence (chain-invalid).
    """
    if cache is None:
        verify_signed(signed, issuer, what)
        return
    key = b"signed\0" + signed.digest + issuer.spki.encode()
    cache.check_once(key, lambda: verify_signed(signed, issuer, what))


def chain_key(kind: str, *parts: bytes) -> bytes:
    """A key for `ChainCache.keep`: this kind of thing, made of exactly these byte strings."""
    return sha256(b"".join((kind.encode(), b"\0", *map(sha256, parts))))


def read_root(raw: bytes, cache: ChainCache) -> Certificate:
    """Read what stands at the root, to look for its anchor; nothing is verified yet."""
    digest = sha256(raw)
    return cache.find(digest, digest) or parse_certificate(raw)


def verified_root(raw: bytes, cache: ChainCache) -> Certificate:
    """Read a certificate that must have signed itself. The caller has asked for its anchor."""
    return verified_link(raw, None, cache)


def verified_link(
    raw: bytes,
    issuer: Certificate | None,
    cache: ChainCache,
    *,
    understood: frozenset[str] = _UNDERSTOOD,
) -> Certificate:
    """Read a certificate and verify that `issuer` (None: itself) may and did sign it.

    `understood`: critical extensions that the caller heeds; a cache is for one such set.
    Raises MalformedEvidence, or UntrustedEvidence (chain-invalid).
    """
    digest = sha256(raw)
    known = cache.find(digest, issuer.digest if issuer else digest)
    if known is not None:
        return known
    certificate = parse_certificate(raw)
    signer = issuer or certificate
    _check_link(certificate, signer, understood)
    verify_signed(certificate.signed, signer, f"certificate '{certificate.common_name}'")
    cache.remember(certificate, signer.digest)
    return certificate


def check_path_lengths(path: Sequence[Certificate]) -> None:
    """`path` is leaf first. Raises UntrustedEvidence where a CA stands above too many CAs."""
    for below, certificate in enumerate(path[1:]):
        limit = certificate.path_length
        if limit is not None and below > limit:
            raise UntrustedEvidence(
                f"certificate '{certificate.common_name}' stands too high in its chain",
                reason=Reason.CHAIN_INVALID,
                found=f"{below} CAs below it",
                expected=f"at most {limit}",
            )
    if path and path[0].is_ca and len(path) > 1:
        raise UntrustedEvidence(
            f"certificate '{path[0].common_name}' is a CA where a device's belongs",
            reason=Reason.CHAIN_INVALID,
        )


def check_dates(path: Sequence[Certificate], now: datetime) -> None:
    """Raises UntrustedEvidence (cert-not-yet-valid, cert-expired), root first."""
    for certificate in reversed(path):
        if now < certificate.not_before:
            raise UntrustedEvidence(
                f"certificate '{certificate.common_name}' is not valid yet",
                reason=Reason.CERT_NOT_YET_VALID,
                found=now.isoformat(),
                expected=f"at or after {certificate.not_before.isoformat()}",
            )
        if now > certificate.not_after:
            raise UntrustedEvidence(
                f"certificate '{certificate.common_name}' has expired",
                reason=Reason.CERT_EXPIRED,
                found=now.isoformat(),
                expected=f"at or before {certificate.not_after.isoformat()}",
            )


def _check_link(
    certificate: Certificate,
    issuer: Certificate,
    understood: frozenset[str] = _UNDERSTOOD,
) -> None:
    name = certificate.common_name
    if certificate.issuer != issuer.subject:
        raise UntrustedEvidence(
            f"certificate '{name}' was not issued by '{issuer.common_name}'",
            reason=Reason.CHAIN_INVALID,
            found="another issuer name",
            expected=f"'{issuer.common_name}'",
        )
    if not issuer.is_ca or not issuer.may_sign_certificates:
        raise UntrustedEvidence(
            f"'{issuer.common_name}' may not sign certificates", reason=Reason.CHAIN_INVALID
        )
    unknown = sorted(
        oid
        for oid, extension in certificate.extensions.items()
        if extension.critical and oid not in understood
    )
    if unknown:
        raise UntrustedEvidence(
            f"certificate '{name}' has a critical extension that is not understood",
            reason=Reason.CHAIN_INVALID,
            found=unknown[0],
        )


def wrong_name(certificate: Certificate, expected: str, vendor: str) -> UntrustedEvidence:
    """`expected`: which names may stand here; `vendor`: AMD, Intel."""
    return UntrustedEvidence(
        f"certificate is not the one that stands here in {vendor}'s chain",
        reason=Reason.CHAIN_INVALID,
        found=f"'{certificate.common_name}'",
        expected=f"'{expected}'",
    )
