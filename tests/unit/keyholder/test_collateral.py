"""What the keyholder keeps of collateral: proved, never older, and what a kill leaves behind."""

import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import ocsp

from keyturn.attest.anchors import HARDWARE_ANCHORS, TrustAnchors
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.strictjson import dump
from keyturn.keyholder import collateral as module
from keyturn.keyholder.collateral import HandedIn, KeptCollateral
from keyturn.keyholder.errors import CollateralMemoryDamaged
from keyturn.keyholder.logdisk_errors import LogFull, LogUnwritable
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.keyrelease.collateral import place_of
from support.collateral import IntelDesk, amd_crl, ocsp_document
from support.nvdevices import Vendor
from support.ocspmaker import answer
from support.shownparts import anchors_of
from unit.keyholder.failing_disk import CountingDisk, Crash, DyingDisk, FailingDisk
from unit.keyrelease.release_desk import vendors

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
NV = Vendor.create()
INTEL = IntelDesk()
ANCHORS = anchors_of(amd=vendors().roots["amd-sev"], intel=INTEL.intel.root_spki, nvidia=NV.spki)
CHAIN = tuple(each.der for each in (NV.provisioner, NV.identity, NV.root))

Maker = Callable[[datetime, int], CollateralDocument]


def answered(
    issued: datetime, _number: int = 0, status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
) -> CollateralDocument:
    raw = answer(
        NV.provisioner, NV.identity, now=issued, age=timedelta(0), status=status, lasts=10 * DAY
    )
    return ocsp_document(raw, CHAIN)


MAKERS: dict[str, Maker] = {
    "intel-tcb-info": INTEL.tcb_info,
    "intel-qe-identity": INTEL.qe_identity,
    "intel-root-crl": INTEL.root_crl,
    "intel-pck-crl": INTEL.pck_crl,
    "amd-crl": lambda issued, number: amd_crl(vendors(), issued, number),
    "nvidia-ocsp": answered,
}
every_kind = pytest.mark.parametrize("kind", list(MAKERS))


def keeper(
    folder: Path,
    io: DiskIo | None = None,
    *,
    anchors: TrustAnchors = ANCHORS,
    now: datetime = NOW,
) -> KeptCollateral:
    """A process that starts."""
    kept = KeptCollateral(folder / "collateral", io)
    kept.load(anchors, now)
    return kept


def handed(kept: KeptCollateral, *documents: CollateralDocument, now: datetime = NOW) -> HandedIn:
    return kept.hand_in(documents, ANCHORS, now)


def refusals(found: HandedIn) -> list[str]:
    return [each.reason for each in found.refused]


def using(kept: KeptCollateral, document: CollateralDocument) -> bool:
    return kept.current.documents.get(place_of(document)) == document


@every_kind
def test_what_is_handed_in_is_used_and_outlives_the_process(tmp_path: Path, kind: str) -> None:
    document = MAKERS[kind](NOW - timedelta(hours=2), 5)
    kept = keeper(tmp_path)
    found = handed(kept, document)

    assert (found.kept, found.refused) == ((document.digest,), ())
    assert using(kept, document)
    assert using(keeper(tmp_path), document)
    assert handed(kept, document).kept == (document.digest,)


@every_kind
@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("deleted", [False, True])
def test_nothing_goes_back_also_after_a_start_without_the_documents(
    tmp_path: Path, kind: str, restarted: bool, deleted: bool
) -> None:
    make = MAKERS[kind]
    old, new = make(NOW - timedelta(hours=5), 5), make(NOW - timedelta(hours=2), 6)
    kept = keeper(tmp_path)
    handed(kept, new)
    if deleted:
        shutil.rmtree(tmp_path / "collateral" / "documents")
    if restarted:
        kept = keeper(tmp_path)

    found = handed(kept, old)
    assert refusals(found) == ["collateral-older"]
    assert "issued" in found.refused[0].found
    assert not using(kept, old)
    newer = make(NOW - timedelta(hours=1), 7)
    assert handed(kept, newer).refused == ()
    assert using(kept, newer)


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != "nvidia-ocsp"])
def test_a_lower_number_is_refused_though_it_is_younger(tmp_path: Path, kind: str) -> None:
    kept = keeper(tmp_path)
    handed(kept, MAKERS[kind](NOW - timedelta(hours=5), 6))
    found = handed(kept, MAKERS[kind](NOW - timedelta(hours=1), 5))
    assert refusals(found) == ["collateral-older"]


