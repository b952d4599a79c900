"""`keyturn evidence conformance`: our verifiers against a manifest of cases (DESIGN §8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from keyturn.attest.conformance import (
    Expectation,
    Finding,
    Verdict,
    compare,
)
from keyturn.attest.documents import check_document
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject, load_object
from keyturn.cli.evidence.cases import READERS
from keyturn.cli.evidence.reading import read_file
from keyturn.cli.output import errors_explained, print_json, stderr, stdout

MAX_MANIFEST = 16 << 20


@dataclass(frozen=True, slots=True)
class _Result:
    """One case: what was expected, what was found, what differs. `found` None: not supported."""

    case_id: str
    tee: str
    expected: Expectation
    found: Finding | None
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return self.found is not None and not self.differences


def conformance(
    manifest: Annotated[Path, typer.Argument(help="A manifest in the form of the vectors'.")],
    tee: Annotated[str | None, typer.Option(help="Only cases of this kind.")] = None,
    scope: Annotated[str | None, typer.Option(help="Only cases of exactly this scope.")] = None,
    strict: Annotated[bool, typer.Option(help="The reasons must agree as well.")] = False,
    as_table: Annotated[
        bool, typer.Option("--markdown", help="Print one table, as docs/conformance.md has it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Verify each case at its own time, offline, and compare with what it expects.

    Exit status 0: all agree. 1: not all (what is not supported does not agree). 2: no case.
    """
    with errors_explained(as_json=as_json):
        cases = _cases(manifest, tee, scope)
        results = [_run(manifest.parent, case, strict) for case in cases]
    agreed = sum(result.agrees for result in results)
    if as_json:
        print_json(_conformance_document(results, strict))
    elif as_table:
        stdout.print(_table(results, strict), markup=False, soft_wrap=True)
    else:
        _show_results(results)
    last = f"{agreed} of {len(results)} agree"
    (stderr if as_json or as_table else stdout).print(last)
    if not results:
        raise typer.Exit(2)
    if agreed != len(results):
        raise typer.Exit(1)


def _cases(manifest: Path, tee: str | None, scope: str | None) -> list[JsonObject]:
    document = load_object(read_file(manifest, MAX_MANIFEST), limit=MAX_MANIFEST, what="manifest")
    cases = document.get("cases")
    if not isinstance(cases, list):
        raise MalformedError("manifest has no list of cases")
    chosen = []
    for case in cases:
        if not isinstance(case, dict):
            raise MalformedError("manifest: a case is not an object")
        if tee in (None, case.get("tee")) and scope in (None, case.get("scope")):
            chosen.append(case)
    return chosen


def _run(folder: Path, case: JsonObject, strict: bool) -> _Result:
    """The id and the expectation stay here; the verifier gets the input alone."""
    fields = Fields(case, "case")
    case_id, tee = fields.text("id"), fields.text("tee")
    expected = _expectation(fields.fields("expected"))
    reader = READERS.get(tee)
    if reader is None:
        return _Result(case_id, tee, expected, None, ())
    found = reader(folder, fields, tee)
    return _Result(case_id, tee, expected, found, compare(found, expected, strict=strict))


def _expectation(fields: Fields) -> Expectation:
    verdict, reason = fields.choice("verdict", Verdict), fields.text("reason")
    claims = fields.raw("claims")
    if not isinstance(claims, dict):
        raise MalformedError("case: claims are not an object")
    return Expectation(verdict, reason, claims)


def _show_results(results: list[_Result]) -> None:
    for result in results:
        expected = f"expected {result.expected.verdict.value} ({result.expected.reason})"
        if result.found is None:
            stdout.print(f"SKIP {result.case_id}: {expected}; not supported here", markup=False)
            continue
        found = f"found {result.found.verdict.value} ({result.found.reason})"
        mark = "ok  " if result.agrees else "FAIL"
        claims = f"{len(result.expected.claims)} claims"
        stdout.print(f"{mark} {result.case_id}: {expected}, {found}, {claims}", markup=False)
        for difference in result.differences:
            stdout.print(f"       {difference}", markup=False)
        if result.differences and result.found.detail:
            stdout.print(f"       {result.found.detail}", markup=False)
    skipped = sum(result.found is None for result in results)
    if skipped:
        stdout.print(f"{skipped} skipped: no verifier for them here, so they do not agree")


def _table(results: list[_Result], strict: bool) -> str:
    """By kind: how many cases there are, how many of them must be refused, and how many agree."""
    lines = [
        "| kind | cases | to accept | to refuse | claims compared | agree |",
        "|---|---|---|---|---|---|",
    ]
    for tee in sorted({result.tee for result in results}):
        same = [result for result in results if result.tee == tee]
        accept = sum(result.expected.verdict is Verdict.ACCEPT for result in same)
        claims = sum(len(result.expected.claims) for result in same)
        agreed = sum(result.agrees for result in same)
        row = (tee, len(same), accept, len(same) - accept, claims, agreed)
        lines.append("| " + " | ".join(map(str, row)) + " |")
    counted = "verdicts, reasons and claims" if strict else "verdicts and claims"
    return "\n".join([*lines, "", f"Compared: {counted}."])


def _conformance_document(results: list[_Result], strict: bool) -> Mapping[str, object]:
    return {
        "strict": strict,
        "agree": sum(result.agrees for result in results),
        "disagree": sum(bool(result.differences) for result in results),
        "unsupported": sum(result.found is None for result in results),
        "total": len(results),
        "cases": [
            {
                "id": result.case_id,
                "tee": result.tee,
                "agrees": result.agrees,
                "supported": result.found is not None,
                "expected": {
                    "verdict": result.expected.verdict.value,
                    "reason": result.expected.reason,
                    "claims": len(result.expected.claims),
                },
                "found": None
                if result.found is None
                else {
                    "verdict": result.found.verdict.value,
                    "reason": result.found.reason,
                    "detail": result.found.detail,
                    "checks": [check_document(check) for check in result.found.checks],
                },
                "differences": list(result.differences),
            }
            for result in results
        ],
    }
