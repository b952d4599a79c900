"""A proved TPM quote against a policy's TPM rule and the baselines that it names.

What is named must all be as *one* baseline's set of values has it: parts of two boots make no
boot that anybody approved. What a log's events say is believed only as far as `attest.eventdata`
proves it by the quoted registers.
"""

from collections.abc import Iterator, Mapping, Set
from datetime import datetime

from keyturn.attest.eventdata import BootFacts, SecureBoot, boot_facts
from keyturn.attest.tpm import TpmClaims
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import Digest
from keyturn.policy.findings import Finding, judged, met, not_met
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.tpm_bodies import TpmReference, TpmRule

Baselines = Mapping[str, tuple[Digest, ReferenceValues]]
HINT = "if this boot is intended, propose its values as a new baseline"
_SEPARATED = frozenset({4, 7})
"""Registers whose events are divided by their separator: loader and Secure Boot."""


def appraise_tpm(
    rule: TpmRule | None,
    policy: Digest,
    baselines: Baselines,
    claims: TpmClaims | None,
    now: datetime,
    *,
    shown: bool,
) -> tuple[Finding, ...]:
    """Every check of the rule. `claims` are of a quote that was proved, `shown` whether one was
    shown: one that is not genuine is a failed check of its own, not also a missing one.

    Without a rule a TPM is not asked for, and one that is shown proves nothing more: it is said.
    """
    if rule is None:
        if claims is None:
            return ()
        return (met("tpm: asked for", "shown", "not asked for by the policy", policy),)
    if claims is None:
        if shown:
            return ()
        hint = "start the node with its TPM, or propose a policy that asks for none"
        return (
            not_met("tpm: quote", "tpm-missing", "none", "a quote", statement=policy, hint=hint),
        )
    return (*_measured(rule, policy, claims), *_as_known(rule, policy, baselines, claims, now))


def _measured(rule: TpmRule, policy: Digest, claims: TpmClaims) -> Iterator[Finding]:
    """What needs no reference values: registers and events are there, Secure Boot was on."""
    values = claims.pcrs.get(HashAlgorithm[rule.bank.name], {})
    missing = [str(number) for number in rule.pcrs if number not in values]
    yield judged(
        "tpm: PCRs quoted",
        not missing,
        "pcr-not-quoted",
        f"without {', '.join(missing)}" if missing else f"{len(values)} of {rule.bank.value}",
        f"{len(rule.pcrs)} of {rule.bank.value}",
        statement=policy,
    )
    if not rule.asks_events:
        return
    facts = _facts(rule, claims)
    if facts is None:
        yield not_met(
            "tpm: event log", "event-log-missing", "none", "a boot's event log", statement=policy
        )
        return
    ended = sorted(facts.separated & _SEPARATED)
    yield judged(
        "tpm: firmware's part ended",
        facts.separated >= _SEPARATED,
        "firmware-part-open",
        f"separators in {ended}",
        f"separators in {sorted(_SEPARATED)}",
        statement=policy,
    )
    if rule.secure_boot:
        yield judged(
            "tpm: Secure Boot",
            facts.secure_boot is SecureBoot.ON,
            "secure-boot-not-on",
            facts.secure_boot.value,
            SecureBoot.ON.value,
            statement=policy,
            hint="turn Secure Boot on in the machine's firmware and start it again",
        )


def _facts(rule: TpmRule, claims: TpmClaims) -> BootFacts | None:
    """None where no log came, or none that leads to both registers that matter here."""
    bank = HashAlgorithm[rule.bank.name]
    if claims.log is None or not claims.pcrs.get(bank, {}).keys() >= _SEPARATED:
        return None
    return boot_facts(claims.log, bank)


def _as_known(
    rule: TpmRule, policy: Digest, baselines: Baselines, claims: TpmClaims, now: datetime
) -> tuple[Finding, ...]:
    """The set of values that fits, or the one that fits best; expired ones fit nothing."""
    facts = _facts(rule, claims)
    if not (rule.pcrs or rule.applications or rule.authorities or rule.variables):
        return ()
    candidates = [
        (
            *_against(rule, reference, digest, name, claims, facts),
            *_ended(reference, digest, name, now),
        )
        for name, (digest, baseline) in baselines.items()
        for reference in baseline.tpm
    ]
    if not candidates:
        return (
            not_met(
                "tpm: reference values",
                "no-reference-values",
                "none",
                "a baseline with values of a TPM",
                statement=policy,
            ),
        )
    return min(candidates, key=lambda findings: sum(each.failed for each in findings))


def _against(
    rule: TpmRule,
    reference: TpmReference,
    digest: Digest,
    name: str,
    claims: TpmClaims,
    facts: BootFacts | None,
) -> Iterator[Finding]:
    bank = HashAlgorithm[rule.bank.name]
    known = reference.pcrs.get(rule.bank, {})
    for number in rule.pcrs:
        value = claims.pcrs.get(bank, {}).get(number)
        found = {value.hex()} if value is not None else set()
        yield _member(f"PCR {number}", found, known.get(number, frozenset()), name, digest)
    if facts is None:
        return
    if rule.applications:
        found = set(facts.applications)
        yield _member("boot applications", found, reference.applications, name, digest)
    if rule.authorities:
        found = set(facts.authorities)
        yield _member("boot authorities", found, reference.authorities, name, digest)
    for variable in sorted(rule.variables):
        found = {value for each, value in facts.variables if each == variable}
        allowed = reference.variables.get(variable, frozenset())
        yield _member(f"variable {variable}", found, allowed, name, digest)


def _ended(reference: TpmReference, digest: Digest, name: str, now: datetime) -> Iterator[Finding]:
    if reference.origin.ended(now):
        yield not_met(
            "tpm: reference values",
            "reference-value-expired",
            "values whose time has run out",
            f"values of {name} that still count",
            statement=digest,
            hint=HINT,
        )


def _member(
    what: str, found: Set[str], allowed: Set[str], baseline: str, digest: Digest
) -> Finding:
    """All that was found is allowed, and something was found."""
    strange = sorted(found - allowed)
    shown = ", ".join(strange or sorted(found)) or "none"
    one = next(iter(allowed)) if len(allowed) == 1 else f"one of {len(allowed)} values"
    return judged(
        f"tpm: {what}",
        bool(found) and not strange,
        "tpm-value-mismatch" if found else "tpm-value-missing",
        shown,
        f"{one} (baseline {baseline})",
        statement=digest,
        hint=HINT,
    )
