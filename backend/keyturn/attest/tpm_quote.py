"""A TPM's quote (TPM 2.0 Library, Part 2: TPMS_ATTEST, TPMS_QUOTE_INFO, TPMT_SIGNATURE).

Big endian. Parsed is not trusted: `keyturn.attest.tpm` proves it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keyturn.attest.cursor import Cursor
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm, Scheme, hash_of
from keyturn.attest.tpm_key import TpmPublicKey

MAX_QUOTE = 4096
MAX_SIGNATURE = 1024
PCRS = 24
GENERATED = 0xFF544347  # TPM_GENERATED_VALUE: what a restricted key signs over nothing else
QUOTE = 0x8018  # TPM_ST_ATTEST_QUOTE
_MAX_BANKS = 8
_MAX_NAME, _MAX_EXTRA, _MAX_DIGEST = 66, 66, 64

Pcrs = Mapping[HashAlgorithm, Mapping[int, bytes]]
"""Bank, PCR number, value."""


@dataclass(frozen=True, slots=True)
class TpmQuote:
    """What was signed. `selection`: by bank the PCR numbers in the quote's own order."""

    qualified_signer: bytes
    extra_data: bytes
    clock_ms: int
    reset_count: int
    restart_count: int
    safe: bool
    firmware_version: int
    selection: tuple[tuple[HashAlgorithm, tuple[int, ...]], ...]
    pcr_digest: bytes
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TpmSignature:
    """`value` is RSA's signature, or `(r, s)`."""

    scheme: Scheme
    hash: HashAlgorithm
    value: bytes | tuple[int, int] = field(repr=False)


def parse_quote(raw: bytes) -> TpmQuote:
    """Read a TPMS_ATTEST of a quote, of which every byte counts.

    Raises MalformedEvidence (malformed, bad-magic, not-a-quote).
    """
    what = "TPM quote"
    if len(raw) > MAX_QUOTE:
        raise MalformedEvidence(f"{what} is too large", found=f"{len(raw)} bytes")
    body = Cursor(raw, what, "big")
    magic = body.number(4)
    if magic != GENERATED:
        raise MalformedEvidence(
            "this was not made inside a TPM",
            reason=Reason.BAD_MAGIC,
            found=f"{magic:#010x}",
            expected=f"{GENERATED:#010x}",
        )
    kind = body.number(2)
    if kind != QUOTE:
        raise MalformedEvidence(
            "a TPM attests here to something else than its PCRs",
            reason=Reason.NOT_A_QUOTE,
            found=f"{kind:#06x}",
            expected=f"{QUOTE:#06x}",
        )
    signer, extra = body.sized(2, _MAX_NAME), body.sized(2, _MAX_EXTRA)
    clock, reset, restart, safe = (body.number(n) for n in (8, 4, 4, 1))
    if safe not in (0, 1):
        raise MalformedEvidence(f"{what}: clock is neither safe nor unsafe", found=str(safe))
    version = body.number(8)
    selection = _selection(body)
    digest = body.sized(2, _MAX_DIGEST)
    body.done()
    return TpmQuote(
        signer, extra, clock, reset, restart, bool(safe), version, selection, digest, raw
    )


def _selection(body: Cursor) -> tuple[tuple[HashAlgorithm, tuple[int, ...]], ...]:
    count = body.number(4)
    if count > _MAX_BANKS:
        raise MalformedEvidence("TPM quote selects too many banks", found=str(count))
    found = []
    for _ in range(count):
        bank = hash_of(body.number(2), "TPM quote")
        bits = int.from_bytes(body.sized(1, 4), "little")
        if bits >> PCRS:
            raise MalformedEvidence("TPM quote selects a PCR above 23")
        found.append((bank, tuple(n for n in range(PCRS) if bits >> n & 1)))
    if len({bank for bank, _ in found}) != len(found):
        raise MalformedEvidence("TPM quote selects a bank twice")
    return tuple(found)


def parse_signature(raw: bytes) -> TpmSignature:
    """Read a TPMT_SIGNATURE. Raises MalformedEvidence."""
    what = "TPM signature"
    if len(raw) > MAX_SIGNATURE:
        raise MalformedEvidence(f"{what} is too large", found=f"{len(raw)} bytes")
    body = Cursor(raw, what, "big")
    identifier = body.number(2)
    try:
        scheme = Scheme(identifier)
    except ValueError as error:
        raise MalformedEvidence(
            f"{what} is of an unknown scheme", found=f"{identifier:#06x}"
        ) from error
    hashing = hash_of(body.number(2), what)
    value: bytes | tuple[int, int]
    if scheme is Scheme.ECDSA:
        value = (_big(body.sized(2, 66)), _big(body.sized(2, 66)))
    else:
        value = body.sized(2, 512)
    body.done()
    return TpmSignature(scheme, hashing, value)


def verify_quote(quote: TpmQuote, signature: bytes, key: TpmPublicKey) -> TpmSignature:
    """Raises UntrustedEvidence (signature-invalid), for a signature that cannot be read too."""
    try:
        parsed = parse_signature(signature)
        _verify(parsed, key, quote.raw)
    except (InvalidSignature, ValueError, MalformedEvidence) as error:
        raise UntrustedEvidence(
            "the TPM quote's signature does not verify under the AK",
            reason=Reason.SIGNATURE_INVALID,
            found=str(error),
            expected="a signature by the AK over exactly this quote",
        ) from error
    return parsed


def _verify(signature: TpmSignature, key: TpmPublicKey, message: bytes) -> None:
    hashing, value = signature.hash.of_signatures, signature.value
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(value, tuple):
        key.verify(encode_dss_signature(*value), message, ec.ECDSA(hashing))
    elif isinstance(key, rsa.RSAPublicKey) and isinstance(value, bytes):
        scheme = (
            padding.PSS(padding.MGF1(hashing), padding.PSS.AUTO)
            if signature.scheme is Scheme.RSAPSS
            else padding.PKCS1v15()
        )
        key.verify(value, message, scheme, hashing)
    else:
        raise InvalidSignature("the AK is of another kind than its signature")


def check_pcrs(quote: TpmQuote, hashing: HashAlgorithm, pcrs: Pcrs) -> Pcrs:
    """The quoted values alone, proved by the digest over them in the quote's order.

    `hashing` is the signature's hash, whatever the bank. Raises UntrustedEvidence
    (pcr-values-incomplete, pcr-digest-mismatch).
    """
    proved: dict[HashAlgorithm, dict[int, bytes]] = {}
    joined = b""
    for bank, numbers in quote.selection:
        values = pcrs.get(bank, {})
        for number in numbers:
            value = values.get(number)
            if value is None or len(value) != bank.size:
                raise UntrustedEvidence(
                    f"the value of PCR {number} is missing",
                    reason=Reason.PCR_VALUES_INCOMPLETE,
                    found="none" if value is None else f"{len(value)} bytes",
                    expected=f"{bank.size} bytes of the {bank.bank} bank",
                )
            proved.setdefault(bank, {})[number] = value
            joined += value
    digest = hashing.digest(joined)
    if digest != quote.pcr_digest:
        raise UntrustedEvidence(
            "the PCR values are not those that were quoted",
            reason=Reason.PCR_DIGEST_MISMATCH,
            found=digest.hex(),
            expected=quote.pcr_digest.hex(),
        )
    return proved


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")
