"""The cases of an attestation manifest: files and values of each kind, for its verifier alone."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from keyturn.attest.conformance import CaseInput, Finding, Verdict, evaluate, read_rule
from keyturn.attest.errors import REFUSALS
from keyturn.attest.jws import verify_jws
from keyturn.attest.snp_appraisal import SnpRule
from keyturn.attest.tdx_appraisal import TdxRule
from keyturn.attest.tpm_conformance import TPM_TEES, TpmCase, evaluate_tpm
from keyturn.base.encoding import unhex
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, Json
from keyturn.base.times import parse_time
from keyturn.cli.evidence.reading import read_file
from keyturn.cli.evidence.wycheproof import evaluate_vectors
from keyturn.rim.conformance import (
    NVIDIA_TEES,
    MachineRule,
    NvidiaCase,
    evaluate_nvidia,
    read_machine_rule,
)
from keyturn.rim.corim_conformance import evaluate_corim

Reader = Callable[[Path, Fields, str], Finding]
"""Reads one case of a kind beside the manifest's folder, and has it verified."""


def _cpu(folder: Path, fields: Fields, tee: str) -> Finding:
    case = CaseInput(
        tee=tee,
        files=_files(folder, fields),
        anchor_override=_optional_file(folder, fields, "trust_anchor_override"),
        now=parse_time(fields.text("verify_time"), what="verify_time"),
        policy=_policy(fields, tee),
        expected_report_data=_optional_hex(fields, "expected_report_data", 64),
        expected_nonce=_optional_hex(fields, "expected_nonce", 32),
    )
    return evaluate(case)


def _crypto(folder: Path, fields: Fields, _: str) -> Finding:
    return evaluate_vectors(_case_file(folder, fields.fields("files").raw("evidence")))


def _corim(folder: Path, fields: Fields, _: str) -> Finding:
    return evaluate_corim(_files(folder, fields), _time(fields))


def _ear(folder: Path, fields: Fields, _: str) -> Finding:
    files, allowed = fields.fields("files"), fields.fields("policy").texts("allowed_algorithms")
    token, key = (_case_file(folder, files.raw(each)) for each in ("evidence", "key"))
    try:
        return Finding(Verdict.ACCEPT, "ok", verify_jws(token, key, frozenset(allowed)))
    except REFUSALS as refusal:
        return Finding(Verdict.REJECT, refusal.reason.value, {}, str(refusal))


def _files(folder: Path, fields: Fields) -> dict[str, bytes]:
    """Every file of a case by its role."""
    paths = fields.raw("files")
    if not isinstance(paths, dict):
        raise MalformedError("case: files are not an object")
    return {role: _case_file(folder, path) for role, path in paths.items()}


def _time(fields: Fields) -> datetime | None:
    return fields.nullable("verify_time", fields.time)


def _tpm(folder: Path, fields: Fields, tee: str) -> Finding:
    nonce = fields.text("expected_nonce", empty=True) if fields.has("expected_nonce") else None
    case = TpmCase(
        tee=tee,
        files=_files(folder, fields),
        now=_time(fields),
        expected_nonce=None if nonce is None else unhex(nonce, what="expected_nonce"),
    )
    return evaluate_tpm(case)


def _nvidia(folder: Path, fields: Fields, tee: str) -> Finding:
    paths = fields.raw("files")
    if not isinstance(paths, dict):
        raise MalformedError("case: files are not an object")
    listed = {role: path if isinstance(path, list) else [path] for role, path in paths.items()}
    case = NvidiaCase(
        tee=tee,
        files={
            role: tuple(_case_file(folder, path) for path in each) for role, each in listed.items()
        },
        now=parse_time(fields.text("verify_time"), what="verify_time"),
        rule=_machine_rule(fields),
        expected_nonce=_optional_hex(fields, "expected_nonce", 32),
    )
    return evaluate_nvidia(case)


def _machine_rule(fields: Fields) -> MachineRule | None:
    if not fields.has("policy") or fields.raw("policy") is None:
        return None
    return read_machine_rule(fields.fields("policy"))


def _policy(fields: Fields, tee: str) -> SnpRule | TdxRule | None:
    if not fields.has("policy") or fields.raw("policy") is None:
        return None
    return read_rule(fields.fields("policy"), tee)


def _optional_hex(fields: Fields, name: str, size: int) -> bytes | None:
    return fields.hex(name, size=size) if fields.has(name) else None


def _optional_file(folder: Path, fields: Fields, name: str) -> bytes | None:
    return _case_file(folder, fields.raw(name)) if fields.has(name) else None


def _case_file(folder: Path, path: Json) -> bytes:
    """A file beside the manifest; a path that leads out of its folder is refused."""
    if not isinstance(path, str) or Path(path).is_absolute() or ".." in Path(path).parts:
        raise MalformedError("case: a file lies outside the manifest's folder", found=repr(path))
    return read_file(folder / path)


READERS: dict[str, Reader] = {
    "snp": _cpu,
    "tdx": _cpu,
    "corim": _corim,
    "ear": _ear,
    "crypto-vectors": _crypto,
    **dict.fromkeys(TPM_TEES, _tpm),
    **dict.fromkeys(NVIDIA_TEES, _nvidia),
}
