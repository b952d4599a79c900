"""The TDX quote's layout: exact lengths, kinds that are not verified here, what follows it."""

import struct

import pytest

from keyturn.attest.errors import MalformedEvidence, Reason
from keyturn.attest.tdx_quote import (
    MAX_QUOTE,
    BodyType,
    TdAttribute,
    TdxQuote,
    parse_tdx_quote,
)
from keyturn_sim.tdx import SimMachine, SimTd

DATA = bytes(range(64))
TD = SimTd(
    tee_tcb_svn=b"\1" * 16,
    mr_seam=b"\2" * 48,
    mr_signer_seam=b"\3" * 48,
    seam_attributes=b"\4" * 8,
    td_attributes=(1 << 28 | 1 << 63).to_bytes(8, "little"),
    xfam=b"\6" * 8,
    mr_td=b"\7" * 48,
    mr_config_id=b"\x08" * 48,
    mr_owner=b"\x09" * 48,
    mr_owner_config=b"\x0a" * 48,
    rtmrs=(b"\x0b" * 48, b"\x0c" * 48, b"\x0d" * 48, b"\x0e" * 48),
)
TD_15 = SimTd(tee_tcb_svn_2=b"\x0f" * 16, mr_service_td=b"\x10" * 48)
SIGNATURES_AT = 48 + 584  # version 4


def reason(raw: bytes) -> Reason:
    with pytest.raises(MalformedEvidence) as caught:
        parse_tdx_quote(raw)
    return caught.value.reason


def changed(raw: bytes, at: int, form: str, value: int) -> bytes:
    copy = bytearray(raw)
    struct.pack_into(form, copy, at, value)
    return bytes(copy)


def test_each_field_of_a_report_is_where_it_belongs(machine: SimMachine) -> None:
    quote = parse_tdx_quote(machine.quote(TD, DATA))
    report = quote.report
    assert (quote.version, quote.body_type, quote.key_type) == (4, None, 2)
    assert report.td_attributes == TD.td_attributes
    assert report.report_data == DATA
    for name in ("tee_tcb_svn", "mr_seam", "mr_signer_seam", "seam_attributes", "xfam", "mr_td"):
        assert getattr(report, name) == getattr(TD, name), name
    for name in ("mr_config_id", "mr_owner", "mr_owner_config"):
        assert getattr(report, name) == getattr(TD, name), name
    assert (report.rtmr0, report.rtmr1, report.rtmr2, report.rtmr3) == TD.rtmrs
    assert (report.tee_tcb_svn_2, report.mr_service_td) == (None, None)
    assert quote.qe_report.isv_prod_id == 2
    assert quote.qe_report.mr_signer == machine.qe.mr_signer
    assert quote.signed == machine.quote(TD, DATA)[:SIGNATURES_AT]


def test_version_5_has_a_report_of_either_kind(machine: SimMachine) -> None:
    old = parse_tdx_quote(machine.quote(TD, DATA, version=5))
    assert (old.version, old.body_type) == (5, BodyType.TD_REPORT_10)
    assert old.report == parse_tdx_quote(machine.quote(TD, DATA)).report
    new = parse_tdx_quote(machine.quote(TD_15, DATA, version=5))
    assert new.body_type is BodyType.TD_REPORT_15
    assert (new.report.tee_tcb_svn_2, new.report.mr_service_td) == (b"\x0f" * 16, b"\x10" * 48)
    assert len(new.signed) == 48 + 6 + 648


def test_what_follows_a_quote_is_counted_and_changes_nothing(machine: SimMachine) -> None:
    raw = machine.quote(TD, DATA)
    plain = parse_tdx_quote(raw)
    for rest in (b"\0" * 70, b"anything", raw):
        followed = parse_tdx_quote(raw + rest)
        assert followed.trailing == len(rest)
        assert _without_trailing(followed) == _without_trailing(plain)


def _without_trailing(quote: TdxQuote) -> tuple[object, ...]:
    return tuple(
        getattr(quote, name) for name in TdxQuote.__dataclass_fields__ if name != "trailing"
    )


@pytest.mark.parametrize("version", [4, 5])
def test_every_cut_is_refused(machine: SimMachine, version: int) -> None:
    raw = machine.quote(TD_15 if version == 5 else TD, DATA, version=version)
    for size in range(len(raw)):
        assert reason(raw[:size]) is Reason.MALFORMED, size


@pytest.mark.parametrize("name", ["v4-phala-b0c06f", "v5-google-90c06f", "v4-spr-e4-old-tcb"])
def test_every_cut_of_a_recorded_quote_is_refused(vectors_dir, name: str) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "tdx" / name / "quote.bin").read_bytes()
    raw = raw[: len(raw) - parse_tdx_quote(raw).trailing]
    for size in range(len(raw)):
        assert reason(raw[:size]) is Reason.MALFORMED, size


