"""How old a document of collateral is, and which of two is older (our protocol §8.7).

Whoever uses collateral remembers the `Age` of what it used, for each (kind, scope), and refuses
an older one (DESIGN §5.8). An age is read from unverified bytes: verify before remembering it,
or anybody could write a year far ahead and shut out what the vendor signs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.crl import parse_crl
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.ocsp import parse_ocsp
from keyturn.attest.tdx_answers import split_qe_identity, split_tcb_info
from keyturn.attest.tdx_collateral import parse_qe_identity, parse_tcb_info
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.times import format_time


@dataclass(frozen=True, slots=True)
class Age:
    """A document's own dates. `until` None: it names no end.

    `issued` is thisUpdate of a list, issueDate of Intel's documents, producedAt of an OCSP
    answer, the latest notBefore of certificates. `number` is a list's CRL number or Intel's
    tcbEvaluationDataNumber; None where there is none.
    """

    issued: datetime
    until: datetime | None
    number: int | None = None

    def __str__(self) -> str:
        number = "" if self.number is None else f", number {self.number}"
        return f"issued {format_time(self.issued)}{number}"


def age_of(document: CollateralDocument) -> Age:
    """Read a document's age. Raises MalformedEvidence, UntrustedEvidence (an OCSP answer that
    says nothing).

    A RIM's is not read here: its XML is the ring `rim`'s. It raises MalformedEvidence.
    """
    read = _READERS.get(document.kind)
    if read is None:
        raise MalformedEvidence(
            f"the age of {document.kind.value} is not read here", found=document.kind.value
        )
    return read(document.data)


def older(known: Age, new: Age) -> bool:
    """Whether `new` is a step back from `known`, which is refused.

    A lower number or an earlier issue date is; so is the loss of a number.
    """
    if new.issued < known.issued:
        return True
    if known.number is None:
        return False
    return new.number is None or new.number < known.number


def _crl(raw: bytes) -> Age:
    crl = parse_crl(raw)
    return Age(crl.this_update, crl.next_update, crl.number)


def _tcb_info(raw: bytes) -> Age:
    info = parse_tcb_info(split_tcb_info(raw)[0])
    return Age(info.issued, info.next_update, info.evaluation_number)


def _qe_identity(raw: bytes) -> Age:
    identity = parse_qe_identity(split_qe_identity(raw)[0])
    return Age(identity.issued, identity.next_update, identity.evaluation_number)


def _ocsp(raw: bytes) -> Age:
    response = parse_ocsp(raw)
    ends = [each.next_update for each in response.answers if each.next_update is not None]
    return Age(response.produced_at, min(ends, default=None))


def _certificates(chain: tuple[bytes, ...]) -> Age:
    if not chain:
        raise MalformedEvidence("a chain without certificates")
    found = [parse_certificate(each) for each in chain]
    return Age(max(each.not_before for each in found), min(each.not_after for each in found))


def _chain(raw: bytes) -> Age:
    return _certificates(pem_certificates(raw))


def _vek(raw: bytes) -> Age:
    return _certificates((raw,))


_READERS: Mapping[CollateralKind, Callable[[bytes], Age]] = {
    CollateralKind.AMD_CHAIN: _chain,
    CollateralKind.AMD_VEK: _vek,
    CollateralKind.AMD_CRL: _crl,
    CollateralKind.INTEL_TCB_INFO: _tcb_info,
    CollateralKind.INTEL_QE_IDENTITY: _qe_identity,
    CollateralKind.INTEL_ROOT_CRL: _crl,
    CollateralKind.INTEL_PCK_CRL: _crl,
    CollateralKind.NVIDIA_OCSP: _ocsp,
}
