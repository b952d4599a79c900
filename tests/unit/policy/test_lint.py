"""A lint's errors are true: what it calls hopeless no evidence passes (DESIGN §4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.base.times import format_time
from keyturn.keyrelease.decision import caveats_owed
from keyturn.policy.drafts import draft_of_body, with_draft
from keyturn.policy.findings import failing
from keyturn.policy.judging import Judging
from keyturn.policy.lint import LintCode, LintRemark, Severity, lint
from keyturn.policy.observed import Observed
from keyturn.policy.shown import CpuClaims, Shown, platform_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState
from support.authority import policy_body, tdx_rule
from support.observednodes import a_cpu, a_gpu, observed
from unit.keyrelease.release_desk import Desk
from unit.policy.claimed import another_td, td
from unit.quorum.authority_log import platforms


@dataclass(frozen=True)
class Ground:
    """One authority with one policy, baseline and model, and its node's proved claims."""

    desk: Desk
    cpu: SnpClaims
    gpu: GpuClaims
    now: datetime

    @property
    def state(self) -> AuthorityState:
        return self.desk.log.state

    def entered(self, *drafts: tuple[Kind, str, Mapping[str, object]]) -> AuthorityState:
        state = self.state
        for kind, subject, body in drafts:
            draft = draft_of_body(kind, subject, dict(body), state, self.now)  # type: ignore[arg-type]
            state = with_draft(state, draft, self.now)
        return state

    def remarks(
        self,
        kind: Kind,
        subject: str,
        body: Mapping[str, object],
        state: AuthorityState | None = None,
        **options: object,
    ) -> tuple[LintRemark, ...]:
        state = state or self.state
        draft = draft_of_body(kind, subject, dict(body), state, self.now)  # type: ignore[arg-type]
        return lint(kind, subject, draft.body, state, self.now, **options)  # type: ignore[arg-type]

    def of_policy(
        self, state: AuthorityState | None = None, **changed: object
    ) -> set[tuple[str, str, str]]:
        return said(self.remarks(Kind.POLICY, "serving", policy_body(**changed), state))


@cache
def ground() -> Ground:
    desk = Desk()
    evidence = desk.verified(desk.request())
    assert isinstance(evidence.cpu, SnpClaims)
    return Ground(desk, evidence.cpu, evidence.gpus[0], desk.clock())


def said(remarks: tuple[LintRemark, ...]) -> set[tuple[str, str, str]]:
    return {(each.severity.value, each.place, each.code.value) for each in remarks}


def errors(found: set[tuple[str, str, str]]) -> set[tuple[str, str]]:
    return {(place, code) for severity, place, code in found if severity == "error"}


# Soundness

WHEN = st.sampled_from([None, None, timedelta(days=30), timedelta(days=-1)])
DRIVERS, ARCHES = ["590.12", "1.0"], ["GH100", "GB100"]
IDS = ["amd-genoa-" + "01" * 64, "amd-milan-" + "02" * 64, "intel-" + "03" * 16]
VALUE = ["aa" * 48, "bb" * 48]


def provenance(ends: timedelta | None, method: str, now: datetime) -> dict[str, object]:
    by_hand = method == "by-hand"
    return {
        "source": "a test",
        "provenance": {
            "method": method,
            "document": None if by_hand else "sha256:" + "5" * 64,
            "signer": "NVIDIA" if method == "rim" else None,
            "obtained": format_time(now - timedelta(days=9)),
            "until": None if ends is None else format_time(now + ends),
        },
    }


@st.composite
def baselines(draw: st.DrawFn) -> dict[str, object]:
    now = ground().now

    def origin() -> dict[str, object]:
        return provenance(draw(WHEN), draw(st.sampled_from(["rim", "by-hand"])), now)

    body: dict[str, object] = {
        "snp": {
            "measurements": [
                {"value": value, **origin()} for value in VALUE if draw(st.integers(0, 3))
            ]
        },
        "gpu": [
            {
                "architecture": draw(st.sampled_from(ARCHES)),
                "driver": draw(st.sampled_from(DRIVERS)),
                "vbios": "v",
                "measurements": {"0": ["cc" * 48]},
                **origin(),
            }
            for _ in range(draw(st.sampled_from([2, 2, 1, 0])))
        ],
    }
    if draw(st.booleans()):
        registers = draw(st.sets(st.sampled_from(["rtmr0", "rtmr1"])))
        body["tdx"] = [
            {"registers": {name: [VALUE[0]] for name in ("mrtd", *sorted(registers))}, **origin()}
        ]
    if not body["gpu"] and "tdx" not in body and not body["snp"]["measurements"]:  # type: ignore[index]
        body["snp"] = {"measurements": [{"value": VALUE[0], **origin()}]}
    return body


