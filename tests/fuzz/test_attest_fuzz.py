"""Whatever bytes come, the readers of evidence refuse or read; nothing else is raised."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.azure import unwrap_hcl
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.crl import parse_crl
from keyturn.attest.errors import REFUSALS
from keyturn.attest.snp_report import parse_snp_report
from keyturn.attest.spdm import parse_gpu_report
from keyturn_sim.pki import der_of, make_certificate, new_p384_key
from keyturn_sim.snp import SimTcb, SnpLaunch, unsigned_report
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
