"""The report's layout: against recorded reports, an independent writer, and reserved bytes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest.errors import MalformedEvidence, Reason
from keyturn.attest.snp_report import (
    REPORT_SIZE,
    SIGNED_SIZE,
    GuestPolicy,
    PlatformInfo,
    parse_snp_report,
)
from keyturn_sim.snp import RESERVED_ONE, SimTcb, SnpLaunch, unsigned_report

LAUNCH = SnpLaunch("Genoa", bytes(range(64)), SimTcb(1, 2, 3, 4), b"\x11" * 48, b"\x22" * 32)


def report_of(launch: SnpLaunch = LAUNCH, report_data: bytes = b"\x33" * 64) -> bytes:
    return unsigned_report(launch, report_data).ljust(REPORT_SIZE, b"\0")


@given(
    st.binary(min_size=64, max_size=64),
    st.binary(min_size=48, max_size=48),
    st.integers(0, 2**26 - 1),
    st.integers(0, 3),
    st.integers(0, 2**64 - 1),
    st.sampled_from([2, 3, 4, 5]),
)
def test_what_was_written_is_read(data, measurement, policy, vmpl, platform, version) -> None:  # type: ignore[no-untyped-def]
    launch = replace(
        LAUNCH,
        measurement=measurement,
        guest_policy=policy | RESERVED_ONE,
        vmpl=vmpl,
        platform_info=platform,
        version=version,
    )
    raw = report_of(launch, data)
    report = parse_snp_report(raw)
    assert report.report_data == data
    assert report.measurement == measurement
    assert report.host_data == b"\x22" * 32
    assert report.chip_id == bytes(range(64))
    assert (report.version, report.vmpl) == (version, vmpl)
    assert (report.policy, report.platform_info) == (policy | RESERVED_ONE, platform)
    assert report.cpuid == (None if version == 2 else (0x19, 0x11, 0x01))
    assert report.reported_tcb == LAUNCH.tcb.to_bytes("Genoa")
    assert report.signed == raw[:SIGNED_SIZE]


@pytest.mark.parametrize("size", [0, 1, REPORT_SIZE - 1, REPORT_SIZE + 1, REPORT_SIZE + 20])
def test_a_report_is_exactly_1184_bytes(size: int) -> None:
    with pytest.raises(MalformedEvidence, match="wrong size") as caught:
        parse_snp_report(report_of().ljust(size, b"\0")[:size])
    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("version", [0, 1, 6, 99])
def test_versions_are_listed(version: int) -> None:
    with pytest.raises(MalformedEvidence) as caught:
        parse_snp_report(report_of(replace(LAUNCH, version=version)))
    assert caught.value.reason is Reason.UNSUPPORTED_VERSION


# AMD 56860: what each version leaves reserved. 0x188 belongs to version 3, 0x1F8 to version 5.
@pytest.mark.parametrize(
    ("version", "at"),
    [
        (3, 0x49),
        (3, 0x4C),
        (3, 0x4F),
        (3, 0x18B),
        (3, 0x19F),
        (3, 0x1EB),
        (3, 0x1EF),
        (3, 0x1F8),
        (4, 0x207),
        (5, 0x208),
        (5, 0x29F),
        (2, 0x188),
        (3, 0x330),
        (3, 0x49F),
    ],
)
def test_reserved_bytes_are_zero(version: int, at: int) -> None:
    raw = bytearray(report_of(replace(LAUNCH, version=version)))
    raw[at] = 0x80
    with pytest.raises(MalformedEvidence, match="reserved"):
        parse_snp_report(bytes(raw))


def test_version_5_has_mitigation_vectors() -> None:
    raw = bytearray(report_of(replace(LAUNCH, version=5)))
    raw[0x1F8], raw[0x200] = 11, 12
    report = parse_snp_report(bytes(raw))
    assert (report.launch_mit_vector, report.current_mit_vector) == (11, 12)
    assert parse_snp_report(report_of()).launch_mit_vector is None


def test_bits_have_names_and_the_unknown_are_reported() -> None:
    policy = RESERVED_ONE | 1 << 19 | 0x1F05
    launch = replace(LAUNCH, guest_policy=policy, platform_info=0b0110_0001)
    report = parse_snp_report(report_of(launch))
    assert report.allows(GuestPolicy.DEBUG)
    assert not report.allows(GuestPolicy.SMT)
    assert report.abi == (0x1F, 0x05)
    assert report.platform_has(PlatformInfo.ALIAS_CHECK_COMPLETE)
    assert report.unknown_platform_bits == 0b0100_0000


def test_bit_17_of_the_policy_is_one() -> None:
    with pytest.raises(MalformedEvidence, match="bit 17"):
        parse_snp_report(report_of(replace(LAUNCH, guest_policy=1 << 16)))