@st.composite
def policies(draw: st.DrawFn) -> dict[str, object]:
    tees = draw(st.sampled_from([["snp"], ["tdx"], ["snp", "tdx"]]))
    count = draw(st.integers(0, 1))
    gpu: dict[str, object] = {"count": count}
    if count:
        gpu |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "architectures": st.lists(st.sampled_from(ARCHES), min_size=1, unique=True),
                    "drivers": st.lists(st.sampled_from(DRIVERS), min_size=1, unique=True),
                    "rim": st.booleans(),
                    "modes": st.lists(st.sampled_from(["SPT", "PPCIE"]), min_size=1, unique=True),
                },
            )
        )
    named = draw(st.sampled_from(["any", ["eu"]]))
    changed: dict[str, object] = {
        "tees": tees,
        "gpu": gpu,
        "baselines": draw(st.sampled_from([["one"], *[["one", "two"]] * 6, ["one", "gone"]])),
        "platforms": named,
        "accepted_caveats": draw(
            st.sampled_from([*[[each.value for each in Caveat]] * 8, [], ["simulated"]])
        ),
    }
    if named != "any" and draw(st.booleans()):
        changed["sites"] = [draw(st.sampled_from(["Berlin", "Berlin", "Oslo"]))]
    if draw(st.integers(0, 9)) == 0:
        changed["witnesses"] = 2
    if "tdx" in tees:
        changed["tdx"] = tdx_rule(
            registers=["mrtd", *draw(st.lists(st.sampled_from(["rtmr0", "rtmr1"]), unique=True))],
            cached_keys=True,
            dynamic_platform=True,
            advisories="any",
        )
    body = policy_body(**changed)
    if "snp" not in tees:
        del body["snp"]
    return body


def machines() -> list[CpuClaims]:
    """Every processor that could satisfy a rule above: each value of the pools, each place."""
    here = ground()
    found: list[CpuClaims] = []
    for number, value in product((1, 2), VALUE):
        measured = a_cpu(here.cpu, 1, measurement=bytes.fromhex(value))
        found.append(replace(measured, vek=replace(measured.vek, hwid=bytes([number]) * 64)))
        registers = dict.fromkeys(("mr_td", "rtmr0", "rtmr1"), bytes.fromhex(value))
        found.append(another_td(td(), bytes([number + 2]) * 16, **registers))
    return found


def devices() -> list[tuple[GpuClaims, ...]]:
    here = ground()
    found: list[tuple[GpuClaims, ...]] = [()]
    for arch, driver, feature in product(ARCHES, DRIVERS, ("SPT", "PPCIE")):
        report = replace(here.gpu.report, measurements={0: bytes.fromhex("cc" * 48)})
        like = replace(here.gpu, report=report, arch=arch, vbios="v", feature=feature)
        found.append((a_gpu(like, 1, driver=driver),))
    return found


@cache
def everything() -> tuple[Observed, ...]:
    here = ground()
    owed = caveats_owed(here.state, here.now)
    nodes = []
    for number, (cpu, gpus) in enumerate(product(machines(), devices())):
        caveats = owed | ({Caveat.NO_DEVICE_BINDING_HARDWARE} if gpus else set())
        shown = Shown(cpu, gpus)
        nodes.append(observed(f"n{number}", here.desk.digest, shown, here.now, caveats))
    return tuple(nodes)


@settings(max_examples=150)
@given(policies(), baselines(), baselines(), st.sets(st.sampled_from(IDS), min_size=1))
def test_an_error_says_that_no_evidence_can_pass(
    policy: dict[str, object],
    one: dict[str, object],
    two: dict[str, object],
    listed: set[str],
) -> None:
    here = ground()
    state = here.entered(
        (Kind.REFERENCE_VALUES, "one", one),
        (Kind.REFERENCE_VALUES, "two", two),
        (Kind.PLATFORMS, "eu", platforms(*sorted(listed))),
    )
    owed = caveats_owed(state, here.now)
    remarks = here.remarks(Kind.POLICY, "serving", policy, state, owed=owed)
    hopeless = any(each.severity is Severity.ERROR for each in remarks)
    draft = draft_of_body(Kind.POLICY, "serving", policy, state, here.now)  # type: ignore[arg-type]
    judging = Judging(with_draft(state, draft, here.now), here.now)
    passing = [each.node for each in everything() if not judging.judged(each).failed]

    assert not (hopeless and passing), (said(remarks), passing)
    # Nothing that can be told is left out here: the pools hold whatever a rule above may want.
    assert hopeless or passing, [
        {each.check for each in failing(judging.judged(node).findings)} for node in everything()
    ]