def test_a_restored_document_is_left_aside(tmp_path: Path) -> None:
    """Somebody who can write the disk puts back what revoked less."""
    kept = keeper(tmp_path)
    old, new = INTEL.pck_crl(NOW - 2 * DAY, 1), INTEL.pck_crl(NOW - DAY, 2, revoked=(7,))
    handed(kept, old)
    (file,) = (tmp_path / "collateral" / "documents").iterdir()
    was = file.read_bytes()
    handed(kept, new)
    file.write_bytes(was)

    again = keeper(tmp_path)
    assert again.current.documents == {}
    assert refusals(handed(again, old)) == ["collateral-older"]
    assert handed(again, new).refused == ()


def test_a_document_under_another_places_name_is_left_aside(tmp_path: Path) -> None:
    handed(keeper(tmp_path), INTEL.root_crl(NOW - DAY))
    (file,) = (tmp_path / "collateral" / "documents").iterdir()
    file.rename(file.with_name("00" * 32))
    assert keeper(tmp_path).current.documents == {}


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff" * 100, b"[" * 5000])
def test_junk_beside_the_documents_is_left_aside(tmp_path: Path, raw: bytes) -> None:
    document = INTEL.root_crl(NOW - DAY)
    handed(keeper(tmp_path), document)
    (tmp_path / "collateral" / "documents" / ("11" * 32)).write_bytes(raw)
    assert list(keeper(tmp_path).current.documents.values()) == [document]


def test_a_changed_document_is_left_aside(tmp_path: Path) -> None:
    document = amd_crl(vendors(), NOW - DAY)
    handed(keeper(tmp_path), document)
    (file,) = (tmp_path / "collateral" / "documents").iterdir()
    data = document.data[:-1] + bytes([document.data[-1] ^ 1])
    file.write_bytes(dump(replace(document, data=data).to_document()))
    assert keeper(tmp_path).current.documents == {}


@every_kind
def test_what_somebody_else_signed_is_refused(tmp_path: Path, kind: str) -> None:
    document = MAKERS[kind](NOW - timedelta(hours=2), 5)
    kept = KeptCollateral(tmp_path / "collateral")
    for anchors in (HARDWARE_ANCHORS, anchors_of(intel="11" * 32, amd="22" * 32)):
        found = kept.hand_in([document], anchors, NOW)
        assert refusals(found) == ["untrusted-root"]
    data = bytearray(document.data)
    data[len(data) // 2] ^= 1
    assert handed(kept, replace(document, data=bytes(data))).kept == ()
    assert handed(kept, replace(document, chain=())).kept == ()
    assert handed(kept, replace(document, chain=document.chain[:-1])).kept == ()
    assert kept.current.documents == {}
    assert not (tmp_path / "collateral").exists()


@every_kind
@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(days=31)])
def test_what_is_not_current_is_refused(tmp_path: Path, kind: str, off: timedelta) -> None:
    issued = NOW - timedelta(hours=2)
    kept = keeper(tmp_path)
    (found,) = handed(kept, MAKERS[kind](issued, 5), now=issued + off).refused
    assert found.reason in {
        "collateral-not-yet-valid",
        "collateral-expired",
        "crl-not-current",
        "ocsp-not-current",
    }


def test_one_whose_time_is_over_by_a_start_still_says_what_it_revokes(tmp_path: Path) -> None:
    document = amd_crl(vendors(), NOW - DAY, revoked=(7,))
    answer_ = answered(NOW - timedelta(hours=2), status=ocsp.OCSPCertStatus.REVOKED)
    assert handed(keeper(tmp_path), document, answer_).refused == ()

    later = keeper(tmp_path, now=NOW + 40 * DAY)
    assert using(later, document)
    assert using(later, answer_)


