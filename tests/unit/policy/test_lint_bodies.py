"""Values, lists, roots, admissions and revocations."""

from datetime import timedelta

import pytest

from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from unit.policy.lint_ground import errors, ground, said
from unit.policy.test_lint import IDS, provenance
from unit.quorum.authority_log import platforms


def test_a_baseline_of_which_a_policy_needs_more() -> None:
    body = {"snp": {"measurements": [{"value": "aa" * 48, "source": "x"}]}, "gpu": []}
    found = said(ground().remarks(Kind.REFERENCE_VALUES, "firmware", body))
    assert ("warning", "", "policy-never-met") in found
    assert ("note", "snp.measurements.0", "no-provenance") in found


def test_values_that_have_all_ended_and_one_that_another_covers() -> None:
    here = ground()
    old = provenance(timedelta(days=-1), "by-hand", here.now)
    body: dict[str, object] = {
        "snp": {"measurements": [{"value": "aa" * 48, **old}]},
        "gpu": [],
    }
    assert ("error", "", "values-ended") in said(here.remarks(Kind.REFERENCE_VALUES, "x", body))

    gpu = {"architecture": "GH100", "driver": "1", "vbios": "2", "source": "x"}
    body["gpu"] = [
        {**gpu, "measurements": {"0": ["aa"], "1": ["bb"]}},
        {**gpu, "measurements": {"0": ["aa", "cc"]}},
        {**gpu, "measurements": {"0": ["aa", "cc"]}},
    ]
    found = said(here.remarks(Kind.REFERENCE_VALUES, "x", body))
    assert ("note", "gpu.0", "shadowed-value") in found
    assert ("note", "gpu.2", "duplicate-value") in found
    assert ("note", "", "unused") in found


def test_a_list_of_gpus_alone_and_one_of_hidden_machines() -> None:
    gpus = platforms("nvidia-gh100-" + "ab" * 32)
    assert ("error", "platforms", "gpu-ids-only") in said(
        ground().remarks(Kind.PLATFORMS, "eu", gpus)
    )
    hidden = platforms("amd-hidden")
    assert ("warning", "platforms", "hidden-platform-listed") in said(
        ground().remarks(Kind.PLATFORMS, "eu", hidden)
    )


def test_a_platform_at_another_site_in_another_list() -> None:
    here = ground()
    state = here.entered((Kind.PLATFORMS, "eu", platforms(IDS[0])))
    body = {"platforms": [{"id": IDS[0], "site": "Oslo", "note": ""}]}
    found = said(here.remarks(Kind.PLATFORMS, "us", body, state))
    assert ("warning", "platforms.0", "disputed-site") in found


def test_roots_that_are_not_pinned_and_vendors_without_any() -> None:
    body = {"hardware": ["ab" * 32], "simulated": []}
    found = said(ground().remarks(Kind.TRUST_ANCHORS, "trust-anchors", body))
    assert ("error", "hardware", "vendor-without-root") in found
    assert ("warning", "hardware", "not-pinned") in found

    intel = "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"
    body = {"hardware": [intel], "simulated": []}
    found = said(ground().remarks(Kind.TRUST_ANCHORS, "trust-anchors", body))
    assert ("warning", "", "vendor-without-root") in found


def test_a_model_under_a_policy_that_nothing_passes_or_that_is_not_there() -> None:
    here = ground()
    body = {
        "model": here.desk.digest,
        "name": "m",
        "version": "1",
        "tag": "00" * 32,
        "policy": "none",
    }
    found = said(here.remarks(Kind.MODEL, here.desk.digest, body))
    assert errors(found) == {("policy", "not-in-force")}
    state = here.entered((Kind.POLICY, "never", policy_body(witnesses=9)))
    found = said(here.remarks(Kind.MODEL, here.desk.digest, {**body, "policy": "never"}, state))
    assert errors(found) == {("policy", "policy-never-met")}


@pytest.mark.parametrize("kind", ["platform", "measurement", "policy", "model"])
def test_a_revocation_of_what_nobody_knows(kind: str) -> None:
    targets = {
        "platform": IDS[0],
        "measurement": "ef" * 48,
        "policy": "nothing",
        "model": "sha256:" + "1" * 64,
    }
    body = {"target_kind": kind, "target": targets[kind]}
    found = said(ground().remarks(Kind.REVOCATION, f"{kind}:{targets[kind]}", body))
    assert found == {("warning", "target", "unknown-target")}
