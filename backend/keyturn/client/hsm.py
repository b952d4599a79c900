"""What a server says of its HSM: the token's word, forwarded twice (our protocol §10.11, §10.16).

Nothing of it is signed. What can be checked here is said beside it: which public keys a `keys`
statement in force names, and that the pre-flight report is whole.
"""

from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields
from keyturn.ceremony.tokeninventory import TokenInventory
from keyturn.ceremony.tokenreport import PreflightReport, parse_report, report_digest
from keyturn.wire.keyholder import read_hsm_told

PATH = "/v1/hsm"


@dataclass(frozen=True, slots=True)
class ReportSaid:
    report: PreflightReport
    digest: Digest
    """Of the report's exact bytes: what a ceremony's record names."""


@dataclass(frozen=True, slots=True)
class HsmSaid:
    """The server's word. `preflight`: None where the keyholder has no report."""

    inventory: TokenInventory
    preflight: ReportSaid | None


def read_hsm(answer: Fields) -> HsmSaid:
    """Raises MalformedError."""
    told = read_hsm_told(answer)
    answer.done()
    if told.preflight is None:
        return HsmSaid(told.inventory, None)
    report = ReportSaid(parse_report(told.preflight), report_digest(told.preflight))
    return HsmSaid(told.inventory, report)