def test_a_scope_that_it_is_not_about_is_refused(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    posing = [
        replace(INTEL.tcb_info(NOW - DAY), scope="00a000000000"),
        replace(INTEL.pck_crl(NOW - DAY), scope="processor"),
        replace(INTEL.root_crl(NOW - DAY), scope="td"),
        replace(amd_crl(vendors(), NOW - DAY), scope="vlek/Genoa"),
        replace(amd_crl(vendors(), NOW - DAY), scope="vcek/Milan"),
        replace(answered(NOW), scope="00" * 32),
    ]
    assert len(handed(kept, *posing).refused) == len(posing)


@pytest.mark.parametrize(
    "kind", [CollateralKind.AMD_CHAIN, CollateralKind.AMD_VEK, CollateralKind.NVIDIA_RIM]
)
def test_other_kinds_are_not_kept(tmp_path: Path, kind: CollateralKind) -> None:
    found = handed(keeper(tmp_path), replace(INTEL.root_crl(NOW - DAY), kind=kind))
    assert refusals(found) == ["collateral-kind"]


def test_two_of_one_place_at_once_are_one(tmp_path: Path) -> None:
    old, new = INTEL.root_crl(NOW - 2 * DAY, 1), INTEL.root_crl(NOW - DAY, 2)
    kept = keeper(tmp_path)
    assert refusals(handed(kept, old, new)) == ["collateral-twice"]
    assert handed(kept, new).refused == ()


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_DOCUMENTS", 2), ("MAX_PLACES", 2), ("MAX_BYTES", 900)]
)
def test_a_flood_is_bounded_and_leaves_what_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(module, limit, value)
    kept = keeper(tmp_path)
    first = INTEL.root_crl(NOW - DAY)
    handed(kept, first)
    many = [INTEL.pck_crl(NOW - DAY), INTEL.tcb_info(NOW - DAY), amd_crl(vendors(), NOW - DAY)]
    found = handed(kept, *many)

    assert set(refusals(found)) == {"collateral-too-many"}
    assert using(kept, first)
    newer = INTEL.root_crl(NOW - timedelta(hours=1), 2)
    assert handed(kept, newer).refused == ()  # of a place that is there already


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_any_step_leaves_what_was_used(tmp_path: Path, code: int) -> None:
    old, new = INTEL.pck_crl(NOW - 2 * DAY, 1), INTEL.pck_crl(NOW - DAY, 2)
    counted = CountingDisk()
    folder = tmp_path / "counted"
    folder.mkdir()
    handed(keeper(folder), old)
    handed(keeper(folder, counted), new)
    for step in range(len(counted.steps)):
        folder = tmp_path / str(step)
        folder.mkdir()
        handed(keeper(folder), old)
        kept = keeper(folder, FailingDisk(step, code))
        with pytest.raises(LogFull if code == errno.ENOSPC else LogUnwritable):
            handed(kept, new)
        assert using(kept, old)
        again = keeper(folder)
        assert using(again, old) or using(again, new)
        assert handed(again, new).refused == ()


def test_a_kill_at_any_step_never_lets_older_collateral_in(tmp_path: Path) -> None:
    old, new = INTEL.pck_crl(NOW - 2 * DAY, 1), INTEL.pck_crl(NOW - DAY, 2)
    for step in range(40):
        folder = tmp_path / str(step)
        folder.mkdir()
        handed(keeper(folder), old)
        kept = keeper(folder, DyingDisk(step))
        try:
            handed(kept, new)
        except Crash:
            pass
        else:
            assert step > 5
            break
        again = keeper(folder)
        if using(again, new):  # then the start has remembered it before it was used
            shutil.rmtree(folder / "collateral" / "documents")
            assert refusals(handed(keeper(folder), old)) == ["collateral-older"]
        else:
            assert using(again, old)
    else:
        raise AssertionError("it never came to an end")


def test_a_damaged_memory_is_no_fresh_start(tmp_path: Path) -> None:
    handed(keeper(tmp_path), INTEL.root_crl(NOW - DAY))
    file = tmp_path / "collateral" / "memory"
    good = file.read_bytes()
    for raw in (b"", good[:-1], good[:-10] + b"0" * 10):
        file.write_bytes(raw)
        with pytest.raises(CollateralMemoryDamaged):
            keeper(tmp_path)
    file.unlink()
    with pytest.raises(CollateralMemoryDamaged, match="not there") as caught:
        keeper(tmp_path)
    assert "remove" in caught.value.hint
    file.write_bytes(good)
    keeper(tmp_path)


def test_a_set_that_a_release_took_stays_as_it_was(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    taken = kept.current
    handed(kept, INTEL.root_crl(NOW - DAY))
    assert taken.documents == {}
    assert kept.current is not taken
