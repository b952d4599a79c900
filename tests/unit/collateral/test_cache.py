"""The cache on disk: never older, whole or not at all, and what damage does."""

import errno
import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.attest.collateral_age import Age, age_of
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.errors import MalformedError
from keyturn.collateral import cache as module
from keyturn.collateral.cache import Cache, Kept, entry_name, read_kept
from keyturn.collateral.errors import CacheUnusable, EntryDamaged, RolledBack
from keyturn.collateral.staleness import State
from keyturn_sim.pki import make_certificate, make_crl, new_p384_key
from support.vendoranswers import CHAIN, NOW, QE, TCB, Recorded


def kept(document: CollateralDocument, **changed: object) -> Kept:
    made = Kept(document, age_of(document), NOW, "https://vendor/x")
    return replace(made, **changed)  # type: ignore[arg-type]


def tcb(recorded: Recorded) -> Kept:
    return kept(recorded.document(TCB))


def crl(issued_days_ago: int) -> Kept:
    key = new_p384_key()
    root = make_certificate("ARK-Milan", key, None, key, is_ca=True)
    since = NOW - timedelta(days=issued_days_ago)
    raw = make_crl(root, key, this_update=since, next_update=NOW + timedelta(days=30))
    return kept(CollateralDocument(CollateralKind.AMD_CRL, "vcek/Milan", raw))


def test_what_is_put_is_got(cache: Cache, recorded: Recorded) -> None:
    assert cache.get(*TCB.key) is None
    assert cache.put(tcb(recorded))
    assert cache.get(*TCB.key) == tcb(recorded)
    assert not cache.put(tcb(recorded))
    assert cache.contents().kept == (tcb(recorded),)
    found = cache.get(*TCB.key)
    assert found is not None
    assert found.state(NOW) is State.DUE  # a week before its nextUpdate


def test_files_are_the_owners_alone(cache: Cache, recorded: Recorded) -> None:
    cache.put(tcb(recorded))
    modes = {stat.S_IMODE(each.stat().st_mode) for each in cache.directory.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(cache.directory.stat().st_mode) == 0o700


def test_an_older_document_is_refused(cache: Cache) -> None:
    """The attack: a revocation is undone by an older list, still current, still well signed."""
    new, old = crl(1), crl(5)
    cache.put(new)
    with pytest.raises(RolledBack) as refused:
        cache.put(old)
    assert (refused.value.found, refused.value.expected) == (str(old.age), f"at least {new.age}")
    assert cache.get(*key(new)) == new
    assert cache.put(crl(0))


def key(entry: Kept) -> tuple[CollateralKind, str]:
    return (entry.document.kind, entry.document.scope)


def test_the_same_document_fetched_again_gets_its_new_time(
    cache: Cache, recorded: Recorded
) -> None:
    cache.put(tcb(recorded))
    later = kept(recorded.document(TCB), fetched=NOW + timedelta(days=1))
    assert not cache.put(later)
    assert cache.get(*TCB.key) == later


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"\xff" * 100, b"{}", b"[]", b"x" * (module.MAX_ENTRY + 1)]
)
def test_garbage_counts_as_absent_is_named_and_is_replaced(
    cache: Cache, recorded: Recorded, garbage: bytes
) -> None:
    cache.put(kept(recorded.document(QE)))
    path = cache.directory / entry_name(*TCB.key)
    path.write_bytes(garbage)
    with pytest.raises(EntryDamaged, match=path.name):
        cache.get(*TCB.key)
    contents = cache.contents()
    assert [each.document.kind for each in contents.kept] == [QE.kind]
    assert len(contents.damaged) == 1
    cache.put(tcb(recorded))
    assert cache.contents().damaged == ()


@pytest.mark.parametrize("name", ["fetched", "digest", "issued", "number", "until", "document"])
def test_an_entry_says_the_truth_about_its_document(recorded: Recorded, name: str) -> None:
    document = json.loads(tcb(recorded).to_bytes())
    other = {
        "fetched": 5,
        "digest": "sha256:" + "00" * 32,
        "issued": "2026-02-02T00:00:00Z",
        "number": "99",
        "until": None,
        "document": {},
    }
    document[name] = other[name]
    with pytest.raises(MalformedError):
        read_kept(json.dumps(document).encode())
    del document[name]
    with pytest.raises(MalformedError):
        read_kept(json.dumps(document).encode())


