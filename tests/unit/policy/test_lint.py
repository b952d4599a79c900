"""A lint's errors are true: what it calls hopeless no evidence passes (DESIGN §4)."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.base.times import format_time
from keyturn.keyrelease.decision import caveats_owed
from keyturn.policy.drafts import draft_of_body, with_draft
from keyturn.policy.findings import failing
from keyturn.policy.judging import Judging
from keyturn.policy.lint import Severity, lint
from keyturn.policy.observed import Observed
from keyturn.policy.shown import CpuClaims, Shown
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat
from support.authority import policy_body, tdx_rule
from support.observednodes import a_cpu, a_gpu, observed
from unit.policy.claimed import another_td, td
from unit.policy.lint_ground import ground, said
from unit.quorum.authority_log import platforms

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


def test_a_kind_that_decides_nothing_about_evidence() -> None:
    roster = ground().state.newest[(Kind.ROSTER, "roster")].statement
    assert lint(Kind.ROSTER, "roster", roster.body, ground().state, ground().now) == ()


def test_a_td_is_proved() -> None:
    assert isinstance(td(), TdxClaims)