def test_kinds_that_are_not_verified_here(machine: SimMachine) -> None:
    raw = machine.quote(TD, DATA)
    for version in (0, 1, 2, 6, 0xFFFF):
        assert reason(changed(raw, 0, "<H", version)) is Reason.UNSUPPORTED_VERSION
    assert reason(changed(raw, 0, "<H", 3)) is Reason.NOT_A_TDX_QUOTE
    for tee in (0, 0x80, 0x82, 0x81000000):
        assert reason(changed(raw, 4, "<I", tee)) is Reason.NOT_A_TDX_QUOTE
    for key_type in (0, 3, 0x200):
        found = reason(changed(raw, 2, "<H", key_type))
        assert found is Reason.UNSUPPORTED_SIGNATURE_ALGORITHM
    assert reason(changed(raw, 12, "<B", 0)) is Reason.UNSUPPORTED_QE_VENDOR


def test_a_recorded_sgx_quote_is_no_tdx_quote(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "tdx" / "sgx-quote" / "quote.bin").read_bytes()
    assert reason(raw) is Reason.NOT_A_TDX_QUOTE


def test_the_body_descriptor_says_type_and_size(machine: SimMachine) -> None:
    raw = machine.quote(TD_15, DATA, version=5)
    assert reason(changed(raw, 48, "<H", 1)) is Reason.NOT_A_TDX_QUOTE
    for kind in (0, 4, 0xFFFF):
        assert reason(changed(raw, 48, "<H", kind)) is Reason.UNSUPPORTED_VERSION
    for kind, size in ((3, 584), (3, 649), (2, 648), (3, 0xFFFFFFFF)):
        altered = changed(changed(raw, 48, "<H", kind), 50, "<I", size)
        assert reason(altered) is Reason.MALFORMED


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize(
    ("at", "form"),
    [
        (SIGNATURES_AT, "<I"),  # signature data
        (SIGNATURES_AT + 134 - 4 + 4, "<I"),  # certification data
        (SIGNATURES_AT + 4 + 134 + 448, "<H"),  # QE authentication data
        (SIGNATURES_AT + 4 + 134 + 450 + 32 + 2, "<I"),  # PCK data
    ],
)
def test_every_inner_length_is_used_up(machine: SimMachine, at: int, form: str, by: int) -> None:
    raw = machine.quote(TD, DATA)
    (length,) = struct.unpack_from(form, raw, at)
    # With a tail, so that a longer length does not run into the end.
    assert reason(changed(raw, at, form, length + by) + bytes(100)) in (
        Reason.MALFORMED,
        Reason.UNSUPPORTED_CERTIFICATION_DATA,  # a shifted type field
    )


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 6, 7])
def test_other_certification_data_is_refused(machine: SimMachine, kind: int) -> None:
    signed = parse_tdx_quote(machine.quote(TD, DATA)).signed
    found = reason(machine.sign(signed, cert_type=kind))
    assert found is Reason.UNSUPPORTED_CERTIFICATION_DATA
    outer = changed(machine.sign(signed), SIGNATURES_AT + 4 + 128, "<H", 5 if kind == 6 else kind)
    assert reason(outer) is Reason.UNSUPPORTED_CERTIFICATION_DATA


def test_authentication_data_may_be_empty_or_long(machine: SimMachine) -> None:
    signed = parse_tdx_quote(machine.quote(TD, DATA)).signed
    for auth in (b"", b"a" * 1000):
        assert parse_tdx_quote(machine.sign(signed, auth=auth)).qe_auth_data == auth


def test_a_huge_quote_is_refused(machine: SimMachine) -> None:
    raw = machine.quote(TD, DATA)
    parse_tdx_quote(raw.ljust(MAX_QUOTE, b"\0"))
    assert reason(raw.ljust(MAX_QUOTE + 1, b"\0")) is Reason.MALFORMED


def test_attributes_by_name(machine: SimMachine) -> None:
    report = parse_tdx_quote(machine.quote(TD, DATA)).report
    assert report.has(TdAttribute.SEPT_VE_DISABLE)
    assert report.has(TdAttribute.PERFMON)
    assert not report.has(TdAttribute.DEBUG)
    assert report.unknown_attributes == 0
    odd = SimTd(td_attributes=(1 << 1 | 1 << 40).to_bytes(8, "little"), xfam=b"\3" + bytes(7))
    report = parse_tdx_quote(machine.quote(odd, DATA)).report
    assert (report.unknown_attributes, report.features) == (1 << 1 | 1 << 40, 3)
