"""Reports by the kernel's configfs, of both TEEs: taken whole, never while somebody else writes."""

import errno
from pathlib import Path

import pytest

from keyturn.guest import tsm
from keyturn.guest.cpucertificates import CpuCertificates
from keyturn.guest.errors import DeviceAnswerMalformed, DeviceUnreachable
from keyturn.guest.tsm import MAX_BLOB, ConfigFs, KernelReports
from keyturn.keyrelease.request import SnpEvidence, TdxEvidence
from keyturn.quorum.tee_rules import Tee
from keyturn_sim import SimNode, SimTdNode, SimVendors
from support.configfs import SimConfigFs

ASKED = bytes(range(64))


@pytest.fixture(scope="module")
def snp(vendors: SimVendors) -> SimNode:
    return SimNode.create(vendors, measurement=b"\x42" * 48)


@pytest.fixture(scope="module")
def td(vendors: SimVendors) -> SimTdNode:
    return SimTdNode.create(vendors)


def test_an_snp_report_comes_with_the_hosts_certificates(snp: SimNode, tmp_path: Path) -> None:
    files = SimConfigFs(snp)
    reports = KernelReports(tmp_path, files=files)
    found = reports.cpu(ASKED)
    assert isinstance(found, SnpEvidence)
    assert found.report[0x50:0x90] == ASKED
    assert (found.vek, found.intermediate, found.root) == tuple(snp.collateral().values())
    assert found.runtime is None
    assert reports.tee() is Tee.SNP
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_a_tds_quote(td: SimTdNode, tmp_path: Path) -> None:
    reports = KernelReports(tmp_path, files=SimConfigFs(td))
    found = reports.cpu(ASKED)
    assert isinstance(found, TdxEvidence)
    assert ASKED in found.quote
    assert reports.tee() is Tee.TDX


def test_each_report_has_a_directory_of_its_own(snp: SimNode, tmp_path: Path) -> None:
    files = SimConfigFs(snp)
    reports = KernelReports(tmp_path, files=files)
    reports.cpu(ASKED)
    reports.cpu(ASKED)
    assert len(set(files.made)) == 2


def test_certificates_of_a_file_stand_in_where_the_host_gives_none(
    snp: SimNode, tmp_path: Path
) -> None:
    own = CpuCertificates(b"v", b"i", b"r")
    files = SimConfigFs(snp, table=False)
    found = KernelReports(tmp_path, own, files).cpu(ASKED)
    assert isinstance(found, SnpEvidence)
    assert (found.vek, found.intermediate, found.root) == (b"v", b"i", b"r")
    with pytest.raises(DeviceUnreachable, match="gives no certificates") as caught:
        KernelReports(tmp_path, files=files).cpu(ASKED)
    assert "cpu_certificates" in caught.value.hint


def test_somebody_who_writes_between_once_is_outlived(snp: SimNode, tmp_path: Path) -> None:
    files = SimConfigFs(snp)

    def once(report: Path) -> None:
        if len(files.made) == 1:
            (report / "inblob").write_bytes(bytes(64))
            files.count(report)

    files.interrupt = once
    found = KernelReports(tmp_path, files=files).cpu(ASKED)
    assert isinstance(found, SnpEvidence)
    assert found.report[0x50:0x90] == ASKED
    assert len(files.made) == 2


def test_somebody_who_always_writes_between_is_an_error(snp: SimNode, tmp_path: Path) -> None:
    files = SimConfigFs(snp)
    files.interrupt = files.count
    with pytest.raises(DeviceUnreachable, match="disturbed"):
        KernelReports(tmp_path, files=files).cpu(ASKED)
    assert len(files.made) == 3
    assert not list(tmp_path.iterdir())


def test_report_data_that_was_not_taken_is_noticed(snp: SimNode, tmp_path: Path) -> None:
    """An error at close is lost in the kernel: the count does not move."""

    class Losing(SimConfigFs):
        def write(self, path: Path, data: bytes) -> None:
            path.write_bytes(data)

    with pytest.raises(DeviceUnreachable, match="disturbed"):
        KernelReports(tmp_path, files=Losing(snp)).cpu(ASKED)


def test_a_busy_quoting_service_is_asked_again(td: SimTdNode, tmp_path: Path) -> None:
    assert isinstance(
        KernelReports(tmp_path, files=SimConfigFs(td, busy=2)).cpu(ASKED), TdxEvidence
    )


