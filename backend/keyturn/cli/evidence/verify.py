"""`keyturn evidence verify`: every check of some evidence, found and expected."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, TrustAnchors, Vendor
from keyturn.attest.checks import Check, Outcome
from keyturn.attest.documents import check_document, snp_document
from keyturn.attest.errors import REFUSALS
from keyturn.attest.snp import SnpCollateral, verify_snp
from keyturn.attest.snp_appraisal import SnpRule, appraise_snp
from keyturn.attest.tdx import examine_tdx
from keyturn.attest.tdx_appraisal import TdxRule, appraise_tdx
from keyturn.attest.tdx_collateral import TcbStatus
from keyturn.attest.tdx_document import reading_document, tdx_document
from keyturn.attest.tdx_quote import TdAttribute
from keyturn.base.encoding import unhex
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import JsonObject
from keyturn.base.times import format_time, parse_time
from keyturn.cli.evidence.devices import judge_devices
from keyturn.cli.evidence.judgement import Judgement
from keyturn.cli.evidence.reading import read_file
from keyturn.cli.evidence.sorting import EvidenceFiles, SnpFile, sort_files
from keyturn.cli.output import errors_explained, print_json, shown, stdout
from keyturn.rim.conformance import MachineRule

_MARKS = {Outcome.MET: "met", Outcome.NOT_MET: "NOT MET", Outcome.NOT_MEASURED: "not measured"}
_BRIEF = 40


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(help="Reports, certificates, CRLs, RIMs or a JSON evidence bundle."),
    ],
    at: Annotated[
        str | None, typer.Option("--time", help="Verify as of this time (RFC 3339, UTC).")
    ] = None,
    report_data: Annotated[
        str | None, typer.Option(help="Expected report data of the CPU, 64 bytes in hex.")
    ] = None,
    nonce: Annotated[
        str | None, typer.Option(help="Expected nonce of every GPU and switch, 32 bytes in hex.")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=0, help="Judge all devices as one machine with so many GPUs.")
    ] = None,
    switches: Annotated[int | None, typer.Option(min=0, help="And with so many switches.")] = None,
    simulated_amd_root: Annotated[
        list[str] | None, typer.Option(help="Also trust this SIMULATED root (SPKI SHA-256).")
    ] = None,
    simulated_nvidia_root: Annotated[
        list[str] | None, typer.Option(help="Also trust this SIMULATED root (SPKI SHA-256).")
    ] = None,
    simulated_intel_root: Annotated[
        list[str] | None, typer.Option(help="Also trust this SIMULATED root (SPKI SHA-256).")
    ] = None,
    allow_debug: Annotated[bool, typer.Option(help="Accept guests that may be debugged.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Verify reports with their certificates and show every check, found and expected."""
    with errors_explained(as_json=as_json):
        now = parse_time(at, what="--time") if at else datetime.now(UTC).replace(microsecond=0)
        anchors = _anchors(
            {
                Vendor.AMD_SEV: simulated_amd_root or (),
                Vendor.NVIDIA_DEVICE: simulated_nvidia_root or (),
                Vendor.NVIDIA_RIM: simulated_nvidia_root or (),
                Vendor.INTEL_SGX: simulated_intel_root or (),
            }
        )
        sorted_files = sort_files({str(path): read_file(path) for path in files})
        judgements = [
            *_judge_snp(sorted_files, anchors, now, _hex(report_data, 64), _rule(allow_debug)),
            *_judge_tdx(sorted_files, anchors, now, _hex(report_data, 64), _tdx_rule(allow_debug)),
            *judge_devices(sorted_files, anchors, now, _hex(nonce, 32), _machine(gpus, switches)),
        ]
    if as_json:
        print_json(_verify_document(judgements, now))
    else:
        for judgement in judgements:
            _show(judgement)
    if not all(judgement.accepted for judgement in judgements):
        raise typer.Exit(1)


def _judge_snp(
    files: EvidenceFiles,
    anchors: TrustAnchors,
    now: datetime,
    report_data: bytes | None,
    rule: SnpRule,
) -> list[Judgement]:
    return [_judge_one_snp(each, anchors, now, report_data, rule) for each in files.snp]


def _judge_one_snp(
    file: SnpFile,
    anchors: TrustAnchors,
    now: datetime,
    report_data: bytes | None,
    rule: SnpRule,
) -> Judgement:
    expected = _expected(file.bound_report_data, report_data)
    try:
        verified = verify_snp(
            file.report,
            SnpCollateral(file.vek, file.intermediate, file.root, file.crls),
            anchors=anchors,
            now=now,
            expected_report_data=expected,
        )
    except REFUSALS as refusal:
        return Judgement("snp", refusal.reason.value, str(refusal), False, (), {})
    checks = verified.checks + appraise_snp(verified.claims, rule)
    claims = verified.claims
    document = snp_document(claims)
    asked = report_data is not None
    return Judgement("snp", None, "", claims.simulated, checks, document, asked)


