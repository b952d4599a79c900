"""Rules about TDs, GPUs and switches: nothing is left out, nothing means anything by itself."""

from typing import Any

import pytest

from keyturn.attest.tdx_appraisal import Register
from keyturn.attest.tdx_collateral import TcbStatus
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.tee_rules import (
    GpuMode,
    GpuRule,
    TdRegister,
    TdxRule,
    TdxStatus,
    read_gpu_rule,
    read_snp_rule,
    read_tdx_rule,
)
from support.authority import policy_body, tdx_rule
from unit.quorum.bodies_reader import changed

TDX = tdx_rule()
SNP = policy_body()["snp"]
GPU: dict[str, object] = {
    "count": 8,
    "switches": 4,
    "architectures": ["GH100"],
    "modes": ["PPCIE"],
    "drivers": ["570.1"],
    "vbioses": ["96.00"],
    "rim": True,
}


def tdx(path: str = "", value: object = None) -> TdxRule:
    body: Any = changed(TDX, path, value) if path else TDX
    return read_tdx_rule(Fields(body, "policy: tdx"))


def gpu(**rule: Any) -> GpuRule:
    return read_gpu_rule(Fields(rule, "policy: gpu"))


# TDX


def test_every_part_of_a_tds_rule_is_read() -> None:
    service = "5e" * 48
    body: Any = {
        **TDX,
        "tcb_statuses": ["UpToDate", "SWHardeningNeeded"],
        "min_evaluation_number": 19,
        "advisories": ["INTEL-SA-00837"],
        "service_tds": [service],
        "xfam": "00000000000602e7",
        "registers": ["mrtd", "rtmr0", "mrseam"],
    }
    found = read_tdx_rule(Fields(body, "policy: tdx"))
    assert found == TdxRule(
        statuses=frozenset({TdxStatus.UP_TO_DATE, TdxStatus.SW_HARDENING_NEEDED}),
        min_evaluation_number=19,
        advisories=frozenset({"INTEL-SA-00837"}),
        debug=False,
        migratable=False,
        service_tds=frozenset({service}),
        sept_ve_disable=True,
        dynamic_platform=False,
        cached_keys=False,
        smt=True,
        xfam=0x602E7,
        registers=frozenset({TdRegister.MRTD, TdRegister.RTMR0, TdRegister.MRSEAM}),
    )


FLAGS = [name for name, each in TDX.items() if isinstance(each, bool)]


def test_the_flags() -> None:
    assert sorted(FLAGS) == [
        "cached_keys",
        "debug",
        "dynamic_platform",
        "migratable",
        "sept_ve_disable",
        "smt",
    ]


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", [True, False])
def test_each_flag_is_its_own(flag: str, value: bool) -> None:
    assert getattr(tdx(flag, value), flag) is value


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_flag_is_true_or_false(flag: str, value: object) -> None:
    with pytest.raises(MalformedError):
        tdx(flag, value)


@pytest.mark.parametrize("name", list(TDX))
def test_no_part_may_be_absent(name: str) -> None:
    with pytest.raises(MalformedError, match=f"'{name}' is missing"):
        tdx(name, ...)


def test_no_other_part_is_there() -> None:
    with pytest.raises(MalformedError, match="unknown field 'more'"):
        tdx("more", True)


