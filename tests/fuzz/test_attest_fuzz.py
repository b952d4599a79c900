"""Whatever bytes come, the readers of evidence refuse or read; nothing else is raised."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.azure import unwrap_hcl
from keyturn.attest.certificates import Extension, parse_certificate, pem_certificates
from keyturn.attest.crl import parse_crl
from keyturn.attest.errors import REFUSALS
from keyturn.attest.snp_report import parse_snp_report
from keyturn.attest.spdm import parse_gpu_report
from keyturn.attest.tdx import examine_tdx
from keyturn.attest.tdx_collateral import parse_qe_identity, parse_tcb_info, read_collateral
from keyturn.attest.tdx_pck import SGX_EXTENSIONS, PckCa, read_pck
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.base.strictjson import dump
from keyturn_sim.pki import der_of, make_certificate, new_p384_key
from keyturn_sim.snp import SimTcb, SnpLaunch, unsigned_report
from keyturn_sim.tdx import SimIntel, SimPlatform, SimTd, pck_extension
from support.fuzzing import examples

KEY = new_p384_key()
CERTIFICATE = der_of(make_certificate("fuzz", KEY, None, KEY, is_ca=True, path_length=1))
REPORT = unsigned_report(SnpLaunch("Genoa", bytes(64), SimTcb(), bytes(48)), bytes(64)).ljust(
    1184, b"\0"
)
READERS = (
    parse_certificate,
    pem_certificates,
    parse_crl,
    parse_snp_report,
    parse_gpu_report,
    unwrap_hcl,
    parse_tdx_quote,
    parse_tcb_info,
    parse_qe_identity,
    read_collateral,
)
INTEL = SimIntel.create()
MACHINE = INTEL.certify()
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
COLLATERAL = read_collateral(dump(INTEL.collateral(NOW)))
ANCHORS = HARDWARE_ANCHORS.with_simulated(
    {Vendor.INTEL_SGX: [SpkiDigest(INTEL.root_spki)]}, source="fuzz"
)
QUOTES = tuple(MACHINE.quote(SimTd(), bytes(64), version=version) for version in (4, 5))
PCK = parse_certificate(pem_certificates(MACHINE.chain)[0])
EDITS = st.lists(
    st.tuples(st.sampled_from(("flip", "cut", "insert")), st.floats(0, 1), st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)
BIT = st.tuples(st.integers(0, len(CERTIFICATE) - 1), st.integers(1, 255))


@pytest.mark.parametrize("read", READERS)
@settings(max_examples=examples(150), deadline=None)
@given(raw=st.binary(max_size=300))
def test_any_bytes(read, raw: bytes) -> None:  # type: ignore[no-untyped-def]
    with suppress(*REFUSALS):
        read(raw)


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(BIT, min_size=1, max_size=4))
def test_a_changed_certificate(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(CERTIFICATE)
    for at, mask in changes:
        raw[at] ^= mask
    with suppress(*REFUSALS):
        assert parse_certificate(bytes(raw)).der == raw


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 1183), st.integers(1, 255))
def test_a_changed_report_is_refused_or_reads_differently(at: int, mask: int) -> None:
    raw = bytearray(REPORT)
    raw[at] ^= mask
    with suppress(*REFUSALS):
        assert parse_snp_report(bytes(raw)) != parse_snp_report(REPORT)


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, len(CERTIFICATE) - 1))
def test_a_cut_certificate_is_refused(size: int) -> None:
    with pytest.raises(REFUSALS):
        parse_certificate(CERTIFICATE[:size])


def edited(raw: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """Flip, take away or put in bytes, each at a place between the start (0) and the end (1)."""
    for kind, place, value in edits:
        at = int(place * len(raw))
        rest = raw[at + len(value) :] if kind == "cut" else raw[at:]
        if kind == "flip":
            rest = bytes(a ^ b for a, b in zip(rest, value, strict=False)) + rest[len(value) :]
        raw = raw[:at] + (value if kind == "insert" else b"") + rest
    return raw


@settings(max_examples=examples(200), deadline=None)
@given(st.sampled_from(QUOTES), EDITS)
def test_an_edited_quote_is_refused_or_says_the_same(quote: bytes, edits) -> None:  # type: ignore[no-untyped-def]
    raw = edited(quote, edits)
    found = examine_tdx(raw, COLLATERAL, anchors=ANCHORS, now=NOW, expected_report_data=bytes(64))
    assert (found.claims is None) is (found.refusal is not None)
    if found.claims is not None:
        assert found.claims.quote.signed == parse_tdx_quote(quote).signed


@settings(max_examples=examples(200), deadline=None)
@given(st.sampled_from(("tcb_info", "qe_identity", "root_crl", "pck_crl")), EDITS)
def test_edited_collateral_is_refused(name: str, edits) -> None:  # type: ignore[no-untyped-def]
    raw = edited(getattr(COLLATERAL, name), edits)
    collateral = replace(COLLATERAL, **{name: raw})
    found = examine_tdx(
        QUOTES[0], collateral, anchors=ANCHORS, now=NOW, expected_report_data=bytes(64)
    )
    assert (found.refusal is None) is (raw == getattr(COLLATERAL, name))


@settings(max_examples=examples(300), deadline=None)
@given(EDITS)
def test_edited_extensions_of_a_pck_are_refused_or_read(edits) -> None:  # type: ignore[no-untyped-def]
    value = edited(pck_extension(SimPlatform()), edits)
    extensions = MappingProxyType({SGX_EXTENSIONS: Extension(False, value)})
    with suppress(*REFUSALS):
        read_pck(replace(PCK, extensions=extensions), PckCa.PLATFORM)
