"""The memory of used collateral: never lowered, never doubted, never silently new."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.attest.collateral_age import Age
from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import sha256
from keyturn.keyholder.collateralmemory import CollateralMemory
from keyturn.keyholder.errors import CollateralMemoryDamaged
from keyturn.keyholder.logdisk_errors import LogFull
from keyturn.keyholder.logdisk_io import AtomicFiles, DiskIo
from keyturn.keyrelease.collateral import Place
from unit.keyholder.failing_disk import FailingDisk

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLACE = Place(CollateralKind.AMD_CRL, "vcek/Genoa", "ab" * 32)
OTHER = Place(CollateralKind.NVIDIA_OCSP, "cd" * 32, "")


def memory(folder: Path, io: DiskIo | None = None) -> CollateralMemory:
    (folder / "tmp").mkdir(exist_ok=True)
    return CollateralMemory(folder / "memory", AtomicFiles(folder, io or DiskIo()))


def kept(folder: Path, *ages: tuple[Place, Age]) -> bytes:
    memory(folder).raise_to(dict(ages))
    return (folder / "memory").read_bytes()


@pytest.mark.parametrize(
    ("age", "refused"),
    [
        (Age(NOW, None, 7), False),
        (Age(NOW + HOUR, None, 7), False),
        (Age(NOW, None, 8), False),
        (Age(NOW - HOUR, None, 7), True),
        (Age(NOW - HOUR, None, 8), True),
        (Age(NOW + HOUR, None, 6), True),
        (Age(NOW + HOUR, None, None), True),
    ],
)
def test_older_in_date_or_number_is_refused_also_by_the_next_process(
    tmp_path: Path, age: Age, refused: bool
) -> None:
    kept(tmp_path, (PLACE, Age(NOW, NOW + HOUR, 7)), (OTHER, Age(NOW, None)))
    found = memory(tmp_path)
    found.load(expected=True)

    assert (found.refuses(PLACE, age) is not None) is refused
    assert found.refuses(OTHER, Age(NOW - HOUR, None)) is not None
    assert found.refuses(Place(PLACE.kind, PLACE.scope, ""), age) is None
    assert len(found) == 2
    assert PLACE in found


def test_a_number_of_twenty_bytes_is_remembered(tmp_path: Path) -> None:
    kept(tmp_path, (PLACE, Age(NOW, None, 2**159)))
    found = memory(tmp_path)
    found.load(expected=True)
    assert found.refuses(PLACE, Age(NOW, None, 2**159 - 1)) is not None
    assert found.refuses(PLACE, Age(NOW, None, 2**159)) is None


def test_none_is_new_only_where_there_is_no_document(tmp_path: Path) -> None:
    memory(tmp_path).load(expected=False)
    with pytest.raises(CollateralMemoryDamaged, match="documents are"):
        memory(tmp_path).load(expected=True)


def test_every_bit_counts(tmp_path: Path) -> None:
    good = kept(tmp_path, (PLACE, Age(NOW, None, 7)))
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1
        (tmp_path / "memory").write_bytes(bytes(bad))
        with pytest.raises(CollateralMemoryDamaged) as caught:
            memory(tmp_path).load(expected=False)
        assert "copy" in caught.value.hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"type":"collateral-memory","format":2,"used":[]}',
        b'{"type":"collateral-memory","format":1,"used":[{}]}',
        b'{"type":"collateral-memory","format":1,"used":[],"more":1}',
        b'{"type":"collateral-memory","format":1,"used":[{"kind":"amd-crl","scope":"s",'
        b'"issuer":"","issued":"2026-11-23T08:00:00Z","number":"-1"}]}',
    ],
)
def test_another_form_is_refused_though_its_digest_is_right(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "memory").write_bytes(sha256(body).hex().encode() + b"\n" + body)
    with pytest.raises(CollateralMemoryDamaged):
        memory(tmp_path).load(expected=False)


def test_a_full_disk_raises_nothing(tmp_path: Path) -> None:
    before = kept(tmp_path, (PLACE, Age(NOW, None, 7)))
    found = memory(tmp_path, FailingDisk(1, 28))
    found.load(expected=True)
    with pytest.raises(LogFull):
        found.raise_to({PLACE: Age(NOW + HOUR, None, 8)})

    assert found.refuses(PLACE, Age(NOW, None, 7)) is None
    assert (tmp_path / "memory").read_bytes() == before


def test_what_is_remembered_already_is_not_written_again(tmp_path: Path) -> None:
    kept(tmp_path, (PLACE, Age(NOW, None, 7)))
    io = FailingDisk(0)
    found = memory(tmp_path, io)
    found.load(expected=True)
    found.raise_to({PLACE: Age(NOW, NOW + HOUR, 7)})
    assert io.steps == []
