"""The verifiers against evidence that we did not make: `keyturn evidence conformance`."""

import itertools
import json
import random
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


def test_every_case_agrees_in_verdict_reason_and_claims(app, vectors_dir: Path) -> None:  # type: ignore[no-untyped-def]
    total = len(json.loads((vectors_dir / "manifest.json").read_bytes())["cases"])
    code, document, last = run(app, vectors_dir / "manifest.json", "--strict")
    assert [case for case in document["cases"] if not case["agrees"]] == []
    assert counts(document) == {"total": total, "agree": total, "disagree": 0, "unsupported": 0}
    assert (code, last.strip()) == (0, f"{total} of {total} agree")
    # An appraisal, also of a refusal: every check that could be made.
    devices = [case for case in document["cases"] if case["tee"].startswith("nvidia")]
    assert all(len(case["found"]["checks"]) >= 10 for case in devices)


def test_names_origins_and_order_tell_a_verifier_nothing(  # type: ignore[no-untyped-def]
    app, vectors_dir: Path, tmp_path: Path
) -> None:
    """Every file under another name, the cases in another order: all agree. Then the cases of a
    kind take one another's expectations: where these differ, the command disagrees."""
    manifest = json.loads((vectors_dir / "manifest.json").read_bytes())
    cases = [each for each in manifest["cases"] if each["tee"] != "crypto-vectors"]
    renamed = [_renamed(case, number, vectors_dir, tmp_path) for number, case in enumerate(cases)]
    random.Random(7).shuffle(renamed)
    changed = tmp_path / "manifest.json"
    changed.write_text(json.dumps({"cases": renamed}))
    code, document, _ = run(app, changed, "--strict")
    assert (code, document["disagree"]) == (0, 0)

    others = dict(zip((case["id"] for case in renamed), _exchanged(renamed), strict=True))
    differing = {
        case["id"] for case in renamed if _says(case["expected"]) != _says(others[case["id"]])
    }
    swapped = [{**case, "expected": others[case["id"]]} for case in renamed]
    changed.write_text(json.dumps({"cases": swapped}))
    code, document, _ = run(app, changed, "--strict")
    assert code == 1
    assert len(differing) > 100
    assert {case["id"] for case in document["cases"] if not case["agrees"]} >= differing


def _renamed(case: dict, number: int, source: Path, folder: Path) -> dict:  # type: ignore[type-arg]
    made = {name: value for name, value in case.items() if name not in ("origin", "description")}

    def other(path: str, place: int) -> str:
        name = f"{number}-{place}"
        (folder / name).symlink_to(source / path)
        return name

    places = itertools.count()
    made["id"] = f"case-{number}"
    made["files"] = {
        role: [other(each, next(places)) for each in path]
        if isinstance(path, list)
        else other(path, next(places))
        for role, path in case["files"].items()
    }
    if "trust_anchor_override" in case:
        made["trust_anchor_override"] = other(case["trust_anchor_override"], next(places))
    return made


def _exchanged(cases: list[dict]) -> list[dict]:  # type: ignore[type-arg]
    """Each case's expectation, moved on to the next case of its kind."""
    found = {}
    for tee in {case["tee"] for case in cases}:
        same = [case for case in cases if case["tee"] == tee]
        for case, other in zip(same, [*same[1:], same[0]], strict=True):
            found[case["id"]] = other["expected"]
    return [found[case["id"]] for case in cases]


def _says(expected: dict) -> tuple[str, str]:  # type: ignore[type-arg]
    return expected["verdict"], expected["reason"]


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


def test_the_published_table_is_what_the_command_prints(app, vectors_dir: Path) -> None:  # type: ignore[no-untyped-def]
    arguments = ["evidence", "conformance", str(vectors_dir / "manifest.json")]
    result = CliRunner().invoke(app, [*arguments, "--strict", "--markdown"])
    assert result.exit_code == 0
    published = Path(__file__).parents[2] / "docs" / "conformance.md"
    assert result.stdout in published.read_text(encoding="utf-8")
