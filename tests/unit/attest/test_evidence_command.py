"""`keyturn evidence verify`: files sorted by content, checks shown, exit status."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from keyturn.attest.errors import MalformedEvidence
from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.cli.evidence import register
from keyturn.cli.evidence.sorting import sort_files
from keyturn_sim import SimNode, SimVendors
from keyturn_sim.tdx import SimIntel, SimTd

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
    assert "is no report, certificate, CRL or collateral" in result.stderr
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


@pytest.fixture
def td(intel: SimIntel, tmp_path: Path) -> list[Path]:
    """A quote and its collateral, for `run`."""
    now = datetime(2026, 11, 23, 8, tzinfo=UTC)
    (tmp_path / "quote.bin").write_bytes(intel.certify().quote(SimTd(), ASKED))
    (tmp_path / "collateral.json").write_bytes(dump(intel.collateral(now)))
    return [tmp_path / "quote.bin", tmp_path / "collateral.json"]


def test_a_tdx_quote_is_accepted_and_marked_simulated(td, intel: SimIntel) -> None:  # type: ignore[no-untyped-def]
    believed = ["--simulated-intel-root", intel.root_spki]
    result = run(*td, *AT, *believed, "--report-data", ASKED.hex(), "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["accepted"]) == (0, True)
    (found,) = document["evidence"]
    assert (found["tee"], found["simulated"], found["freshness_checked"]) == ("tdx", True, True)
    assert found["claims"]["tcb_status"] == "UpToDate"
    result = run(*reversed(td), *AT, *believed)
    assert "tdx (SIMULATED): accepted; its freshness was not asked for" in result.stdout


def test_a_refused_tdx_quote_shows_every_check(td, intel: SimIntel) -> None:  # type: ignore[no-untyped-def]
    result = run(*td, *AT, "--json")
    (found,) = json.loads(result.stdout)["evidence"]
    assert (result.exit_code, found["reason"]) == (1, "untrusted-root")
    outcomes = {check["name"]: check["outcome"] for check in found["checks"]}
    assert (outcomes["quote"], outcomes["root"]) == ("met", "not-met")
    assert outcomes["quote-signature"] == "not-measured"
    assert found["claims"]["mr_td"] == "42" * 48
    stale = run(*td, "--time", "2027-11-23T08:00:00Z", "--simulated-intel-root", intel.root_spki)
    assert stale.exit_code == 1
    assert "REFUSED, collateral-expired" in stale.stdout
    assert "quote-signature" in stale.stdout


def test_a_debug_td_fails_unless_allowed(td, intel: SimIntel) -> None:  # type: ignore[no-untyped-def]
    debug = intel.certify().quote(SimTd(td_attributes=b"\1" + bytes(7)), ASKED)
    td[0].write_bytes(debug)
    believed = [*AT, "--simulated-intel-root", intel.root_spki]
    assert run(*td, *believed).exit_code == 1
    assert run(*td, *believed, "--allow-debug").exit_code == 0


def test_a_recorded_azure_td_is_bound_by_its_runtime_data(vectors_dir, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = vectors_dir / "tdx"
    collateral = folder / "collateral" / "00806f05-2025-06.json"
    azure = folder / "v4-azure-vtpm"
    at = ["--time", "2025-06-25T00:00:00Z", "--json"]
    assert run(azure / "quote.bin", azure / "hcl-report.bin", collateral, *at).exit_code == 0
    other = folder / "v4-gcp-cos113" / "quote.bin"
    result = run(other, azure / "hcl-report.bin", collateral, *at)
    (found,) = json.loads(result.stdout)["evidence"]
    assert (result.exit_code, found["reason"]) == (1, "report-data-mismatch")


def test_a_quote_needs_its_collateral(td, vectors_dir) -> None:  # type: ignore[no-untyped-def]
    quote, collateral = td
    azure = (vectors_dir / "tdx" / "v4-azure-vtpm" / "hcl-report.bin").read_bytes()
    for files in (
        {"quote": quote.read_bytes()},
        {"collateral": collateral.read_bytes()},
        {"a": quote.read_bytes(), "b": quote.read_bytes(), "c": collateral.read_bytes()},
        {"hcl": azure},
    ):
        with pytest.raises(MalformedEvidence):
            sort_files(files)