def test_other_errors_are_not_asked_again(td: SimTdNode, tmp_path: Path) -> None:
    class Failing(SimConfigFs):
        def read(self, path: Path) -> bytes:
            if path.name == "outblob":
                raise OSError(errno.EIO, "broken")
            return super().read(path)

    files = Failing(td)
    with pytest.raises(DeviceUnreachable, match="gives no report"):
        KernelReports(tmp_path, files=files).cpu(ASKED)
    assert len(files.made) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("provider", b"arm_cca_guest\n", "unknown kind"),
        ("generation", b"many\n", "no number"),
        ("generation", b"\n", "no number"),
        ("outblob", b"short", "another size"),
        ("outblob", bytes(MAX_BLOB + 1), "too large"),
        ("auxblob", b"\x01" * 24, "table"),
    ],
)
def test_what_is_no_report_is_refused(
    snp: SimNode, tmp_path: Path, name: str, text: bytes, message: str
) -> None:
    class Lying(SimConfigFs):
        def read(self, path: Path) -> bytes:
            return text if path.name == name else super().read(path)

    with pytest.raises(DeviceAnswerMalformed, match=message):
        KernelReports(tmp_path, files=Lying(snp)).cpu(ASKED)


@pytest.mark.parametrize("number", [errno.ENXIO, errno.EACCES, errno.ENOSPC])
def test_a_kernel_without_a_provider_is_unreachable(
    snp: SimNode, tmp_path: Path, number: int
) -> None:
    """ENXIO: the guest's driver is not there, so that no directory is made."""

    class Bare(SimConfigFs):
        def make(self, folder: Path) -> None:
            raise OSError(number, "no provider")

    bare = KernelReports(tmp_path, files=Bare(snp))
    with pytest.raises(DeviceUnreachable, match="gives no report"):
        bare.cpu(ASKED)
    with pytest.raises(DeviceUnreachable, match="gives no report"):
        bare.tee()


@pytest.mark.parametrize("missing", ["provider", "generation", "inblob", "outblob"])
def test_an_attribute_that_is_missing_is_unreachable(
    snp: SimNode, tmp_path: Path, missing: str
) -> None:
    class Partial(SimConfigFs):
        def read(self, path: Path) -> bytes:
            if path.name == missing:
                raise FileNotFoundError(errno.ENOENT, "no such attribute", str(path))
            return super().read(path)

        def write(self, path: Path, data: bytes) -> None:
            if path.name == missing:
                path.unlink()
            super().write(path, data)

    with pytest.raises(DeviceUnreachable, match="gives no report"):
        KernelReports(tmp_path, files=Partial(snp)).cpu(ASKED)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EAGAIN, errno.ENODATA, errno.EINVAL])
def test_an_outblob_that_never_comes_is_unreachable(
    td: SimTdNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(tsm, "_PAUSES", (0.0, 0.0))
    asked: list[Path] = []

    class Silent(SimConfigFs):
        def read(self, path: Path) -> bytes:
            if path.name != "outblob":
                return super().read(path)
            asked.append(path)
            raise OSError(number, "not now")

    with pytest.raises(DeviceUnreachable, match="gives no report"):
        KernelReports(tmp_path, files=Silent(td)).cpu(ASKED)
    assert len(asked) == (3 if number in (errno.EBUSY, errno.EAGAIN) else 1)
    assert not list(tmp_path.iterdir())


def test_an_empty_quote_is_refused(td: SimTdNode, tmp_path: Path) -> None:
    class Lying(SimConfigFs):
        def read(self, path: Path) -> bytes:
            return b"" if path.name == "outblob" else super().read(path)

    with pytest.raises(DeviceAnswerMalformed, match="empty"):
        KernelReports(tmp_path, files=Lying(td)).cpu(ASKED)


def test_no_confidential_guest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnreachable, match="gives no report") as caught:
        KernelReports(tmp_path / "none").cpu(ASKED)
    assert "confidential guest" in caught.value.hint


def test_attributes_are_read_and_written_whole(tmp_path: Path) -> None:
    files = ConfigFs()
    with pytest.raises(FileNotFoundError):
        files.write(tmp_path / "inblob", b"not made here")
    (tmp_path / "big").write_bytes(bytes(MAX_BLOB + 10))
    assert len(files.read(tmp_path / "big")) == MAX_BLOB + 1
    files.make(tmp_path / "report")
    files.remove(tmp_path / "report")
    assert not (tmp_path / "report").exists()
