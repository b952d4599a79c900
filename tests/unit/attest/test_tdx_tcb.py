"""Selection of TCB levels, and what of platform, TDX module and QE counts (Intel QVL §4.1.2.5)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keyturn.attest import tdx_tcb
from keyturn.attest.errors import Reason, UntrustedEvidence
from keyturn.attest.tdx_collateral import (
    QeIdentity,
    TcbInfo,
    TcbStatus,
    parse_qe_identity,
    parse_tcb_info,
)
from keyturn.attest.tdx_pck import Pck as PckFacts
from keyturn.attest.tdx_pck import PckCa, PlatformConfiguration, SgxType
from keyturn.attest.tdx_quote import QeReport, TdReport, parse_tdx_quote
from keyturn.attest.tdx_tcb import TdxTcb, check_module, converge, find_module, find_tcb
from keyturn.base.strictjson import Json, dump
from keyturn_sim.tdx import (
    SimMachine,
    SimTd,
    level,
    module_of,
    qe_identity_of,
    svn_level,
    tcb_info_of,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
UP, HARDEN = TcbStatus.UP_TO_DATE, TcbStatus.SW_HARDENING_NEEDED
CONFIGURE = TcbStatus.CONFIGURATION_NEEDED
CONFIGURE_HARDEN = TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED
OLD, OLD_CONFIGURE = TcbStatus.OUT_OF_DATE, TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED
REVOKED = TcbStatus.REVOKED
RELAUNCH = TcbStatus.TD_RELAUNCH_ADVISED
RELAUNCH_CONFIGURE = TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED


def svn(minor: int, version: int, third: int) -> bytes:
    return bytes((minor, version, third)).ljust(16, b"\0")


NEWEST, OLDEST = svn(5, 1, 3), svn(2, 1, 0)


def pck(sgx: int = 5, pce: int = 11) -> PckFacts:
    return PckFacts(
        ca=PckCa.PLATFORM,
        ppid=bytes(16),
        components=(sgx,) * 16,
        pce_svn=pce,
        cpu_svn=bytes(16),
        pce_id=bytes(2),
        fmspc=bytes(6),
        sgx_type=SgxType.SCALABLE,
        platform_instance_id=None,
        configuration=PlatformConfiguration(),
        not_before=NOW,
        not_after=NOW,
        digest=b"",
    )


@pytest.fixture(scope="module")
def report(machine: SimMachine) -> TdReport:
    return parse_tdx_quote(machine.quote(SimTd(), bytes(64))).report


@pytest.fixture(scope="module")
def qe(machine: SimMachine) -> QeReport:
    return parse_tdx_quote(machine.quote(SimTd(), bytes(64))).qe_report


def info(
    latest: TcbStatus = UP,
    earliest: TcbStatus = OLD,
    module: tuple[TcbStatus, TcbStatus] = (UP, OLD),
    **changed: Json,
) -> TcbInfo:
    levels: Json = [svn_level(5, module[0].value, "M5"), svn_level(2, module[1].value, "M2")]
    document = tcb_info_of(
        NOW,
        tcbLevels=[level(5, 11, 3, latest.value), level(2, 5, 0, earliest.value, "P2")],
        tdxModuleIdentities=[{"id": "TDX_01", **module_of(), "tcbLevels": levels}],
    )
    return parse_tcb_info(dump(document | changed))


def identity(**changed: Json) -> QeIdentity:
    return parse_qe_identity(dump(qe_identity_of(NOW, **changed)))


def tcb(
    report: TdReport,
    qe: QeReport,
    *,
    platform: PckFacts | None = None,
    known: TcbInfo | None = None,
    svn_1: bytes = NEWEST,
    svn_2: bytes | None = None,
    qe_identity: QeIdentity | None = None,
) -> TdxTcb:
    td = replace(report, tee_tcb_svn=svn_1, tee_tcb_svn_2=svn_2, mr_service_td=bytes(48))
    return find_tcb(td, qe, platform or pck(), known or info(), qe_identity or identity())


def test_the_newest_level_that_is_reached_counts(report, qe) -> None:  # type: ignore[no-untyped-def]
    found = tcb(report, qe)
    assert found.platform is not None
    assert (found.platform.pce_svn, found.status) == (11, UP)
    assert found.advisories == ("M5",)
    better = tcb(report, qe, platform=pck(255, 65535), svn_1=svn(255, 1, 255))
    assert better.status is UP


@pytest.mark.parametrize(
    ("platform", "svn_1"),
    [
        (pck(sgx=4), NEWEST),
        (pck(pce=10), NEWEST),
        (pck(), svn(5, 1, 2)),
        (replace(pck(), components=(*(5,) * 15, 4)), NEWEST),
        (replace(pck(), components=(4, *(5,) * 15)), NEWEST),
    ],
)
def test_one_number_too_low_is_the_older_level(report, qe, platform, svn_1: bytes) -> None:  # type: ignore[no-untyped-def]
    found = tcb(report, qe, platform=platform, svn_1=svn_1)
    assert found.platform is not None
    assert (found.platform.status, found.status) == (OLD, OLD)
    assert "P2" in found.advisories


@pytest.mark.parametrize(("platform", "svn_1"), [(pck(sgx=1), NEWEST), (pck(pce=4), NEWEST)])
def test_below_every_level_nothing_is_supported(report, qe, platform, svn_1: bytes) -> None:  # type: ignore[no-untyped-def]
    found = tcb(report, qe, platform=platform, svn_1=svn_1)
    assert (found.platform, found.status) == (None, None)
    assert found.qe is not None


def test_with_a_module_version_the_first_two_svns_are_the_modules(report, qe) -> None:  # type: ignore[no-untyped-def]
    # Component 0 of every level is above 1; the module's own levels judge it.
    lenient: Json = [{"id": "TDX_01", **module_of(), "tcbLevels": [svn_level(1)]}]
    found = tcb(report, qe, svn_1=svn(1, 1, 3), known=info(tdxModuleIdentities=lenient))
    assert found.status is UP
    assert tcb(report, qe, svn_1=svn(1, 1, 3)).status is None  # TDX_01 starts at 2
    # Without a version they are judged with the platform's.
    first = tcb(report, qe, svn_1=svn(2, 0, 3))
    assert first.platform is not None
    assert (first.platform.status, first.module, first.status) == (OLD, None, OLD)
    assert tcb(report, qe, svn_1=svn(3, 0, 3)).status is UP


def test_a_qe_below_every_level_is_not_supported(report, qe) -> None:  # type: ignore[no-untyped-def]
    found = tcb(report, replace(qe, isv_svn=1))
    assert (found.qe, found.status) == (None, None)


PLATFORM = {
    UP: OLD,
    HARDEN: OLD,
    CONFIGURE: OLD_CONFIGURE,
    CONFIGURE_HARDEN: OLD_CONFIGURE,
    OLD: OLD,
    OLD_CONFIGURE: OLD_CONFIGURE,
    REVOKED: REVOKED,
}


@pytest.mark.parametrize(("platform", "aged"), PLATFORM.items())
def test_an_old_or_revoked_part_ages_the_platform(platform, aged) -> None:  # type: ignore[no-untyped-def]
    assert converge(platform, UP) is platform
    assert converge(platform, OLD) is aged
    assert converge(platform, REVOKED) is REVOKED


@pytest.mark.parametrize(
    ("known", "platform", "svn_1", "svn_2", "status"),
    [
        # Up to date
        (info(), pck(), NEWEST, NEWEST, UP),
        (info(earliest=REVOKED), pck(), NEWEST, NEWEST, UP),
        # Revoked
        (info(latest=REVOKED), pck(), NEWEST, NEWEST, REVOKED),
        (info(module=(REVOKED, OLD)), pck(), NEWEST, NEWEST, REVOKED),
        # Out of date
        (info(), pck(2, 5), OLDEST, OLDEST, OLD),
        (info(), pck(2, 5), NEWEST, NEWEST, OLD),
        (info(latest=OLD), pck(), NEWEST, NEWEST, OLD),
        # Hardening and configuration
        (info(latest=HARDEN), pck(), NEWEST, NEWEST, HARDEN),
        (info(earliest=HARDEN), pck(2, 5), NEWEST, NEWEST, HARDEN),
        (info(latest=CONFIGURE_HARDEN), pck(), NEWEST, NEWEST, CONFIGURE_HARDEN),
        (info(earliest=CONFIGURE_HARDEN), pck(2, 5), NEWEST, NEWEST, CONFIGURE_HARDEN),
        # The module was replaced under a running TD
        (info(), pck(), OLDEST, NEWEST, RELAUNCH),
        (info(), pck(), svn(2, 1, 3), NEWEST, RELAUNCH),
        (info(), pck(), svn(5, 1, 0), NEWEST, RELAUNCH),
        (info(latest=HARDEN), pck(), OLDEST, NEWEST, RELAUNCH),
        (info(earliest=HARDEN), pck(), OLDEST, NEWEST, RELAUNCH),
        (info(earliest=OLD_CONFIGURE), pck(), OLDEST, NEWEST, RELAUNCH_CONFIGURE),
        (info(latest=CONFIGURE), pck(), OLDEST, NEWEST, RELAUNCH_CONFIGURE),
        (info(latest=CONFIGURE_HARDEN), pck(), OLDEST, NEWEST, RELAUNCH_CONFIGURE),
        # A relaunch mends nothing where what runs now is old or revoked too
        (info(module=(OLD, OLD)), pck(), OLDEST, NEWEST, OLD),
        (info(latest=OLD), pck(), OLDEST, NEWEST, OLD),
        (info(module=(REVOKED, OLD)), pck(), OLDEST, NEWEST, OLD),
        (info(module=(UP, REVOKED)), pck(), OLDEST, NEWEST, REVOKED),
        (info(earliest=REVOKED), pck(), OLDEST, NEWEST, REVOKED),
        (info(), pck(2, 5), OLDEST, NEWEST, OLD),
    ],
)
def test_the_converged_status(report, qe, known, platform, svn_1, svn_2, status) -> None:  # type: ignore[no-untyped-def]
    found = tcb(report, qe, known=known, platform=platform, svn_1=svn_1, svn_2=svn_2)
    assert found.status is status


@pytest.mark.parametrize(("qe_status", "status"), [("OutOfDate", OLD), ("Revoked", REVOKED)])
def test_the_qe_counts_too(report, qe, qe_status: str, status: TcbStatus) -> None:  # type: ignore[no-untyped-def]
    aged = identity(tcbLevels=[svn_level(4, qe_status, "Q4")])
    found = tcb(report, qe, qe_identity=aged)
    assert found.status is status
    assert "Q4" in found.advisories
    # With a QE that is not current no relaunch is advised: it would not mend it.
    found = tcb(report, qe, svn_1=OLDEST, svn_2=NEWEST, qe_identity=aged)
    assert found.status is status


def test_a_relaunch_mends_only_what_runs_now(report, qe) -> None:  # type: ignore[no-untyped-def]
    known = info(UP, OLD, (UP, OLD))
    assert tcb(report, qe, known=known, svn_1=OLDEST, svn_2=NEWEST).status is RELAUNCH
    for behind in (svn(4, 1, 3), svn(5, 1, 2), OLDEST):
        assert tcb(report, qe, known=known, svn_1=OLDEST, svn_2=behind).status is OLD
    # A report of TDX 1.0 does not show what runs now.
    assert tcb(report, qe, known=known, svn_1=OLDEST).status is OLD
    # Module version 0 now: its SVN is judged with the platform's newest level.
    assert tcb(report, qe, known=known, svn_1=OLDEST, svn_2=svn(3, 0, 3)).status is RELAUNCH
    assert tcb(report, qe, known=known, svn_1=OLDEST, svn_2=svn(2, 0, 3)).status is OLD


def test_the_module_that_runs_now_is_judged_as_well(report, qe) -> None:  # type: ignore[no-untyped-def]
    """A TD that was launched under a current module may run under another one."""
    assert tcb(report, qe).current is None  # a report of TDX 1.0 does not show it
    assert tcb(report, qe, svn_2=NEWEST).current is UP
    older = tcb(report, qe, svn_2=OLDEST)
    assert (older.status, older.current) == (UP, OLD)
    revoked = tcb(report, qe, svn_2=OLDEST, known=info(module=(UP, REVOKED)))
    assert (revoked.status, revoked.current) == (UP, REVOKED)
    for unsupported in (svn(1, 1, 3), svn(9, 7, 9)):
        found = tcb(report, qe, svn_2=unsupported)
        assert (found.status, found.current) == (None, None)
        assert found.platform is not None


def test_the_date_is_the_oldest_parts(report, qe) -> None:  # type: ignore[no-untyped-def]
    early: Json = [{**svn_level(4), "tcbDate": "2020-02-02T00:00:00Z"}]
    found = tcb(report, qe, qe_identity=identity(tcbLevels=early))
    assert found.date == datetime(2020, 2, 2, tzinfo=UTC)


def module_reason(report: TdReport, known: TcbInfo | None = None) -> Reason:
    with pytest.raises(UntrustedEvidence) as caught:
        check_module(report, known or info())
    return caught.value.reason


def test_the_module_is_one_that_intel_names(report) -> None:  # type: ignore[no-untyped-def]
    assert check_module(report, info()).module_id == "TDX_01"
    first = replace(report, tee_tcb_svn=svn(3, 0, 3))
    assert check_module(first, info()).module_id == "TDX_00"
    mismatch = Reason.TDX_MODULE_MISMATCH
    assert module_reason(replace(report, tee_tcb_svn=svn(5, 2, 3))) is mismatch
    assert module_reason(replace(report, mr_signer_seam=b"\1" + bytes(47))) is mismatch
    assert module_reason(replace(report, seam_attributes=b"\1" + bytes(7))) is mismatch
    assert module_reason(replace(first, mr_signer_seam=b"\1" + bytes(47))) is mismatch
    assert module_reason(replace(report, tee_tcb_svn_2=svn(5, 2, 3))) is mismatch
    check_module(replace(report, tee_tcb_svn_2=svn(5, 0, 3)), info())


def test_seam_attributes_are_none_even_where_a_mask_hides_them(report) -> None:  # type: ignore[no-untyped-def]
    hidden: Json = [
        {**{"id": "TDX_01"}, **module_of(), "attributesMask": "00" * 8, "tcbLevels": [svn_level(1)]}
    ]
    known = info(tdxModuleIdentities=hidden)
    check_module(report, known)
    assert module_reason(replace(report, seam_attributes=b"\1" + bytes(7)), known) is (
        Reason.TDX_MODULE_MISMATCH
    )
    wanted: Json = [
        {"id": "TDX_01", **module_of(), "attributes": "01" + "00" * 7, "tcbLevels": [svn_level(1)]}
    ]
    known = info(tdxModuleIdentities=wanted)
    assert module_reason(report, known) is Reason.TDX_MODULE_MISMATCH


def test_modules_are_found_by_version() -> None:
    known = info()
    assert find_module(known, 0) == known.module
    assert find_module(known, 1) == known.modules[0]
    assert find_module(known, 16) is None


def test_svns_of_another_number_are_not_compared() -> None:
    assert tdx_tcb._at_least((5, 5), (5, 4))
    for found, least in (((5,), (5, 4)), ((5, 5), (5,)), ((), (5,)), ((5,), ())):
        assert not tdx_tcb._at_least(found, least)
