"""TPM 2.0 evidence: a quote, proved by its AK, becomes claims.

The order of the checks is that of the attestation vectors (vectors/tpm/README): form, kind, AK's
attributes, what vouches for the AK, signature, nonce, PCR values, event log. A TPM alone is no
TEE: a vTPM's root is whoever runs it, and only a binding of its AK to a TEE's report says more.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.azure import runtime_key
from keyturn.attest.certificates import Certificate
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Check
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.eventlog import EventLog, parse_event_log
from keyturn.attest.steps import Refusal, Steps
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_certificate import TpmPath, verify_ak_certificate
from keyturn.attest.tpm_key import (
    TpmKey,
    TpmPublicKey,
    check_ak_attributes,
    parse_pem_key,
    parse_tpm_public,
)
from keyturn.attest.tpm_quote import Pcrs, TpmQuote, TpmSignature, check_pcrs, parse_quote
from keyturn.attest.tpm_quote import verify_quote as verify_signature

_PART_2 = "TPM 2.0 Library Part 2"
_PART_1 = "TPM 2.0 Library Part 1"
_PROFILE = "TCG PC Client Platform Firmware Profile"
_EK_PROFILE = "TCG EK Credential Profile"
_AZURE = "Azure HCL report"
_EVENT_SIZE = 512  # what an event takes besides its bytes, about


@dataclass(frozen=True, slots=True, kw_only=True)
class TpmEvidence:
    """What a node sends. `ak`: a TPMT_PUBLIC, or a PEM key, which shows no attributes.

    `ak_chain`: DER, leaf first, empty without one. `runtime_data`: a paravisor's, exact bytes,
    that a TEE's report binds: the caller proves that. `log`: exact bytes, None without one.
    """

    quote: bytes
    signature: bytes
    ak: bytes
    pcrs: Pcrs | None
    ak_chain: Sequence[bytes] = ()
    runtime_data: bytes | None = None
    log: bytes | None = None


@dataclass(frozen=True, slots=True)
class TpmClaims:
    """What the AK's signature proves. Made by `verify_tpm` only.

    `ak` is None where only a bare key was shown. `pcrs` are the quoted ones, proved; empty where
    no values came. `log` leads to them.
    """

    quote: TpmQuote
    signature: TpmSignature
    ak: TpmKey | None
    ak_certificate: Certificate | None = field(repr=False)
    pcrs: Mapping[HashAlgorithm, Mapping[int, bytes]]
    log: EventLog | None = field(repr=False)
    simulated: bool


@dataclass(frozen=True, slots=True)
class TpmExamination:
    """Every check that was made. `claims` only where nothing was refused; `quote`, `ak` and
    `log` are what was shown, as far as it could be read, and prove nothing."""

    quote: TpmQuote | None
    ak: TpmKey | None
    log: EventLog | None
    checks: tuple[Check, ...]
    refusal: Refusal | None
    claims: TpmClaims | None

    def proved(self) -> TpmClaims:
        """The claims. Raises the refusal where there is one."""
        if self.refusal is not None:
            raise self.refusal
        if self.claims is None:  # every step was met: then there are claims
            raise UntrustedEvidence("nothing was proved", reason=Reason.SIGNATURE_INVALID)
        return self.claims


def verify_tpm(
    evidence: TpmEvidence,
    *,
    anchors: TrustAnchors,
    now: datetime,
    expected_nonce: bytes | None,
    cache: ChainCache | None = None,
) -> tuple[TpmClaims, tuple[Check, ...]]:
    """Prove one quote. `expected_nonce` None, for looking only, proves no freshness. `cache` is
    the caller's, across calls.

    Raises MalformedEvidence or UntrustedEvidence, with their `reason`.
    """
    found = examine_tpm(
        evidence, anchors=anchors, now=now, expected_nonce=expected_nonce, cache=cache
    )
    return found.proved(), found.checks


def examine_tpm(
    evidence: TpmEvidence,
    *,
    anchors: TrustAnchors,
    now: datetime,
    expected_nonce: bytes | None,
    cache: ChainCache | None = None,
) -> TpmExamination:
    """Make every check that can be made."""
    work = _Work(evidence, anchors, now, expected_nonce, cache)
    work.run()
    return work.result()


@dataclass(frozen=True, slots=True)
class _Boot:
    """A log that led to these registers; what followed is that of exactly these bytes."""

    raw: bytes = field(repr=False)
    pcrs: Pcrs
    log: EventLog
    explained: int

    @property
    def size(self) -> int:
        """About what it takes, in bytes."""
        return 2 * len(self.raw) + _EVENT_SIZE * len(self.log.events)


class _Work:
    """One verification, step by step; what a step found is None where it was refused."""

    def __init__(
        self,
        evidence: TpmEvidence,
        anchors: TrustAnchors,
        now: datetime,
        expected_nonce: bytes | None,
        cache: ChainCache | None,
    ) -> None:
        self._evidence = evidence
        self._anchors = anchors
        self._now = now
        self._nonce = expected_nonce
        self._cache = cache if cache is not None else ChainCache(8)
        self._steps = Steps()
        self._quote: TpmQuote | None = None
        self._ak: TpmKey | None = None
        self._key: TpmPublicKey | None = None
        self._path: TpmPath | None = None
        self._signature: TpmSignature | None = None
        self._pcrs: Pcrs | None = None
        self._log: EventLog | None = None
        self._boot: _Boot | None = None

    def run(self) -> None:
        evidence, steps = self._evidence, self._steps
        self._quote = steps.take(
            "form",
            _PART_2,
            lambda: parse_quote(evidence.quote),
            lambda q: (f"{len(q.raw)} bytes", "a quote"),
        )
        self._read_key()
        self._check_vouching()
        self._check_signature()
        self._check_nonce()
        self._check_values()
        self._check_log()

    def result(self) -> TpmExamination:
        claims = None
        if self._steps.refusal is None and self._quote and self._signature:
            claims = TpmClaims(
                quote=self._quote,
                signature=self._signature,
                ak=self._ak,
                ak_certificate=self._path.leaf if self._path else None,
                pcrs=self._pcrs or {},
                log=self._log,
                simulated=self._path is not None and self._path.anchor.simulated,
            )
            self._remember(self._quote)
        return TpmExamination(
            self._quote, self._ak, self._log, self._steps.checks, self._steps.refusal, claims
        )

    def _remember(self, quote: TpmQuote) -> None:
        """Only what was proved: anybody could fill the memory with anything else."""
        if self._ak is not None:
            self._cache.keep(b"TPM key\0" + self._evidence.ak, self._ak)
        if self._boot is not None:
            self._cache.keep_large(_boot_key(quote), self._boot, self._boot.size)

    def _parse_key(self) -> TpmKey:
        known = self._cache.recall(b"TPM key\0" + self._evidence.ak, TpmKey)
        return known if known is not None else parse_tpm_public(self._evidence.ak)

    def _known_boot(self, raw: bytes) -> _Boot | None:
        """What is kept of these very bytes and registers: neither may differ in one bit."""
        if self._quote is None or self._pcrs is None:
            return None
        known = self._cache.recall_large(_boot_key(self._quote), _Boot)
        same = known is not None and known.raw == raw and known.pcrs == self._pcrs
        return known if same else None

    def _read_key(self) -> None:
        raw, steps = self._evidence.ak, self._steps
        if raw.lstrip().startswith(b"-----BEGIN"):
            self._key = steps.take(
                "AK", _PART_2, lambda: parse_pem_key(raw), lambda _: ("a public key", "a key")
            )
            steps.unasked("AK attributes", _PART_1, "a bare key shows none")
            return
        ak = steps.take("AK", _PART_2, self._parse_key, lambda k: (k.name.hex(), "a public area"))
        if ak is None:
            steps.unreached("AK attributes", _PART_1)
            return
        self._ak, self._key = ak, ak.public_key
        steps.take(
            "AK attributes",
            _PART_1,
            lambda: check_ak_attributes(ak),
            lambda k: (f"{k.attributes:#x}", "a restricted signing key of its TPM"),
        )

    def _check_vouching(self) -> None:
        evidence, key, steps = self._evidence, self._key, self._steps
        if key is None:
            steps.unreached("AK certificate", _EK_PROFILE)
            return
        if evidence.ak_chain:
            self._path = steps.take(
                "AK certificate",
                _EK_PROFILE,
                lambda: verify_ak_certificate(
                    evidence.ak_chain, key, self._anchors, self._now, self._cache
                ),
                lambda p: (f"until {p.ends.isoformat()}", f"issued under {p.anchor.source}"),
            )
        else:
            steps.unasked("AK certificate", _EK_PROFILE, "none came")
        if evidence.runtime_data is not None:
            data = evidence.runtime_data
            steps.take(
                "AK in runtime data",
                _AZURE,
                lambda: _check_runtime_key(data, key),
                lambda _: ("HCLAkPub", "the AK that the paravisor names"),
            )

    def _check_signature(self) -> None:
        quote, key = self._quote, self._key
        if quote is None or key is None:
            self._steps.unreached("signature", _PART_2)
            return
        self._signature = self._steps.take(
            "signature",
            _PART_2,
            lambda: verify_signature(quote, self._evidence.signature, key),
            lambda s: (f"{s.scheme.name} {s.hash.name}", "verified under the AK"),
        )

    def _check_nonce(self) -> None:
        quote, nonce = self._quote, self._nonce
        if quote is None:
            self._steps.unreached("nonce", "the verifier's challenge")
        elif nonce is None:
            self._steps.unasked("nonce", "no nonce was asked for", quote.extra_data.hex())
        else:
            self._steps.take(
                "nonce",
                "the verifier's challenge",
                lambda: _check_nonce(quote, nonce),
                lambda found: (found.hex(), nonce.hex()),
            )

    def _check_values(self) -> None:
        quote, signature, pcrs = self._quote, self._signature, self._evidence.pcrs
        if pcrs is None:
            self._steps.unasked("PCR values", _PART_2, "none came with the quote")
        elif quote is None or signature is None:
            self._steps.unreached("PCR values", _PART_2)
        else:
            self._pcrs = self._steps.take(
                "PCR values",
                _PART_2,
                lambda: check_pcrs(quote, signature.hash, pcrs),
                lambda p: (f"{sum(map(len, p.values()))} values", quote.pcr_digest.hex()),
            )

    def _check_log(self) -> None:
        raw = self._evidence.log
        if raw is None:
            self._steps.unasked("event log", _PROFILE, "none came")
            return
        known = self._known_boot(raw)
        log = self._steps.take(
            "event log",
            _PROFILE,
            lambda: known.log if known is not None else parse_event_log(raw),
            lambda found: (f"{len(found.events)} events", "a log that can be read"),
        )
        self._log, pcrs = log, self._pcrs
        if log is None or pcrs is None:
            self._steps.unreached("event log leads to the PCRs", _PROFILE)
            return
        count = self._steps.take(
            "event log leads to the PCRs",
            _PROFILE,
            lambda: known.explained if known is not None else check_log(log, pcrs),
            lambda count: (f"{count} PCRs", "as quoted"),
        )
        if count is not None and known is None:
            self._boot = _Boot(raw, pcrs, log, count)


def _boot_key(quote: TpmQuote) -> bytes:
    """Where to look; what is found there is compared with what came."""
    return b"TPM boot\0" + quote.pcr_digest


def check_log(log: EventLog, pcrs: Pcrs) -> int:
    """How many quoted PCRs the log explains. Raises UntrustedEvidence (eventlog-mismatch).

    Every register that the log extends and that was quoted must be as quoted. One that was quoted
    and that the log does not touch must be as it starts, or belong to those above 7 that an
    operating system extends without the firmware's log.
    """
    explained = 0
    for bank, values in pcrs.items():
        replayed = log.replay(bank)
        if not replayed:
            raise _mismatch(f"the {bank.bank} bank is not in the log", "nothing", "its events")
        for number, value in sorted(values.items()):
            found = replayed.get(number)
            if found is None and (number > 7 or not any(value)):
                continue
            if found != value:
                shown = found.hex() if found is not None else "no event"
                raise _mismatch(f"the event log does not lead to PCR {number}", shown, value.hex())
            explained += 1
    return explained


def _mismatch(message: str, found: str, expected: str) -> UntrustedEvidence:
    return UntrustedEvidence(
        message, reason=Reason.EVENTLOG_MISMATCH, found=found, expected=expected
    )


def _check_nonce(quote: TpmQuote, expected: bytes) -> bytes:
    if not hmac.compare_digest(quote.extra_data, expected):
        raise UntrustedEvidence(
            "the TPM quote answers another nonce",
            reason=Reason.NONCE_MISMATCH,
            found=quote.extra_data.hex(),
            expected=expected.hex(),
        )
    return quote.extra_data


def _check_runtime_key(runtime_data: bytes, key: TpmPublicKey) -> None:
    if runtime_key(runtime_data) != key:
        raise UntrustedEvidence(
            "the quote's AK is not the one that the paravisor's runtime data names",
            reason=Reason.AK_MISMATCH,
        )