def test_any_is_written() -> None:
    assert tdx("advisories", "any").advisories is None
    assert tdx("xfam", "any").xfam is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tcb_statuses", []),
        ("tcb_statuses", ["Revoked"]),
        ("tcb_statuses", ["uptodate"]),
        ("tcb_statuses", ["UpToDate", "UpToDate"]),
        ("tcb_statuses", "any"),
        ("min_evaluation_number", -1),
        ("min_evaluation_number", True),
        ("min_evaluation_number", "19"),
        ("min_evaluation_number", (1 << 20) + 1),
        ("advisories", "Any"),
        ("advisories", None),
        ("advisories", ["any", "any"]),
        ("advisories", ["intel-sa-00837"]),
        ("advisories", ["INTEL-SA-00837 "]),
        ("advisories", ["INTEL-SA-00837\n"]),
        ("advisories", ["X" * 41]),
        ("service_tds", "any"),
        ("service_tds", ["5e" * 47]),
        ("service_tds", ["5E" * 48]),
        ("xfam", "602e7"),
        ("xfam", "00000000000602E7"),
        ("xfam", "0x000000000602e7"),
        ("xfam", "+0000000000602e7"),
        ("xfam", 0x602E7),
        ("xfam", None),
        ("xfam", "0000000000000000"),
        ("xfam", "fffffffffffffffd"),
        ("registers", []),
        ("registers", ["rtmr0"]),
        ("registers", ["mrtd", "mrtd"]),
        ("registers", ["mrtd", "rtmr4"]),
        ("registers", ["mrtd", "mrconfigid"]),
        ("registers", "any"),
    ],
)
def test_another_form_is_refused(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        tdx(path, value)


def test_an_empty_list_of_advisories_accepts_none_and_is_not_any() -> None:
    assert tdx("advisories", []).advisories == frozenset()


def test_words_are_those_of_the_verifier_but_for_what_no_policy_may_accept() -> None:
    assert {each.value for each in TdxStatus} == {each.value for each in TcbStatus} - {"Revoked"}
    assert {each.name for each in TdRegister} == {each.name for each in Register} - {"MRCONFIGID"}


# SNP


def test_an_snp_rule_is_read_as_before() -> None:
    found = read_snp_rule(Fields(SNP, "policy: snp"))  # type: ignore[arg-type]
    assert found.products == {"Genoa"}
    assert found.max_vmpl == 0


@pytest.mark.parametrize("path", ["more", "min_tcb.Genoa.more"])
def test_an_snp_rule_has_no_other_part(path: str) -> None:
    with pytest.raises(MalformedError, match="unknown field"):
        read_snp_rule(Fields(changed(SNP, path, 1), "policy: snp"))  # type: ignore[arg-type]


# GPUs and switches


def test_a_count_alone_asks_for_no_more_than_baselines_do() -> None:
    assert gpu(count=1) == GpuRule(1)
    assert GpuRule(1) == GpuRule(1, 0, None, None, None, None, rim=False)
    assert gpu(count=0) == GpuRule(0)


def test_every_part_of_a_gpus_rule_is_read() -> None:
    assert gpu(**GPU) == GpuRule(
        8,
        4,
        frozenset({"GH100"}),
        frozenset({GpuMode.PPCIE}),
        frozenset({"570.1"}),
        frozenset({"96.00"}),
        rim=True,
    )


@pytest.mark.parametrize("name", [each for each in GPU if each != "count"])
def test_every_part_but_the_count_may_be_absent(name: str) -> None:
    rest = {each: value for each, value in GPU.items() if each != name}
    found, default = gpu(**rest), GpuRule(1)
    assert getattr(found, name) == getattr(default, name)


@pytest.mark.parametrize(
    "changed_to",
    [
        {"count": 65},
        {"count": None},
        {"switches": 65},
        {"switches": -1},
        {"switches": None},
        {"architectures": []},
        {"architectures": None},
        {"architectures": [""]},
        {"architectures": "any"},
        {"modes": []},
        {"modes": ["spt"]},
        {"modes": ["SPT", "SPT"]},
        {"drivers": []},
        {"drivers": [570]},
        {"drivers": [f"{n}" for n in range(65)]},
        {"vbioses": []},
        {"vbioses": {}},
        {"rim": 1},
        {"rim": None},
        {"more": 1},
    ],
)
def test_another_form_of_a_gpus_rule_is_refused(changed_to: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        gpu(**{**GPU, **changed_to})


@pytest.mark.parametrize("name", [each for each in GPU if each != "count"])
def test_a_rule_about_gpus_of_which_there_are_none(name: str) -> None:
    with pytest.raises(MalformedStatement, match="of which there are none"):
        gpu(count=0, **{name: GPU[name]})
