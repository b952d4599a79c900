"""A proved quote against rule and baselines: one boot as a whole, nothing unproved."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keyturn.attest.eventdata import boot_facts
from keyturn.attest.eventlog import EventLog, parse_event_log
from keyturn.attest.tpm import TpmClaims
from keyturn.attest.tpm_algorithms import HashAlgorithm, Scheme
from keyturn.attest.tpm_quote import TpmQuote, TpmSignature
from keyturn.base.encoding import Digest
from keyturn.policy.findings import Finding, failing
from keyturn.policy.tpm_appraisal import appraise_tpm
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.tpm_bodies import PcrBank, TpmReference, TpmRule
from keyturn_sim.bootlog import SimBoot

BANK = HashAlgorithm.SHA256
POLICY, BASELINE = Digest("sha256:" + "01" * 32), Digest("sha256:" + "02" * 32)
RULE = TpmRule(PcrBank.SHA256, (0, 4, 7), True, True, True, frozenset({"PK", "db"}))
QUOTE = TpmQuote(b"", b"", 0, 0, 0, True, 0, (), b"", b"")
SIGNATURE = TpmSignature(Scheme.ECDSA, BANK, (1, 1))


def claims(boot: SimBoot, **changed: object) -> TpmClaims:
    """As `verify_tpm` would make them of a machine that booted so."""
    log = parse_event_log(boot.log())
    found = TpmClaims(QUOTE, SIGNATURE, None, None, {BANK: log.replay(BANK)}, log, True)
    return replace(found, **changed)  # type: ignore[arg-type]


def reference(boot: SimBoot) -> TpmReference:
    log = parse_event_log(boot.log())
    facts, pcrs = boot_facts(log, BANK), log.replay(BANK)
    return TpmReference(
        {PcrBank.SHA256: {number: frozenset({value.hex()}) for number, value in pcrs.items()}},
        frozenset(facts.applications),
        frozenset(facts.authorities),
        {name: frozenset({value}) for name, value in facts.variables},
        Origin("a test"),
    )


NOW = datetime(2026, 11, 29, tzinfo=UTC)
GOOD, OTHER = SimBoot(), SimBoot(applications=("another loader",))


def appraised(
    found: TpmClaims | None,
    *references: TpmReference,
    rule: TpmRule | None = RULE,
    shown: bool = True,
) -> tuple[Finding, ...]:
    baseline = ReferenceValues({}, (), references)
    return appraise_tpm(rule, POLICY, {"firmware": (BASELINE, baseline)}, found, NOW, shown=shown)


def failed(*arguments: object, **named: object) -> dict[str, str | None]:
    found = failing(appraised(*arguments, **named))  # type: ignore[arg-type]
    return {each.check: each.reason for each in found}


def test_a_known_boot_meets_every_rule() -> None:
    found = appraised(claims(GOOD), reference(GOOD))
    assert failing(found) == ()
    assert [each.check for each in found] == [
        "tpm: PCRs quoted",
        "tpm: firmware's part ended",
        "tpm: Secure Boot",
        "tpm: PCR 0",
        "tpm: PCR 4",
        "tpm: PCR 7",
        "tpm: boot applications",
        "tpm: boot authorities",
        "tpm: variable PK",
        "tpm: variable db",
    ]


def test_another_loader_is_named_with_what_was_expected_by_whom() -> None:
    pcr, applications = failing(appraised(claims(OTHER), reference(GOOD)))
    assert (pcr.check, pcr.statement) == ("tpm: PCR 4", BASELINE)
    assert applications.check == "tpm: boot applications"
    assert applications.found == boot_facts(parse_event_log(OTHER.log()), BANK).applications[0]
    assert applications.expected == "one of 2 values (baseline firmware)"
    assert "new baseline" in applications.hint


def test_one_of_several_boots_is_enough_as_a_whole() -> None:
    assert not failed(claims(OTHER), reference(GOOD), reference(OTHER))
    mixed = replace(reference(OTHER), applications=frozenset())
    assert failed(claims(OTHER), reference(GOOD), mixed) == {
        "tpm: boot applications": "tpm-value-mismatch"
    }


@pytest.mark.parametrize("boot", [SimBoot(secure_boot=False)])
def test_secure_boot_must_be_on(boot: SimBoot) -> None:
    assert failed(claims(boot), reference(boot)) == {
        "tpm: Secure Boot": "secure-boot-not-on",
        "tpm: boot authorities": "tpm-value-missing",
    }


def test_what_is_asked_must_be_quoted() -> None:
    pcrs = {BANK: {n: v for n, v in claims(GOOD).pcrs[BANK].items() if n != 0}}
    assert failed(claims(GOOD, pcrs=pcrs), reference(GOOD)) == {
        "tpm: PCRs quoted": "pcr-not-quoted",
        "tpm: PCR 0": "tpm-value-missing",
    }
    other_bank = replace(RULE, bank=PcrBank.SHA384)
    assert "tpm: PCRs quoted" in failed(claims(GOOD), reference(GOOD), rule=other_bank)


@pytest.mark.parametrize("register", [4, 7])
def test_a_log_is_believed_only_with_both_registers_quoted(register: int) -> None:
    """The log leads to what was quoted: a register that was not is anybody's word."""
    pcrs = {BANK: {n: v for n, v in claims(GOOD).pcrs[BANK].items() if n != register}}
    rule = replace(RULE, pcrs=(0,))
    assert failed(claims(GOOD, pcrs=pcrs), reference(GOOD), rule=rule) == {
        "tpm: event log": "event-log-missing"
    }


def test_without_a_log_nothing_is_known_of_secure_boot() -> None:
    assert failed(claims(GOOD, log=None), reference(GOOD)) == {
        "tpm: event log": "event-log-missing"
    }


def test_a_firmware_that_never_ended_its_part() -> None:
    """Without separators whoever comes later could write in the firmware's name."""
    whole = parse_event_log(GOOD.log())
    kept = tuple(each for each in whole.events if each.data != bytes(4))
    cut = EventLog(kept, 0, whole.size)
    found = claims(GOOD, log=cut, pcrs={BANK: cut.replay(BANK)})
    assert failed(found, reference(GOOD))["tpm: firmware's part ended"] == "firmware-part-open"


@pytest.mark.parametrize("references", [(), (replace(reference(GOOD), variables={}),)])
def test_no_reference_value_lets_nobody_in(references: tuple[TpmReference, ...]) -> None:
    assert failed(claims(GOOD), *references)


def test_secure_boot_alone_needs_no_values() -> None:
    rule = TpmRule(PcrBank.SHA256, (), True, False, False, frozenset())
    assert not failed(claims(GOOD), rule=rule)


def test_a_missing_tpm_is_named_once() -> None:
    assert failed(None, reference(GOOD), shown=False) == {"tpm: quote": "tpm-missing"}
    assert appraised(None, reference(GOOD), shown=True) == (), "not genuine: said elsewhere"


def test_without_a_rule_a_tpm_is_not_asked_for_and_that_is_said() -> None:
    assert appraised(None, rule=None, shown=False) == ()
    (said,) = appraised(claims(OTHER), rule=None)
    assert not said.failed
    assert (said.check, said.expected) == ("tpm: asked for", "not asked for by the policy")
