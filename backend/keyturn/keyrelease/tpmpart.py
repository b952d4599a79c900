"""The TPM's part of a request's evidence (our protocol §4.4, §4.5). Nothing in it is proved."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keyturn.attest.tpm import TpmEvidence
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import b64, unb64
from keyturn.base.strictjson import Fields
from keyturn.keyrelease.errors import MalformedRequest

MAX_LOG = 128 << 10
MAX_CHAIN = 6
_MAX_CERTIFICATE = 8192
_BANKS = {each.bank: each for each in (HashAlgorithm.SHA256, HashAlgorithm.SHA384)}
_NUMBERS = {str(number): number for number in range(24)}


@dataclass(frozen=True, slots=True)
class EkPart:
    """An EK, its TPMT_PUBLIC and its certificate's chain (DER, leaf first), with the secret that
    its TPM opened."""

    public: bytes
    chain: tuple[bytes, ...] = field(repr=False)
    proof: bytes = field(repr=False)

    def to_document(self) -> dict[str, object]:
        return {
            "public": b64(self.public),
            "chain": [b64(each) for each in self.chain],
            "proof": self.proof.hex(),
        }


@dataclass(frozen=True, slots=True)
class TpmPart:
    """A quote by the AK, whose TPMT_PUBLIC is `ak`; `ak_chain` is DER, leaf first. `ek`: who
    vouches for an AK without a certificate.

    `pcrs` are the values of what was quoted; `log` the firmware's exact bytes, or None.
    """

    quote: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    ak: bytes
    ak_chain: tuple[bytes, ...] = field(repr=False)
    pcrs: Mapping[HashAlgorithm, Mapping[int, bytes]] = field(repr=False)
    log: bytes | None = field(default=None, repr=False)
    ek: EkPart | None = None

    def to_evidence(self) -> TpmEvidence:
        """As the verifier takes it."""
        return TpmEvidence(
            quote=self.quote,
            signature=self.signature,
            ak=self.ak,
            pcrs=self.pcrs,
            ak_chain=self.ak_chain,
            log=self.log,
        )

    def to_document(self) -> dict[str, object]:
        return {
            "quote": b64(self.quote),
            "signature": b64(self.signature),
            "ak": b64(self.ak),
            "ak_chain": [b64(each) for each in self.ak_chain],
            "pcrs": {
                bank.bank: {str(number): value.hex() for number, value in sorted(values.items())}
                for bank, values in self.pcrs.items()
            },
            "log": b64(self.log) if self.log is not None else None,
            **({"ek": self.ek.to_document()} if self.ek is not None else {}),
        }


def read_tpm_part(fields: Fields) -> TpmPart:
    """Raises MalformedError."""
    quote = fields.b64("quote", limit=4096)
    signature = fields.b64("signature", limit=1024)
    ak = fields.b64("ak", limit=2048)
    chain = read_chain(fields, "ak_chain")
    pcrs = _pcrs(fields.fields("pcrs"))
    log = fields.nullable("log", lambda name: fields.b64(name, limit=MAX_LOG))
    ek = _ek(fields.fields("ek")) if fields.has("ek") else None
    fields.done()
    return TpmPart(quote, signature, ak, chain, pcrs, log, ek)


def read_chain(fields: Fields, name: str) -> tuple[bytes, ...]:
    """Certificates in base64. Raises MalformedError."""
    chain = tuple(unb64(each, what=f"tpm: {name}") for each in fields.texts(name, limit=MAX_CHAIN))
    if any(len(each) > _MAX_CERTIFICATE for each in chain):
        raise MalformedRequest(
            f"tpm: {name}: a certificate is too large", expected=f"at most {_MAX_CERTIFICATE} bytes"
        )
    return chain


def _ek(fields: Fields) -> EkPart:
    part = EkPart(
        fields.b64("public", limit=2048),
        read_chain(fields, "chain"),
        fields.hex("proof", size=32),
    )
    fields.done()
    return part


def _pcrs(table: Fields) -> dict[HashAlgorithm, dict[int, bytes]]:
    """At least one value in each bank that is named; SHA-1 is no bank here."""
    found = {}
    for name in table.names():
        bank = _BANKS.get(name)
        if bank is None:
            raise MalformedRequest("tpm: bank", found=repr(name[:20]), expected="sha256 or sha384")
        values = table.fields(name)
        numbers = values.names()
        if not numbers or not set(numbers) <= set(_NUMBERS):
            raise MalformedRequest(f"tpm: {name}: not the numbers of PCRs", expected="0 to 23")
        found[bank] = {_NUMBERS[each]: values.hex(each, size=bank.size) for each in numbers}
    if not found:
        raise MalformedRequest("tpm: no PCR value at all")
    return found
