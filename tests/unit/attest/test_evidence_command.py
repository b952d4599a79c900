"""`keyturn evidence verify`: files sorted by content, checks shown, exit status."""

import json
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from keyturn.attest.errors import MalformedEvidence
from keyturn.base.encoding import b64
from keyturn.cli.evidence import register
from keyturn.cli.evidence.sorting import sort_files
from keyturn_sim import SimNode, SimVendors

AT = ["--time", "2026-11-23T08:00:00Z"]
ASKED, NONCE = b"\x07" * 64, b"\x01" * 32


@pytest.fixture
def bundle(node: SimNode, tmp_path: Path) -> Path:
    snp = {"report": b64(node.snp_report(ASKED))}
    snp |= {name: b64(der) for name, der in node.collateral().items()}
    gpu = {"report": b64(node.gpu_report(0, NONCE)), "chain": [b64(c) for c in node.gpus[0].chain]}
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps({"snp": snp, "gpus": [gpu]}))
    return path


def run(*arguments: str | Path):  # type: ignore[no-untyped-def]
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["evidence", "verify", *map(str, arguments)])


def believing(vendors: SimVendors) -> list[str]:
    roots = vendors.roots
    return [
        "--simulated-amd-root",
        roots["amd-sev"],
        "--simulated-nvidia-root",
        roots["nvidia-device"],
    ]


def test_a_bundle_is_accepted_and_marked_simulated(bundle: Path, vendors: SimVendors) -> None:
    expected = ["--report-data", ASKED.hex(), "--nonce", NONCE.hex()]
    result = run(bundle, *AT, *believing(vendors), *expected, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["accepted"]) == (0, True)
    assert [each["tee"] for each in document["evidence"]] == ["snp", "nvidia-gpu"]
    assert all(e["simulated"] and e["freshness_checked"] for e in document["evidence"])


def test_simulated_evidence_is_refused_unless_its_root_is_named(bundle: Path) -> None:
    result = run(bundle, *AT, "--json")
    assert result.exit_code == 1
    reasons = [each["reason"] for each in json.loads(result.stdout)["evidence"]]
    assert reasons == ["untrusted-root", "chain-invalid"]


def test_people_are_told_that_freshness_was_not_asked(bundle: Path, vendors: SimVendors) -> None:
    result = run(bundle, *AT, *believing(vendors))
    assert result.exit_code == 0
    assert "snp (SIMULATED): accepted; its freshness was not asked for" in result.stdout


def test_a_debug_guest_fails_unless_allowed(node: SimNode, vendors, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "report.bin").write_bytes(node.with_debug().snp_report(ASKED))
    names = []
    for name, der in node.collateral().items():
        (tmp_path / name).write_bytes(der)
        names.append(tmp_path / name)
    files = [tmp_path / "report.bin", *names, *AT, *believing(vendors)]
    assert run(*files).exit_code == 1
    assert run(*files, "--allow-debug").exit_code == 0


def test_wrong_files_are_explained(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    result = run(tmp_path / "x")
    assert result.exit_code == 1
    assert "is no report, certificate or CRL" in result.stderr
    assert run(tmp_path / "missing").exit_code == 1


def test_recorded_azure_evidence_is_bound_to_its_runtime_data(vectors_dir: Path) -> None:
    folder = vectors_dir / "snp"
    files = [folder / "genoa-azure-hcl/hcl-report.bin", folder / "genoa-azure-hcl/vcek.der"]
    files += [folder / "roots/genoa-ask.pem", folder / "roots/genoa-ark.pem"]
    result = run(*files, "--time", "2025-06-01T00:00:00Z", "--json")
    document = json.loads(result.stdout)
    (found,) = document["evidence"]
    assert (result.exit_code, found["simulated"]) == (0, False)
    # The paravisor owns report data: being bound to the runtime data is no freshness.
    assert found["freshness_checked"] is False
    refused = run(*files, "--time", "2025-06-01T00:00:00Z", "--report-data", ASKED.hex())
    assert refused.exit_code == 1
    assert "belongs to the paravisor" in refused.stderr


def test_files_are_sorted_whatever_their_order(node: SimNode, vendors: SimVendors) -> None:
    files = {
        "a": vendors.ark.public_bytes(Encoding.PEM),
        "b": node.snp_report(ASKED),
        "c": node.vek,
        "d": vendors.intermediate_der,
    }
    for order in (list(files), list(files)[::-1]):
        (found,) = sort_files({name: files[name] for name in order}).snp
        assert (found.vek, found.intermediate, found.root) == (
            node.vek,
            vendors.intermediate_der,
            vendors.root_der,
        )


def test_what_is_missing_is_named(node: SimNode, vendors: SimVendors) -> None:
    report, gpu = node.snp_report(ASKED), node.gpu_report(0, NONCE)
    for files, message in (
        ({"r": report, "v": node.vek, "i": vendors.intermediate_der}, "one ARK certificate"),
        ({"r": report, "a": vendors.root_der, "i": vendors.intermediate_der}, "one VEK"),
        ({"g": gpu}, "needs its chain"),
        ({"v": node.vek}, "no report among the files"),
        ({"b": b"{}"}, "holds no report"),
    ):
        with pytest.raises(MalformedEvidence, match=message):
            sort_files(files)
