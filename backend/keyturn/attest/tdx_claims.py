"""What a TDX quote proved, and what was read of one that proved nothing."""

from dataclasses import dataclass

from keyturn.attest.checks import Check
from keyturn.attest.crl import CrlFacts
from keyturn.attest.steps import Refusal
from keyturn.attest.tdx_collateral import QeIdentity, TcbInfo
from keyturn.attest.tdx_pck import Pck
from keyturn.attest.tdx_quote import TdReport, TdxQuote
from keyturn.attest.tdx_tcb import TdxTcb


@dataclass(frozen=True, slots=True)
class TdxReading:
    """What was read, proved or not; None where nothing could be. For looking at refusals only."""

    quote: TdxQuote | None = None
    pck: Pck | None = None
    info: TcbInfo | None = None
    tcb: TdxTcb | None = None


@dataclass(frozen=True, slots=True)
class TdxClaims:
    """What Intel's signatures prove about a TD and its platform. Made by `keyturn.attest.tdx` only.

    `info`, `identity` and `lists` are what a verifier must remember of the collateral, to refuse
    an older one (DESIGN §5.8).
    """

    quote: TdxQuote
    pck: Pck
    tcb: TdxTcb
    info: TcbInfo
    identity: QeIdentity
    lists: tuple[CrlFacts, ...]
    simulated: bool

    @property
    def report(self) -> TdReport:
        return self.quote.report

    @property
    def measurement(self) -> bytes:
        """48 bytes: MRTD, SHA-384 of what was loaded into the TD at launch."""
        return self.report.mr_td

    @property
    def report_data(self) -> bytes:
        """64 bytes, chosen in the TD."""
        return self.report.report_data

    @property
    def evaluation_number(self) -> int:
        """TCB evaluation data number: the lower of TCB info's and QE identity's."""
        return min(self.info.evaluation_number, self.identity.evaluation_number)

    @property
    def platform_id(self) -> str:
        """`intel-<PPID in hex>`. The platform instance id changes when a platform is reset."""
        return f"intel-{self.pck.ppid.hex()}"

    @property
    def reading(self) -> TdxReading:
        return TdxReading(self.quote, self.pck, self.info, self.tcb)


@dataclass(frozen=True, slots=True)
class VerifiedTdx:
    """Proved claims, and what was checked to prove them."""

    claims: TdxClaims
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class TdxExamination:
    """All checks, also of a refusal. `claims` is None exactly when `refusal` is not."""

    reading: TdxReading
    checks: tuple[Check, ...]
    claims: TdxClaims | None
    refusal: Refusal | None
