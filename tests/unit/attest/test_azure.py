"""Azure's HCL report on recorded evidence, and with its parts changed."""

import json

import pytest

from keyturn.attest.azure import (
    HclTee,
    check_runtime_data,
    hcl_tee,
    runtime_key,
    runtime_report_data,
    unwrap_hcl,
)
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.snp_report import parse_snp_report
from keyturn.attest.tdx_quote import parse_tdx_quote

NAMES = ("milan-v2-azure-hcl", "genoa-azure-hcl")


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_report_is_split_and_bound(vectors_dir, name) -> None:  # type: ignore[no-untyped-def]
    folder = vectors_dir / "snp" / name
    hcl = unwrap_hcl((folder / "hcl-report.bin").read_bytes())
    assert hcl.report == (folder / "report.bin").read_bytes()
    assert hcl.runtime_data == (folder / "runtime-data.json").read_bytes()
    check_runtime_data(parse_snp_report(hcl.report).report_data, hcl.runtime_data)


def test_changed_runtime_data_is_not_bound(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = bytearray((vectors_dir / "snp" / NAMES[0] / "hcl-report.bin").read_bytes())
    raw[1240] ^= 1
    hcl = unwrap_hcl(bytes(raw))
    with pytest.raises(UntrustedEvidence) as caught:
        check_runtime_data(parse_snp_report(hcl.report).report_data, hcl.runtime_data)
    assert caught.value.reason is Reason.RUNTIME_DATA_MISMATCH


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 0x49),  # magic
        (4, 3),  # version
        (8, 0),  # total size
        (12, 4),  # request type: not SNP
        (16, 1),  # status
        (20, 1),  # reserved
        (1216, 0),  # size of runtime data with its header
        (1220, 2),  # its version
        (1224, 4),  # report type: not SNP
        (1228, 2),  # hash: not SHA-256
        (1233, 0xFF),  # length of the JSON
        (2599, 1),  # padding
    ],
)
def test_another_header_is_refused(vectors_dir, at: int, value: int) -> None:  # type: ignore[no-untyped-def]
    raw = bytearray((vectors_dir / "snp" / NAMES[0] / "hcl-report.bin").read_bytes())
    raw[at] = value
    with pytest.raises(MalformedEvidence):
        unwrap_hcl(bytes(raw))


def test_a_cut_report_is_refused(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "snp" / NAMES[0] / "hcl-report.bin").read_bytes()
    for size in (0, 32, 1216, 1235, 2000):
        with pytest.raises(MalformedEvidence):
            unwrap_hcl(raw[:size])


def test_a_recorded_report_of_a_td_is_split_and_bound(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    folder = vectors_dir / "tdx" / "v4-azure-vtpm"
    raw = (folder / "hcl-report.bin").read_bytes()
    hcl = unwrap_hcl(raw, HclTee.TDX)
    quote = parse_tdx_quote((folder / "quote.bin").read_bytes())
    assert hcl.runtime_data == (folder / "runtime-data.json").read_bytes()
    assert len(hcl.report) == 1024
    assert hcl.report[128:192] == quote.report.report_data  # REPORTMACSTRUCT.REPORTDATA
    check_runtime_data(quote.report.report_data, hcl.runtime_data)
    with pytest.raises(UntrustedEvidence) as caught:
        check_runtime_data(quote.report.report_data, hcl.runtime_data + b" ")
    assert caught.value.reason is Reason.RUNTIME_DATA_MISMATCH
    # The second half is zero, and counts.
    with pytest.raises(UntrustedEvidence):
        check_runtime_data(runtime_report_data(b"x")[:-1] + b"\1", b"x")


def test_a_report_of_one_tee_is_none_of_the_other(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    td = (vectors_dir / "tdx" / "v4-azure-vtpm" / "hcl-report.bin").read_bytes()
    guest = (vectors_dir / "snp" / NAMES[0] / "hcl-report.bin").read_bytes()
    assert (hcl_tee(td), hcl_tee(guest)) == (HclTee.TDX, HclTee.SNP)
    assert hcl_tee(td[:1235]) is hcl_tee(b"") is hcl_tee(bytes(2000)) is None
    for raw, tee in ((td, HclTee.SNP), (guest, HclTee.TDX)):
        with pytest.raises(MalformedEvidence, match="is not one of"):
            unwrap_hcl(raw, tee)


def test_bytes_behind_a_td_report_are_refused(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = bytearray((vectors_dir / "tdx" / "v4-azure-vtpm" / "hcl-report.bin").read_bytes())
    raw[32 + 1024] = 1
    with pytest.raises(MalformedEvidence, match="after its hardware report"):
        unwrap_hcl(bytes(raw), HclTee.TDX)


def test_padding_may_be_missing(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "tdx" / "v4-azure-vtpm" / "hcl-report.bin").read_bytes()
    end = 1236 + len(unwrap_hcl(raw, HclTee.TDX).runtime_data)
    assert unwrap_hcl(raw[:end], HclTee.TDX) == unwrap_hcl(raw, HclTee.TDX)
    with pytest.raises(MalformedEvidence, match="wrong length"):
        unwrap_hcl(raw[: end - 1], HclTee.TDX)
    assert hcl_tee(raw[:1236]) is HclTee.TDX


def test_the_aks_jwk_is_one_of_rsa(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "snp/milan-v2-azure-hcl/runtime-data.json").read_bytes()
    runtime_key(raw)
    document = json.loads(raw)
    (named,) = (each for each in document["keys"] if each["kid"] == "HCLAkPub")
    named["kty"] = "EC"
    with pytest.raises(MalformedEvidence, match="HCLAkPub"):
        runtime_key(json.dumps(document).encode())
