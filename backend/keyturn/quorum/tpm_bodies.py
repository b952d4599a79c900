"""TPM parts of policies, baselines and trust anchors (our protocol §2.6). All may be absent.

An absent rule asks for no TPM; an absent set of values lets no rule be met.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import unhex
from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.origin import Origin, read_origin

MAX_ISSUERS = 64
MAX_REFERENCES = 64
MAX_VALUES = 256
_NUMBERS = {str(number): number for number in range(24)}


class PcrBank(Enum):
    """A bank that a rule may be about; `size` is a digest's, in bytes. SHA-1 is none."""

    SHA256 = "sha256"
    SHA384 = "sha384"

    @property
    def size(self) -> int:
        return 32 if self is PcrBank.SHA256 else 48


@dataclass(frozen=True, slots=True)
class TpmRule:
    """What is asked of a TPM's quote over one bank. Whatever is named must be as one baseline has
    it: `pcrs`, all boot `applications`, all `authorities`, the `variables` of these names."""

    bank: PcrBank
    pcrs: tuple[int, ...]
    secure_boot: bool
    applications: bool
    authorities: bool
    variables: frozenset[str]

    @property
    def asks_events(self) -> bool:
        """Whether the event log is needed."""
        return self.secure_boot or self.applications or self.authorities or bool(self.variables)

    @property
    def demands(self) -> frozenset[str]:
        """What is asked, each by a name of its own: a rule that has fewer asks for less."""
        flags = ("secure_boot", "applications", "authorities")
        return frozenset(
            [
                *(f"PCR {number}" for number in self.pcrs),
                *(name for name in flags if getattr(self, name)),
                *(f"variable {name}" for name in self.variables),
            ]
        )


@dataclass(frozen=True, slots=True)
class TpmReference:
    """Known-good values of one boot, digests in hex.

    `pcrs` by bank and number; `applications` and `authorities` are digests of the events, of
    either bank; `variables` the SHA-256 of values, by the variable's name.
    """

    pcrs: Mapping[PcrBank, Mapping[int, frozenset[str]]]
    applications: frozenset[str]
    authorities: frozenset[str]
    variables: Mapping[str, frozenset[str]]
    origin: Origin


@dataclass(frozen=True, slots=True)
class TpmIssuer:
    """Who certifies TPMs' keys; `spki_sha256` has 64 hex digits."""

    name: str
    spki_sha256: str


def read_tpm_rule(fields: Fields) -> TpmRule:
    """Raises MalformedError, also for a rule that every quote would meet."""
    rule = TpmRule(
        fields.choice("bank", PcrBank),
        tuple(sorted(_number(each) for each in fields.texts("pcrs", limit=24))),
        fields.boolean("secure_boot"),
        fields.boolean("applications"),
        fields.boolean("authorities"),
        frozenset(fields.texts("variables", limit=16)),
    )
    fields.done()
    if not rule.pcrs and not rule.asks_events:
        raise MalformedStatement("policy: the TPM rule asks for nothing")
    return rule


def read_tpm_references(body: Fields) -> tuple[TpmReference, ...]:
    """Raises MalformedError."""
    found = tuple(_reference(each) for each in body.objects("tpm", limit=MAX_REFERENCES))
    if not found:
        raise MalformedStatement("reference-values: tpm is empty", expected="absent, or values")
    return found


def read_tpm_issuers(body: Fields) -> tuple[TpmIssuer, ...]:
    """Raises MalformedError."""
    found = []
    for each in body.objects("tpm", limit=MAX_ISSUERS):
        name = each.text("name", limit=200)
        found.append(TpmIssuer(name, each.hex("spki_sha256", size=32).hex()))
        each.done()
    if not found or len({each.spki_sha256 for each in found}) != len(found):
        raise MalformedStatement(
            "trust-anchors: tpm is empty, or an issuer stands twice", expected="each issuer once"
        )
    return tuple(found)


def _reference(fields: Fields) -> TpmReference:
    reference = TpmReference(
        _pcrs(fields.fields("pcrs")),
        _digests(fields, "applications"),
        _digests(fields, "authorities"),
        _variables(fields.fields("variables")),
        read_origin(fields),
    )
    fields.done()
    known = (reference.pcrs, reference.applications, reference.authorities, reference.variables)
    if not any(known):
        raise MalformedStatement("reference-values: tpm without any value")
    return reference


def _pcrs(table: Fields) -> dict[PcrBank, dict[int, frozenset[str]]]:
    found = {}
    for name in table.names():
        if name not in {each.value for each in PcrBank}:
            raise MalformedStatement(
                "reference-values: PCR bank", found=name, expected="sha256 or sha384"
            )
        bank, values = PcrBank(name), table.fields(name)
        found[bank] = {
            _number(number): _values(values, number, bank.size) for number in values.names()
        }
        if not found[bank]:
            raise MalformedStatement(f"reference-values: bank {name} has no PCR")
    return found


def _variables(table: Fields) -> dict[str, frozenset[str]]:
    if len(table.names()) > 16:
        raise MalformedStatement("reference-values: too many UEFI variables", expected="16")
    return {name: _values(table, name, 32) for name in table.names()}


def _values(table: Fields, name: str, size: int) -> frozenset[str]:
    values = table.texts(name, limit=MAX_VALUES)
    for value in values:
        unhex(value, what=f"reference-values: tpm {name}", size=size)
    if not values:
        raise MalformedStatement(f"reference-values: tpm {name} has no value")
    return frozenset(values)


def _digests(fields: Fields, name: str) -> frozenset[str]:
    """Of either bank; may be empty."""
    values = fields.texts(name, limit=MAX_VALUES)
    for value in values:
        size = PcrBank.SHA384.size if len(value) == 96 else PcrBank.SHA256.size
        unhex(value, what=f"reference-values: tpm {name}", size=size)
    return frozenset(values)


def _number(text: str) -> int:
    number = _NUMBERS.get(text)
    if number is None:
        raise MalformedStatement("not the number of a PCR", found=repr(text[:20]), expected="0–23")
    return number
