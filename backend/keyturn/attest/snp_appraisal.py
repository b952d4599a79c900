"""Guest and platform rules for SEV-SNP: is what was proved good enough?

Pure comparison of proved claims with one rule. Measurements, platforms and freshness are
judged elsewhere; here are the launch policy's bits, VMPL, TCB floors and the alias check.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from keyturn.attest.checks import Check, Outcome, judge
from keyturn.attest.errors import Reason
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_report import GuestPolicy, PlatformInfo
from keyturn.attest.snp_tcb import SnpProduct, Tcb


@dataclass(frozen=True, slots=True)
class TcbFloor:
    """The least security version numbers; `fmc` counts on Turin only."""

    bootloader: int = 0
    tee: int = 0
    snp: int = 0
    microcode: int = 0
    fmc: int = 0

    def holds(self, tcb: Tcb) -> bool:
        return (
            tcb.bootloader >= self.bootloader
            and tcb.tee >= self.tee
            and tcb.snp >= self.snp
            and tcb.microcode >= self.microcode
            and (tcb.fmc is None or tcb.fmc >= self.fmc)
        )

    def __str__(self) -> str:
        fmc = f"fmc {self.fmc}, " if self.fmc else ""
        return (
            f"at least {fmc}bootloader {self.bootloader}, tee {self.tee}, "
            f"snp {self.snp}, microcode {self.microcode}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SnpRule:
    """What a policy asks of the launch. Everything is said: nothing has a default.

    `max_vmpl` None: any level. `floors` None: any TCB; else a product without a floor is
    refused. `source` names the statement that set the rule.
    """

    allow_debug: bool
    allow_migration_agent: bool
    allow_smt: bool
    max_vmpl: int | None
    floors: Mapping[SnpProduct, TcbFloor] | None
    require_alias_check: bool
    source: str


def appraise_snp(claims: SnpClaims, rule: SnpRule) -> tuple[Check, ...]:
    """Compare proved claims with a rule; every check is made, in the order of the vectors."""
    return (
        _bit(claims, rule, "debug", GuestPolicy.DEBUG, rule.allow_debug, Reason.DEBUG_ALLOWED),
        _bit(
            claims,
            rule,
            "migration-agent",
            GuestPolicy.MIGRATE_MA,
            rule.allow_migration_agent,
            Reason.MIGRATION_AGENT_ALLOWED,
        ),
        _vmpl(claims, rule),
        _bit(claims, rule, "smt", GuestPolicy.SMT, rule.allow_smt, Reason.SMT_ALLOWED),
        _floor(claims, rule),
        _order(claims, rule),
        _alias_check(claims, rule),
    )


def _bit(
    claims: SnpClaims, rule: SnpRule, name: str, bit: GuestPolicy, allowed: bool, reason: Reason
) -> Check:
    is_set = claims.report.allows(bit)
    return judge(
        name,
        allowed or not is_set,
        found="allowed by guest policy" if is_set else "forbidden by guest policy",
        expected="any" if allowed else "forbidden by guest policy",
        source=rule.source,
        reason=reason,
    )


def _vmpl(claims: SnpClaims, rule: SnpRule) -> Check:
    limit = rule.max_vmpl
    return judge(
        "vmpl",
        limit is None or claims.report.vmpl <= limit,
        found=claims.report.vmpl,
        expected="any" if limit is None else f"at most {limit}",
        source=rule.source,
        reason=Reason.VMPL_TOO_HIGH,
    )


def _floor(claims: SnpClaims, rule: SnpRule) -> Check:
    if rule.floors is None:
        floor, met, expected = None, True, "any"
    else:
        floor = rule.floors.get(claims.product)
        # The committed TCB is what the platform cannot be rolled back below. The launch TCB is
        # what measured the guest: firmware that was mended later cannot vouch for it.
        judged = (claims.reported_tcb, claims.committed_tcb, claims.launch_tcb)
        met = floor is not None and all(floor.holds(tcb) for tcb in judged)
        expected = str(floor) if floor else f"a floor for {claims.product.value}, which is not set"
    return judge(
        "minimum-tcb",
        met,
        found=(
            f"reported {claims.reported_tcb.raw.hex()}, committed "
            f"{claims.committed_tcb.raw.hex()}, launch {claims.launch_tcb.raw.hex()}"
        ),
        expected=expected,
        source=rule.source,
        reason=Reason.TCB_BELOW_MINIMUM,
    )


def _order(claims: SnpClaims, rule: SnpRule) -> Check:
    met = claims.committed_tcb.at_least(claims.reported_tcb) and claims.current_tcb.at_least(
        claims.committed_tcb
    )
    return judge(
        "tcb-order",
        met,
        found=(
            f"reported {claims.reported_tcb.raw.hex()}, committed "
            f"{claims.committed_tcb.raw.hex()}, current {claims.current_tcb.raw.hex()}"
        ),
        expected="reported <= committed <= current",
        source=rule.source,
        reason=Reason.TCB_ORDER,
    )


def _alias_check(claims: SnpClaims, rule: SnpRule) -> Check:
    """BadRAM (CVE-2024-21944, AMD-SB-3015): did firmware look for memory aliases?"""
    done = claims.report.platform_has(PlatformInfo.ALIAS_CHECK_COMPLETE)
    if rule.require_alias_check and claims.report.version < 3:
        return Check(
            "alias-check",
            Outcome.NOT_MEASURED,
            "a version 2 report cannot show it",
            "complete",
            rule.source,
            Reason.ALIAS_CHECK_NOT_COMPLETE,
        )
    return judge(
        "alias-check",
        done or not rule.require_alias_check,
        found="complete" if done else "not complete",
        expected="complete" if rule.require_alias_check else "any",
        source=rule.source,
        reason=Reason.ALIAS_CHECK_NOT_COMPLETE,
    )