def _expected(bound: bytes | None, asked: bytes | None) -> bytes | None:
    """What report data must be: the caller's, or what Azure's runtime data demands."""
    if bound is not None and asked is not None:
        raise MalformedError(
            "an HCL report's data belongs to the paravisor",
            hint="Freshness comes from the vTPM's quote; leave --report-data out.",
        )
    return asked if bound is None else bound


def _judge_tdx(
    files: EvidenceFiles,
    anchors: TrustAnchors,
    now: datetime,
    report_data: bytes | None,
    rule: TdxRule,
) -> list[Judgement]:
    """A refusal has every check that could be made, and the claims as far as they were read."""
    judgements = []
    for file in files.tdx:
        found = examine_tdx(
            file.quote,
            file.collateral,
            anchors=anchors,
            now=now,
            expected_report_data=_expected(file.bound_report_data, report_data),
        )
        claims, refusal = found.claims, found.refusal
        if claims is None or refusal is not None:
            reason = refusal.reason.value if refusal else "malformed"
            document = reading_document(found.reading)
            judged = Judgement("tdx", reason, str(refusal), False, found.checks, document)
        else:
            checks = found.checks + appraise_tdx(claims, rule)
            document, asked = tdx_document(claims), report_data is not None
            judged = Judgement("tdx", None, "", claims.simulated, checks, document, asked)
        judgements.append(judged)
    return judgements


def _verify_document(judgements: list[Judgement], now: datetime) -> JsonObject:
    return {
        "verified_at": format_time(now),
        "accepted": all(judgement.accepted for judgement in judgements),
        "evidence": [
            {
                "tee": judgement.tee,
                "accepted": judgement.accepted,
                "reason": judgement.refusal,
                "message": judgement.message,
                "simulated": judgement.simulated,
                "freshness_checked": judgement.fresh,
                "checks": [check_document(check) for check in judgement.checks],
                "claims": judgement.claims,
            }
            for judgement in judgements
        ],
    }


def _show(judgement: Judgement) -> None:
    mark = " (SIMULATED)" if judgement.simulated else ""
    if judgement.refusal is not None:
        stdout.print(f"{judgement.tee}: REFUSED, {judgement.refusal}", style="bold red")
        stdout.print(f"  {judgement.message}", markup=False)
        if judgement.checks:
            stdout.print(_table(judgement.checks), soft_wrap=False)
        return
    verdict = "accepted" if judgement.accepted else "NOT ACCEPTED"
    if judgement.accepted and not judgement.fresh:
        verdict += "; its freshness was not asked for"
    style = "bold green" if judgement.accepted else "bold red"
    stdout.print(f"{judgement.tee}{mark}: {verdict}", style=style)
    stdout.print(_table(judgement.checks), soft_wrap=False)


def _table(checks: tuple[Check, ...]) -> Table:
    table = Table("check", "outcome", "found", "expected", "source")
    for check in checks:
        style = "red" if check.failed else "yellow" if check.outcome is not Outcome.MET else ""
        cells = (check.name, _MARKS[check.outcome], *_texts(check), check.source)
        table.add_row(*(Text(shown(cell), overflow="fold") for cell in cells), style=style)
    return table


def _texts(check: Check) -> tuple[str, str]:
    """Found and expected: in full where they differ, else cut to what a table can hold."""
    if check.failed:
        return check.found, check.expected
    found, expected = (
        text if len(text) <= _BRIEF else f"{text[:24]}…{text[-8:]}"
        for text in (check.found, check.expected)
    )
    return found, "the same" if check.found == check.expected else expected


def _anchors(simulated: Mapping[Vendor, Sequence[str]]) -> TrustAnchors:
    roots = {vendor: [_spki(text) for text in texts] for vendor, texts in simulated.items()}
    return HARDWARE_ANCHORS.with_simulated(roots, source="command line (SIMULATED)")


def _spki(text: str) -> SpkiDigest:
    return SpkiDigest(unhex(text, what="simulated root", size=32).hex())


def _rule(allow_debug: bool) -> SnpRule:
    return SnpRule(
        allow_debug=allow_debug,
        allow_migration_agent=False,
        allow_smt=True,
        max_vmpl=None,
        floors=None,
        require_alias_check=False,
        source="command line",
    )


def _tdx_rule(allow_debug: bool) -> TdxRule:
    """Lax, for looking: any TCB that is not revoked, any attribute that is not debug's."""
    return TdxRule(
        allow_debug=allow_debug,
        allow_migratable=False,
        allow_service_td=False,
        service_tds=frozenset(),
        require_sept_ve_disable=False,
        forbidden_attributes=TdAttribute(0),
        allowed_xfam=None,
        allowed_tcb_status=frozenset(TcbStatus) - {TcbStatus.REVOKED},
        accepted_advisories=None,
        min_evaluation_number=None,
        allow_dynamic_platform=True,
        allow_cached_keys=True,
        allow_smt=True,
        source="command line",
    )


def _machine(gpus: int | None, switches: int | None) -> MachineRule | None:
    if gpus is None and switches is None:
        return None
    return MachineRule(gpus or 0, switches or 0)


def _hex(text: str | None, size: int) -> bytes | None:
    return None if text is None else unhex(text, what="expected value", size=size)
