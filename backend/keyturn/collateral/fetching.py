"""Documents from the vendors' services: paced, tried again, once at a time, proved before given.

Nothing is kept here but how fast each host may be asked, what was not found, and what is under
way. Threads may share a fetcher; an asking thread waits for one that asks the same.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.collateral_age import Age
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.errors import KeyturnError
from keyturn.collateral.errors import (
    IssuerMissing,
    NoSuchCollateral,
    RateLimited,
    VendorUnreachable,
)
from keyturn.collateral.pacing import (
    Backoff,
    Chance,
    Monotonic,
    Rate,
    TokenBucket,
    retry_after,
)
from keyturn.collateral.proof import Prover, RimVerifier, prove
from keyturn.collateral.scopes import Key, Wanted, needed_for
from keyturn.collateral.vendors import NONCE_SIZE, Services, document_of, request_for
from keyturn.collateral.web import Refusal, Reply, Request, exchange

ABSENT_FOR = timedelta(hours=1)
_MAX_ABSENT = 4096
_NOT_THERE = frozenset({404, 410})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

# KDS answers 429 after a few requests; AMD publishes no number, and these are below what it bears.
RATES: Mapping[str, Rate] = {
    "kdsintf.amd.com": Rate(4, 5.0),
    "api.trustedservices.intel.com": Rate(10, 0.5),
    "certificates.trustedservices.intel.com": Rate(4, 1.0),
    "rim.attestation.nvidia.com": Rate(10, 0.5),
    "ocsp.ndis.nvidia.com": Rate(10, 0.5),
}
OTHER_HOSTS = Rate(20, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Clock, patience and chance. `now` has a time zone; `sleep` takes seconds."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Monotonic = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Chance = lambda: secrets.randbits(32) / 2**32
    nonce: Callable[[], bytes] = lambda: secrets.token_bytes(NONCE_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What proves a document. `rim` None: RIMs cannot be fetched."""

    anchors: TrustAnchors
    rim: RimVerifier | None = None
    cache: ChainCache = field(default_factory=lambda: ChainCache(256))

    def prover(self, now: datetime, nonce: bytes | None = None) -> Prover:
        return Prover(anchors=self.anchors, now=now, cache=self.cache, rim=self.rim, nonce=nonce)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A proved document, when it came, and from where (an address without its query)."""

    document: CollateralDocument
    age: Age
    fetched: datetime
    source: str


class Fetcher:
    """See the module. `client` decides about TLS, proxies and transports."""

    def __init__(
        self,
        client: httpx.Client,
        trust: Trust,
        *,
        services: Services | None = None,
        around: Surroundings | None = None,
        backoff: Backoff | None = None,
        rates: Mapping[str, Rate] = RATES,
    ) -> None:
        self._client = client
        self._trust = trust
        self._services = services or Services()
        self._around = around or Surroundings()
        self._backoff = backoff or Backoff()
        self._rates = rates
        self._lock = threading.Lock()
        self._buckets: dict[str, TokenBucket] = {}
        self._running: dict[Key, Future[Fetched]] = {}
        self._absent: OrderedDict[Key, datetime] = OrderedDict()

    def fetch(self, wanted: Wanted, needed: CollateralDocument | None = None) -> Fetched:
        """One proved document. `needed`: the one that `needed_for` names.

        Raises VendorUnreachable, RateLimited, NoSuchCollateral, BadAnswer, IssuerMissing,
        WrongScope, MalformedEvidence, UntrustedEvidence.
        """
        with self._lock:
            self._check_absent(wanted.key)
            running = self._running.get(wanted.key)
            mine = running is None
            if running is None:
                running = self._running[wanted.key] = Future()
        if mine:
            self._lead(wanted, needed, running)
        return running.result()

    def _lead(
        self, wanted: Wanted, needed: CollateralDocument | None, running: Future[Fetched]
    ) -> None:
        try:
            running.set_result(self._fetch(wanted, issuers_in(wanted.key, needed)))
        except KeyturnError as error:
            running.set_exception(error)
        finally:
            with self._lock:
                del self._running[wanted.key]
            if not running.done():  # interrupted: whoever waits must not wait for ever
                running.set_exception(VendorUnreachable("the fetch was interrupted"))

    def _fetch(self, wanted: Wanted, issuers: tuple[bytes, ...]) -> Fetched:
        of_ocsp = wanted.kind is CollateralKind.NVIDIA_OCSP
        nonce = self._around.nonce() if of_ocsp else None
        request = request_for(wanted, self._services, nonce or b"")
        reply = self._patiently(wanted, request)
        document = document_of(wanted, reply, issuers)
        now = self._around.now()
        age = prove(document, self._trust.prover(now, nonce))
        return Fetched(document, age, now, request.place)

    def _patiently(self, wanted: Wanted, request: Request) -> Reply:
        deadline = self._around.monotonic() + self._backoff.total
        failures = 0
        while True:
            self._wait_for_turn(request, deadline)
            asked: float | None = None
            try:
                answer = exchange(self._client, request, deadline, self._around.monotonic)
            except VendorUnreachable as error:
                problem = error
            else:
                if isinstance(answer, Reply):
                    return answer
                problem, asked = self._judge(wanted, request, answer)
            failures += 1
            self._wait_again(request, problem, asked, failures, deadline)

    def _judge(
        self, wanted: Wanted, request: Request, answer: Refusal
    ) -> tuple[VendorUnreachable, float | None]:
        """What to say if it stays so, and how long the service asks to wait."""
        if answer.status in _NOT_THERE:
            self._remember_absent(wanted.key)
            raise NoSuchCollateral(
                f"{request.host} has no {wanted.kind.value} of this scope",
                found=wanted.scope[:80],
                hint="check the scope; where the vendor published it lately, ask again in an hour",
            )
        problem = VendorUnreachable(
            f"{request.host} does not answer as it should", found=f"HTTP {answer.status}"
        )
        if answer.status not in _AGAIN:
            raise problem
        return problem, retry_after(answer.retry_after, self._around.now())

    def _wait_again(
        self,
        request: Request,
        problem: VendorUnreachable,
        asked: float | None,
        failures: int,
        deadline: float,
    ) -> None:
        wait = max(self._backoff.wait(failures, self._around.chance()), asked or 0.0)
        left = deadline - self._around.monotonic()
        if asked is not None and wait >= left:
            raise self._limited(request, asked) from problem
        if failures >= self._backoff.tries or wait >= left:
            raise problem
        self._around.sleep(wait)

    def _wait_for_turn(self, request: Request, deadline: float) -> None:
        bucket = self._bucket(request.host)
        wait = bucket.take()
        if wait == 0.0:
            return
        if wait >= deadline - self._around.monotonic():
            bucket.give_back()
            raise self._limited(request, wait)
        self._around.sleep(wait)

    def _limited(self, request: Request, wait: float) -> RateLimited:
        moment = self._around.now() + timedelta(seconds=min(wait, 10.0**8))
        return RateLimited(
            f"{request.host} wants fewer requests", not_before=moment, found=f"{wait:.0f} s to wait"
        )

    def _bucket(self, host: str) -> TokenBucket:
        with self._lock:
            if host not in self._buckets:
                rate = self._rates.get(host, OTHER_HOSTS)
                self._buckets[host] = TokenBucket(rate, self._around.monotonic)
            return self._buckets[host]

    def _check_absent(self, key: Key) -> None:
        since = self._absent.get(key)
        if since is None:
            return
        elapsed = self._around.now() - since
        if timedelta() <= elapsed < ABSENT_FOR:
            raise NoSuchCollateral(
                f"the vendor had no {key[0].value} of this scope a short while ago",
                found=key[1][:80],
                hint="ask again in an hour",
            )
        del self._absent[key]

    def _remember_absent(self, key: Key) -> None:
        with self._lock:
            self._absent[key] = self._around.now()
            while len(self._absent) > _MAX_ABSENT:
                self._absent.popitem(last=False)


def issuers_in(key: Key, needed: CollateralDocument | None) -> tuple[bytes, ...]:
    """The certificates for a document out of the one it needs. Raises IssuerMissing."""
    named = needed_for(*key)
    if named is None:
        return ()
    if needed is None or (needed.kind, needed.scope) != named:
        raise IssuerMissing(
            f"{key[0].value} is proved by another document that is not there",
            expected=f"{named[0].value} {named[1]}",
        )
    if needed.kind is CollateralKind.AMD_CHAIN:
        return pem_certificates(needed.data)
    return needed.chain
