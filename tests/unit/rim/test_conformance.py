"""NVIDIA's cases: the verifier is told bytes, time and policy, and finds the rest."""

from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.attest.conformance import Finding, Verdict
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.rim.conformance import (
    MachineRule,
    NvidiaCase,
    evaluate_nvidia,
    read_machine_rule,
)
from support.nvdevices import Vendor as Maker

AT = datetime(2026, 3, 1, tzinfo=UTC)
RULE = MachineRule(8, 4)


def files(folder: Path, *names: str) -> dict[str, tuple[bytes, ...]]:
    return {
        "evidence": tuple((folder / name / "report.bin").read_bytes() for name in names),
        "chain": tuple((folder / name / "chain.pem").read_bytes() for name in names),
        "root": ((folder / "roots/nvidia-device-identity-ca.pem").read_bytes(),),
    }


def run(folder: Path, tee: str, *names: str, now: datetime = AT, **more: object) -> Finding:
    rule, nonce = more.pop("rule", None), more.pop("nonce", None)
    found = {**files(folder, *names), **more}
    return evaluate_nvidia(NvidiaCase(tee, found, now, rule, nonce))  # type: ignore[arg-type]


@pytest.fixture
def folder(vectors_dir: Path) -> Path:
    return vectors_dir / "nvidia"


def test_a_verifier_is_not_told_what_is_expected() -> None:
    told = {field.name for field in fields(NvidiaCase)}
    assert told == {"tee", "files", "now", "rule", "expected_nonce"}


def test_a_gpu_with_both_manifests(folder: Path) -> None:
    manifests = {
        "rim_root": ((folder / "roots/nvidia-rim-root-ca.pem").read_bytes(),),
        "driver_rim": ((folder / "rims/driver-gh100-545.00.swidtag").read_bytes(),),
        "vbios_rim": ((folder / "rims/vbios-96005E0001-test.swidtag").read_bytes(),),
    }
    at = datetime(2024, 6, 1, tzinfo=UTC)
    found = run(folder, "nvidia-gpu", "hopper-545-full", now=at, **manifests)
    assert (found.verdict, found.claims["compared"]) == (Verdict.ACCEPT, 33)
    names = {check.name for check in found.checks}
    assert names >= {"signature", "driver RIM signature", "VBIOS RIM dates", "measurement-35"}
    swapped = {**manifests, "driver_rim": manifests["vbios_rim"]}
    found = run(folder, "nvidia-gpu", "hopper-545-full", now=at, **swapped)
    assert (found.verdict, found.reason) == (Verdict.REJECT, "rim-index-conflict")
    unpinned = {**manifests, "rim_root": files(folder)["root"]}
    found = run(folder, "nvidia-gpu", "hopper-545-full", now=at, **unpinned)
    assert (found.verdict, found.reason) == (Verdict.REJECT, "rim-chain-invalid")
    assert found.claims["driver_version"] == "545.00"


def test_a_refusal_has_every_check_and_what_was_read(folder: Path) -> None:
    found = run(folder, "nvidia-gpu", "ppcie-8gpu/gpu0", nonce=bytes(32))
    assert (found.verdict, found.reason) == (Verdict.REJECT, "nonce-mismatch")
    assert found.claims["driver_version"] == "590.12"
    assert len(found.checks) == 10


MACHINE = [*(f"ppcie-8gpu/gpu{n}" for n in range(8)), *(f"ppcie-8gpu/switch{n}" for n in range(4))]


def test_a_machine_in_whatever_order(folder: Path) -> None:
    found = run(folder, "nvidia-ppcie", *reversed(MACHINE), rule=RULE)
    assert (found.verdict, found.reason) == (Verdict.ACCEPT, "ok")
    assert len(found.claims["gpus"]) == 8  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "rule", "reason"),
    [
        (MACHINE[1:], RULE, "topology-incomplete"),
        ([*MACHINE, MACHINE[0]], RULE, "duplicate-device"),
        ([*MACHINE[:-1], "switch-ls10-96105500"], RULE, "nonce-not-shared"),
        (MACHINE, MachineRule(8, 3), "topology-incomplete"),
        (MACHINE[8:], MachineRule(0, 4), "mixed-modes"),
        ([], RULE, "nonce-not-shared"),
        (MACHINE, None, "malformed"),
    ],
)
def test_a_machine_that_is_not_whole(folder, names, rule, reason) -> None:  # type: ignore[no-untyped-def]
    found = run(folder, "nvidia-ppcie", *names, rule=rule)
    assert (found.verdict, found.reason) == (Verdict.REJECT, reason)


def test_every_report_has_its_chain(folder: Path) -> None:
    given = files(folder, *MACHINE)
    for name in ("evidence", "chain"):
        case = NvidiaCase("nvidia-ppcie", {**given, name: given[name][1:]}, AT, RULE, None)
        found = evaluate_nvidia(case)
        assert (found.verdict, found.reason) == (Verdict.REJECT, "malformed")


def test_one_bad_device_refuses_the_machine(folder: Path) -> None:
    given = files(folder, *MACHINE)
    for place in (0, 11):
        reports = list(given["evidence"])
        reports[place] = reports[place][:-1] + bytes([reports[place][-1] ^ 1])
        case = NvidiaCase("nvidia-ppcie", {**given, "evidence": tuple(reports)}, AT, RULE, None)
        found = evaluate_nvidia(case)
        assert (found.verdict, found.reason) == (Verdict.REJECT, "signature-invalid")


def test_a_case_trusts_only_a_pinned_root() -> None:
    maker = Maker.create()
    gpu = maker.gpu()
    chain = b"".join(
        x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in gpu.chain
    )
    root = maker.root.certificate.public_bytes(Encoding.PEM)
    case = {"evidence": (gpu.report(bytes(32)),), "chain": (chain,), "root": (root,)}
    found = evaluate_nvidia(NvidiaCase("nvidia-gpu", case, AT, None, None))
    assert (found.verdict, found.reason) == (Verdict.REJECT, "chain-invalid")
    for wrong in ({"root": (chain,)}, {"root": ()}, {"root": (root, root)}, {"chain": (b"x",)}):
        found = evaluate_nvidia(NvidiaCase("nvidia-gpu", {**case, **wrong}, AT, None, None))  # type: ignore[dict-item]
        assert (found.verdict, found.reason) == (Verdict.REJECT, "malformed")


def test_a_machines_policy_is_read_whole() -> None:
    rule = read_machine_rule(Fields({"expected_gpus": 8, "expected_switches": 4}, "policy"))
    assert rule == RULE
    for policy in ({"expected_gpus": 8}, {"expected_gpus": 8, "expected_switches": 4, "more": 1}):
        with pytest.raises(MalformedError):
            read_machine_rule(Fields(policy, "policy"))  # type: ignore[arg-type]