def test_an_entry_with_a_field_more_is_damaged(recorded: Recorded) -> None:
    document = {**json.loads(tcb(recorded).to_bytes()), "more": 1}
    with pytest.raises(MalformedError, match="unknown field"):
        read_kept(json.dumps(document).encode())


def test_a_document_whose_age_cannot_be_read_is_damaged(recorded: Recorded) -> None:
    bad = replace(recorded.document(TCB), data=b"{}")
    entry = Kept(bad, Age(NOW, None), NOW, "https://vendor/x")
    with pytest.raises(MalformedError):
        read_kept(entry.to_bytes())


def test_an_entry_under_anothers_name_is_damaged(cache: Cache, recorded: Recorded) -> None:
    cache.put(tcb(recorded))
    (cache.directory / entry_name(*TCB.key)).rename(cache.directory / entry_name(*QE.key))
    with pytest.raises(EntryDamaged, match="something else"):
        cache.get(*QE.key)


def test_links_and_pipes_are_not_followed(cache: Cache, recorded: Recorded, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(tcb(recorded).to_bytes())
    (cache.directory / entry_name(*TCB.key)).symlink_to(tmp_path / "elsewhere")
    os.mkfifo(cache.directory / entry_name(*QE.key))
    (cache.directory / entry_name(*CHAIN.key)).mkdir()
    assert len(cache.contents().damaged) == 3
    cache.put(tcb(recorded))
    assert (tmp_path / "elsewhere").read_bytes() == tcb(recorded).to_bytes()


def test_a_full_disk_leaves_what_was_there(
    cache: Cache, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.put(tcb(recorded))

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    later = kept(recorded.document(TCB), fetched=NOW + timedelta(days=1))
    with pytest.raises(CacheUnusable, match="No space left"):
        cache.put(later)
    monkeypatch.undo()
    assert cache.get(*TCB.key) == tcb(recorded)
    assert [each.name for each in cache.directory.iterdir() if each.suffix == ".tmp"] == []


def test_a_kill_half_way_leaves_what_was_there(
    cache: Cache, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.put(tcb(recorded))
    pid = os.fork()
    if pid == 0:  # dies after the new bytes are on disk and before they have their name
        monkeypatch.setattr(Path, "rename", lambda *_: os._exit(9))
        cache.put(kept(recorded.document(TCB), fetched=NOW + timedelta(days=1)))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert cache.get(*TCB.key) == tcb(recorded)
    assert len(cache.contents().damaged) == 0
    later = kept(recorded.document(TCB), fetched=NOW + timedelta(days=2))
    cache.put(later)  # over what was left behind
    assert cache.get(*TCB.key) == later


def test_a_directory_that_cannot_be_is_typed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CacheUnusable):
        Cache(tmp_path / "file" / "cache")
    gone = Cache(tmp_path / "cache")
    gone.directory.rmdir()
    with pytest.raises(CacheUnusable):
        gone.contents()


def test_numbers_of_twenty_bytes_and_ends_after_our_years_are_kept(
    cache: Cache, recorded: Recorded
) -> None:
    document = CollateralDocument(CollateralKind.NVIDIA_RIM, "NV_GPU_DRIVER", recorded.rim())
    endless = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    cache.put(Kept(document, Age(NOW, endless, 2**159), NOW, "https://vendor/x"))
    found = cache.get(document.kind, document.scope)
    assert found is not None
    assert found.age == Age(NOW, None, 2**159)


@pytest.mark.parametrize("number", ["", "-1", "07", "1e3", "x", "1" * 51])
def test_another_number_is_damage(recorded: Recorded, number: str) -> None:
    document = {**json.loads(tcb(recorded).to_bytes()), "number": number}
    with pytest.raises(MalformedError):
        read_kept(json.dumps(document).encode())


def test_a_rims_age_is_as_its_verifier_said(cache: Cache, recorded: Recorded) -> None:
    document = CollateralDocument(CollateralKind.NVIDIA_RIM, "NV_GPU_DRIVER", recorded.rim())
    entry = Kept(document, Age(NOW, NOW + timedelta(days=5)), NOW, "https://vendor/x")
    cache.put(entry)
    assert cache.get(document.kind, document.scope) == entry
