"""A policy: what can never pass, what accepts anything."""

from keyturn.policy.lint import LintCode, Severity
from keyturn.policy.shown import platform_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from support.authority import policy_body
from unit.policy.lint_ground import errors, ground
from unit.quorum.authority_log import platforms


def test_a_good_policy_has_no_error_and_is_told_what_it_accepts() -> None:
    found = ground().of_policy()
    assert not errors(found)
    assert ("warning", "workloads", "any-workload") in found
    assert ("warning", "platforms", "any-platform") in found
    assert ("warning", "snp.min_tcb.Genoa", "no-floor") in found
    assert ("warning", "accepted_caveats", "all-caveats") in found


def test_a_caveat_that_is_owed_whatever_the_evidence() -> None:
    remarks = ground().remarks(
        Kind.POLICY,
        "serving",
        policy_body(accepted_caveats=["no-device-binding-hardware"]),
        owed={Caveat.SIMULATED},
    )
    (told,) = [each for each in remarks if each.code is LintCode.CAVEAT_OWED]
    assert (told.severity, told.named) == (Severity.ERROR, {"caveat": "simulated"})


def test_a_site_where_no_listed_platform_stands() -> None:
    here = ground()
    state = here.entered((Kind.PLATFORMS, "eu", platforms(platform_of(here.cpu))))
    assert errors(here.of_policy(state, platforms=["eu"], sites=["Oslo"])) == {
        ("sites", "no-platform-at-site"),
        ("platforms", "no-platform-of-tee"),
    }
    found = here.of_policy(state, platforms=["eu"], sites=["Oslo", "Berlin"])
    assert not errors(found)
    assert ("warning", "sites", "no-platform-at-site") in found


def test_collateral_younger_than_its_maker_issues_it() -> None:
    found = ground().of_policy(collateral={"amd-crl": 86_400, "intel-tcb-info": 90 * 86_400})
    assert ("warning", "collateral.amd-crl", "age-below-issue") in found
    assert ("note", "collateral.intel-tcb-info", "age-of-other-tee") in found
