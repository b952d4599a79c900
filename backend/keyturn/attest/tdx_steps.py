"""The steps of proving a TDX quote: their names, who asks for them, and what each expects.

A step gets what earlier ones proved, or is not reached. A refusal that names no expectation of its
own gets its step's, so that every failed check says what was found and what was expected.
"""

from collections.abc import Callable
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from keyturn.attest.errors import REFUSALS
from keyturn.attest.steps import Steps

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
T = TypeVar("T")

_QUOTE = "Intel TDX DCAP quote format"
_PCK = "Intel PCK certificate profile"
_PCS = "Intel PCS API v4"
_QVL = "Intel DCAP Quote Verification Library"
_ECDSA = "a signature by ECDSA P-256 with SHA-256"


class Step(Enum):
    """Name, source, expectation; in the order in which the steps are made."""

    QUOTE = ("quote", _QUOTE, "a TDX quote of version 4 or 5 with its PCK chain")
    COLLATERAL = ("collateral", _PCS, "TCB info, QE identity and two revocation lists")
    ROOT = ("root", "the pinned roots", "four chains to one pinned root")
    CHAIN = ("chain", _PCK, "each certificate Intel's and signed by the next")
    PCK = ("pck", _PCK, "the SGX extensions of a PCK certificate")
    DATES = ("dates", _PCK, "valid certificates")
    COLLATERAL_DATES = ("collateral-dates", _PCS, "current documents and lists")
    TCB_INFO = ("tcb-info-signature", _PCS, _ECDSA)
    IDENTITY = ("qe-identity-signature", _PCS, _ECDSA)
    REVOCATION = ("revocation", _PCK, "the lists of both issuers, which name none of these")
    QE_REPORT = ("qe-report-signature", _QUOTE, _ECDSA)
    ATTESTATION_KEY = (
        "attestation-key",
        _QUOTE,
        "SHA-256(attestation key, authentication data), zeros, in the QE's report",
    )
    QUOTE_SIGNATURE = ("quote-signature", _QUOTE, _ECDSA)
    MATCH = ("collateral-match", _QVL, "TCB info of this platform")
    KNOWN_QE = ("qe-identity", _QVL, "Intel's TD quoting enclave")
    MODULE = ("tdx-module", _QVL, "a TDX module that Intel names")
    LEVELS = ("tcb-levels", _QVL, "a level of platform, TDX module and QE")
    SUPPORTED = ("tcb-supported", _QVL, "a TCB level that Intel supports")
    REPORT_DATA = ("report-data", "the verifier's challenge", "the challenge's report data")

    def __init__(self, title: str, source: str, expected: str) -> None:
        """`title`: the check's name."""
        self.title = title
        self.source = source
        self.expected = expected


class Proof(NamedTuple, Generic[T]):
    """What a step gives to later ones, and its check's texts; `expected` None: the step's own."""

    value: T
    found: object
    expected: object = None


def after(steps: Steps, step: Step, work: Callable[[A], Proof[T]], given: A | None) -> T | None:
    """Do one step with what earlier ones proved; `given` None: one of them was refused."""
    if given is None:
        steps.unreached(step.title, step.source)
        return None
    try:
        proof = work(given)
    except REFUSALS as refusal:
        refusal.expected = refusal.expected or step.expected
        steps.refused(step.title, step.source, refusal)
        return None
    expected = step.expected if proof.expected is None else proof.expected
    steps.met(step.title, step.source, proof.found, expected)
    return proof.value


def both(a: A | None, b: B | None) -> tuple[A, B] | None:
    """Both, or None when one is missing."""
    return None if a is None or b is None else (a, b)


def all_three(a: A | None, b: B | None, c: C | None) -> tuple[A, B, C] | None:
    """All three, or None when one is missing."""
    return None if a is None or b is None or c is None else (a, b, c)
