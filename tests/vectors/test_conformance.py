"""The verifiers against evidence that we did not make: `keyturn evidence conformance`."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from keyturn.cli.evidence import register


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


def run(app: typer.Typer, manifest: Path, *options: str) -> tuple[int, dict, str]:  # type: ignore[type-arg]
    arguments = ["evidence", "conformance", str(manifest), "--json", *options]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, json.loads(result.stdout), result.stderr


def counts(document: dict) -> dict[str, int]:  # type: ignore[type-arg]
    names = ("total", "agree", "disagree", "unsupported")
    return {name: document[name] for name in names}


def test_every_snp_case_agrees_in_verdict_reason_and_claims(app, vectors_dir: Path) -> None:  # type: ignore[no-untyped-def]
    code, document, last = run(app, vectors_dir / "manifest.json", "--tee", "snp", "--strict")
    assert [case for case in document["cases"] if not case["agrees"]] == []
    assert counts(document) == {"total": 66, "agree": 66, "disagree": 0, "unsupported": 0}
    assert (code, last.strip()) == (0, "66 of 66 agree")


@pytest.mark.parametrize(
    ("tee", "cases"), [("nvidia-gpu", 36), ("nvidia-switch", 16), ("nvidia-ppcie", 6)]
)
def test_every_nvidia_case_agrees_in_verdict_reason_and_claims(  # type: ignore[no-untyped-def]
    app, vectors_dir: Path, tee: str, cases: int
) -> None:
    code, document, last = run(app, vectors_dir / "manifest.json", "--tee", tee, "--strict")
    assert [case for case in document["cases"] if not case["agrees"]] == []
    assert counts(document) == {"total": cases, "agree": cases, "disagree": 0, "unsupported": 0}
    assert (code, last.strip()) == (0, f"{cases} of {cases} agree")
    # An appraisal, also of a refusal: every check that could be made.
    assert all(len(case["found"]["checks"]) >= 10 for case in document["cases"])


def test_every_tdx_case_agrees_in_verdict_reason_and_claims(app, vectors_dir: Path) -> None:  # type: ignore[no-untyped-def]
    code, document, last = run(app, vectors_dir / "manifest.json", "--tee", "tdx", "--strict")
    assert [case for case in document["cases"] if not case["agrees"]] == []
    assert counts(document) == {"total": 53, "agree": 53, "disagree": 0, "unsupported": 0}
    assert (code, last.strip()) == (0, "53 of 53 agree")


def test_what_is_not_supported_does_not_agree(  # type: ignore[no-untyped-def]
    app, vectors_dir: Path, tmp_path: Path
) -> None:
    manifest = json.loads((vectors_dir / "manifest.json").read_bytes())
    case = {**manifest["cases"][0], "tee": "no-such-tee"}
    changed = tmp_path / "manifest.json"
    changed.write_text(json.dumps({"cases": [case]}))
    code, document, _ = run(app, changed)
    assert counts(document) == {"total": 1, "agree": 0, "disagree": 0, "unsupported": 1}
    assert code == 1


def test_no_case_is_no_agreement(app, vectors_dir: Path) -> None:  # type: ignore[no-untyped-def]
    code, document, last = run(app, vectors_dir / "manifest.json", "--tee", "no-such-tee")
    assert (code, document["total"], last.strip()) == (2, 0, "0 of 0 agree")


def test_a_wrong_expectation_is_found_out(app, vectors_dir: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The control: were the verifier told what to say, this would agree."""
    manifest = json.loads((vectors_dir / "manifest.json").read_bytes())
    (case,) = (c for c in manifest["cases"] if c["id"] == "snp-genoa-v5-routex")
    case["expected"]["claims"]["vmpl"] = 1
    (tmp_path / "snp").symlink_to(vectors_dir / "snp")
    changed = tmp_path / "manifest.json"
    changed.write_text(json.dumps({**manifest, "cases": [case]}))
    code, document, _ = run(app, changed)
    assert code == 1
    assert document["cases"][0]["differences"] == ["claim vmpl 0, expected 1"]
    case["expected"]["claims"]["vmpl"] = 0
    changed.write_text(json.dumps({**manifest, "cases": [case]}))
    assert run(app, changed)[0] == 0


def test_a_file_outside_the_manifests_folder_is_not_read(
    app, vectors_dir: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    manifest = json.loads((vectors_dir / "manifest.json").read_bytes())
    (case,) = (c for c in manifest["cases"] if c["id"] == "snp-genoa-v5-routex")
    for path in ("../report.bin", "/etc/hostname"):
        case["files"]["evidence"] = path
        changed = tmp_path / "manifest.json"
        changed.write_text(json.dumps({"cases": [case]}))
        code, document, _ = run(app, changed)
        assert code == 1
        assert "outside" in document["error"]["message"]
