"""A node's verified claims against one policy and its baselines: every check, met or not."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from keyturn.base.times import format_time
from keyturn.policy.cpu_appraisal import appraise_cpu
from keyturn.policy.device_appraisal import appraise_devices
from keyturn.policy.findings import Finding, judged, not_met
from keyturn.policy.rules import Rules
from keyturn.policy.shown import Shown, collateral_issued
from keyturn.policy.tpm_appraisal import appraise_tpm


def appraise(rules: Rules, shown: Shown, now: datetime) -> tuple[Finding, ...]:
    """Every rule of the policy, in a fixed order. A policy is satisfied when none has failed.

    `now` decides which reference values still count and how old collateral and evidence are.
    """
    rule, digest = rules.policy.tpm, rules.policy_digest
    return (
        *appraise_cpu(rules, shown.cpu, now),
        *appraise_devices(rules, shown, now),
        *appraise_tpm(rule, digest, rules.baselines, shown.tpm, now, shown=shown.tpm_shown),
        *_collateral(rules, shown, now),
        *appraise_evidence_age(rules, shown, now),
    )


def _collateral(rules: Rules, shown: Shown, now: datetime) -> Iterator[Finding]:
    """Only kinds of this node's vendors: a policy may name those of several."""
    issued = collateral_issued(shown)
    ages = rules.policy.collateral
    for kind in sorted(ages.keys() & issued.keys(), key=lambda each: each.value):
        when, check = issued[kind], f"collateral {kind.value}"
        expected = f"issued at most {timedelta(seconds=ages[kind])} ago"
        if when is None:
            yield not_met(
                check,
                "collateral-missing",
                "none for some part of the node",
                expected,
                statement=rules.policy_digest,
                hint="fetch the collateral, or import a bundle that has it",
            )
            continue
        yield judged(
            check,
            when <= now <= when + timedelta(seconds=ages[kind]),
            "collateral-too-old" if when <= now else "collateral-from-the-future",
            f"issued {format_time(when)}",
            expected,
            statement=rules.policy_digest,
            hint="fetch newer collateral, or import a bundle that has it",
        )


def appraise_evidence_age(rules: Rules, shown: Shown, now: datetime) -> Iterator[Finding]:
    """From the challenge on; where no challenge is known there is nothing to be measured.

    As a challenge from the future is not live (our protocol §5.1), its evidence has no age.
    """
    if shown.challenged is None:
        return
    allowed, age = rules.policy.evidence_seconds, now - shown.challenged
    yield judged(
        "evidence age",
        timedelta(seconds=-1) <= age <= timedelta(seconds=allowed),
        "evidence-too-old",
        f"{int(age.total_seconds())} s",
        f"at most {allowed} s after the challenge",
        statement=rules.policy_digest,
        hint="answer the challenge sooner, or propose a policy that allows more time",
    )