# What can never pass


def test_a_good_policy_has_no_error_and_is_told_what_it_accepts() -> None:
    found = ground().of_policy()
    assert not errors(found)
    assert ("warning", "workloads", "any-workload") in found
    assert ("warning", "platforms", "any-platform") in found
    assert ("warning", "snp.min_tcb.Genoa", "no-floor") in found
    assert ("warning", "accepted_caveats", "all-caveats") in found


@pytest.mark.parametrize(
    ("changed", "place", "code"),
    [
        ({"baselines": ["nothing"]}, "baselines.nothing", "not-in-force"),
        ({"platforms": ["nowhere"]}, "platforms.nowhere", "not-in-force"),
        ({"gpu": {"count": 1, "drivers": ["1.2.3"]}}, "gpu.drivers", "name-without-reference"),
        ({"gpu": {"count": 1, "rim": True}}, "gpu.rim", "no-rim-value"),
        ({"gpu": {"count": 1, "modes": ["PPCIE"]}}, "gpu.modes", "ppcie-without-switches"),
        (
            {"gpu": {"count": 1, "switches": 1, "modes": ["SPT"]}},
            "gpu.modes",
            "switches-without-ppcie",
        ),
        ({"gpu": {"count": 1, "switches": 4}}, "gpu.switches", "no-switch-reference"),
        ({"witnesses": 3}, "witnesses", "too-few-witnesses"),
        ({"accepted_caveats": []}, "accepted_caveats", "caveat-of-rule"),
        (
            {"tees": ["tdx"], "snp": None, "tdx": tdx_rule()},
            "tdx",
            "no-value-of-tee",
        ),
        (
            {
                "tpm": {
                    "bank": "sha256",
                    "pcrs": ["4"],
                    "secure_boot": False,
                    "applications": False,
                    "authorities": False,
                    "variables": [],
                }
            },
            "tpm",
            "no-tpm-reference",
        ),
    ],
)
def test_what_can_never_pass(changed: dict[str, object], place: str, code: str) -> None:
    body = {name: value for name, value in policy_body(**changed).items() if value is not None}
    found = said(ground().remarks(Kind.POLICY, "serving", body))
    assert (place, code) in errors(found)


def test_a_caveat_that_is_owed_whatever_the_evidence() -> None:
    remarks = ground().remarks(
        Kind.POLICY,
        "serving",
        policy_body(accepted_caveats=["no-device-binding-hardware"]),
        owed={Caveat.SIMULATED},
    )
    (told,) = [each for each in remarks if each.code is LintCode.CAVEAT_OWED]
    assert (told.severity, told.named) == (Severity.ERROR, {"caveat": "simulated"})


def test_one_of_two_kinds_of_machine_that_cannot_pass_is_a_warning() -> None:
    found = ground().of_policy(tees=["snp", "tdx"], tdx=tdx_rule())
    assert ("warning", "tdx", "no-value-of-tee") in found
    assert not errors(found)


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


def test_a_floor_that_no_node_reaches() -> None:
    here = ground()
    node = observed("n", here.desk.digest, Shown(here.cpu), here.now)
    floor = {"fmc": 0, "bootloader": 255, "tee": 0, "snp": 0, "microcode": 0}
    body = policy_body()
    body["snp"] = {**body["snp"], "min_tcb": {"Genoa": floor}}  # type: ignore[dict-item]
    found = said(here.remarks(Kind.POLICY, "serving", body, observed=[node]))
    assert ("warning", "snp.min_tcb.Genoa", "floor-above-seen") in found


def test_collateral_younger_than_its_maker_issues_it() -> None:
    found = ground().of_policy(collateral={"amd-crl": 86_400, "intel-tcb-info": 90 * 86_400})
    assert ("warning", "collateral.amd-crl", "age-below-issue") in found
    assert ("note", "collateral.intel-tcb-info", "age-of-other-tee") in found


def test_what_is_named_ends_before_the_policy() -> None:
    here = ground()
    remarks = here.remarks(
        Kind.POLICY, "serving", policy_body(), expires=here.now + timedelta(days=399)
    )
    assert ("warning", "baselines.firmware", "ends-before") in said(remarks)


# Other bodies


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


def test_a_kind_that_decides_nothing_about_evidence() -> None:
    roster = ground().state.newest[(Kind.ROSTER, "roster")].statement
    assert lint(Kind.ROSTER, "roster", roster.body, ground().state, ground().now) == ()


def test_a_td_is_proved() -> None:
    assert isinstance(td(), TdxClaims)
