"""From a connected machine to one without a network, and what attackers on the way can do."""

from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.errors import UntrustedEvidence
from keyturn.collateral import carrying as module
from keyturn.collateral.bundlefile import write_bundle
from keyturn.collateral.bundlekeys import key_digest, new_bundle_key, roots_for
from keyturn.collateral.cache import Cache, Kept, entry_name
from keyturn.collateral.carrying import TRUST_FILE, exportable, import_bundle, known_trust
from keyturn.collateral.errors import BundleUntrusted, CacheUnusable, RolledBack
from keyturn.collateral.fetching import Trust
from support.bundles import Maker
from support.vendoranswers import CHAIN, NOW, PCK_LIST, QE, ROOT_LIST, TCB, Recorded
from unit.collateral.test_bundlefile import made
from unit.collateral.test_cache import kept

EVERY = (CHAIN, TCB, QE, ROOT_LIST, PCK_LIST)
TRUST = Trust(anchors=HARDWARE_ANCHORS)
DAY = timedelta(days=1)


class Connected:
    """The machine that exports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = new_bundle_key(folder / "key")
        self.digest = key_digest(self.key)

    def bundle(self, entries: list[Kept], at: timedelta = timedelta(), days: int = 14) -> bytes:
        now = NOW + at
        roots = roots_for(self.folder / "roots", self.key, now)
        return write_bundle(entries, roots, self.key, now, timedelta(days=days))


@pytest.fixture
def connected(tmp_path: Path) -> Connected:
    return Connected(tmp_path)


@pytest.fixture
def entries(recorded: Recorded) -> list[Kept]:
    return [kept(recorded.document(each)) for each in EVERY]


def test_a_bundle_brings_everything(
    cache: Cache, connected: Connected, entries: list[Kept]
) -> None:
    found = import_bundle(cache, connected.bundle(entries), TRUST, NOW, connected.digest)
    assert found.all_kept
    assert all(each.newer for each in found.documents)
    assert {each.document for each in cache.contents().kept} == {e.document for e in entries}
    assert {each.fetched for each in cache.contents().kept} == {NOW}
    again = import_bundle(cache, connected.bundle(entries, DAY), TRUST, NOW + DAY)
    assert not any(each.newer for each in again.documents)


def test_the_first_bundle_needs_a_key(
    cache: Cache, connected: Connected, entries: list[Kept]
) -> None:
    with pytest.raises(BundleUntrusted, match="not been told") as refused:
        import_bundle(cache, connected.bundle(entries), TRUST, NOW)
    assert "--root-key" in refused.value.hint
    assert cache.contents().kept == ()


def test_another_key_later_is_an_error_and_no_new_pin(
    cache: Cache, connected: Connected, entries: list[Kept], tmp_path: Path
) -> None:
    import_bundle(cache, connected.bundle(entries), TRUST, NOW, connected.digest)
    (tmp_path / "other").mkdir()
    other = Connected(tmp_path / "other")
    with pytest.raises(BundleUntrusted, match="another key"):
        import_bundle(cache, other.bundle(entries, DAY), TRUST, NOW, other.digest)
    with pytest.raises(BundleUntrusted):
        import_bundle(cache, other.bundle(entries, DAY), TRUST, NOW)


def test_an_older_bundle_is_refused(
    cache: Cache, connected: Connected, entries: list[Kept]
) -> None:
    old = connected.bundle(entries)
    import_bundle(cache, connected.bundle(entries, DAY), TRUST, NOW + DAY, connected.digest)
    with pytest.raises(RolledBack, match="bundle is older"):
        import_bundle(cache, old, TRUST, NOW + DAY)


def test_a_newer_bundle_brings_no_older_document_back(
    cache: Cache, connected: Connected, recorded: Recorded
) -> None:
    """The attack, or a mistake: the exporting machine is behind what this one has."""
    new, old = Recorded(recorded.vectors), Recorded(recorded.vectors, "00806f05-2025-10")
    cache.put(kept(new.document(PCK_LIST)))
    behind = kept(old.document(PCK_LIST))
    then = behind.age.issued + DAY
    bundle = write_bundle(
        [behind],
        roots_for(connected.folder / "roots", connected.key, then),
        connected.key,
        then,
        14 * DAY,
    )
    found = import_bundle(cache, bundle, TRUST, then, connected.digest)
    assert isinstance(found.documents[0].error, RolledBack)
    assert not found.all_kept
    known = cache.get(*PCK_LIST.key)
    assert known is not None
    assert known.document == new.document(PCK_LIST)


def test_the_bundles_key_vouches_for_no_document(
    cache: Cache, connected: Connected, entries: list[Kept]
) -> None:
    """Whoever signs bundles cannot make collateral: the vendors' roots decide, one by one."""
    narrow = Trust(anchors=HARDWARE_ANCHORS.narrowed_to(()))
    found = import_bundle(cache, connected.bundle(entries), narrow, NOW, connected.digest)
    assert all(isinstance(each.error, UntrustedEvidence) for each in found.documents)
    assert cache.contents().kept == ()


def test_a_document_that_ended_on_the_way_is_refused_alone(
    cache: Cache, connected: Connected, entries: list[Kept]
) -> None:
    late = timedelta(days=7)  # Intel's TCB info ends on the way
    found = import_bundle(cache, connected.bundle(entries), TRUST, NOW + late, connected.digest)
    refused = {each.kind for each in found.documents if each.error}
    assert refused == {TCB.kind}


def test_signed_junk_is_refused_as_a_whole(cache: Cache) -> None:
    maker = Maker(NOW)
    raw = made(list(maker.files().items()))
    with pytest.raises(BundleUntrusted, match="cannot be read"):
        import_bundle(cache, raw, TRUST, NOW, key_digest(maker.key))


def test_a_signed_entry_under_anothers_name_is_refused(cache: Cache, entries: list[Kept]) -> None:
    maker = Maker(NOW, contents={entry_name(*QE.key): entries[1].to_bytes()})
    raw = made(list(maker.files().items()))
    with pytest.raises(BundleUntrusted, match="something else"):
        import_bundle(cache, raw, TRUST, NOW, key_digest(maker.key))


def test_what_is_remembered_is_never_guessed(
    cache: Cache, connected: Connected, entries: list[Kept]
) -> None:
    assert known_trust(cache) is None
    import_bundle(cache, connected.bundle(entries), TRUST, NOW, connected.digest)
    (cache.directory / TRUST_FILE).write_bytes(b"garbage")
    with pytest.raises(CacheUnusable, match="remembered"):
        import_bundle(cache, connected.bundle(entries), TRUST, NOW, connected.digest)
    (cache.directory / TRUST_FILE).unlink()
    (cache.directory / TRUST_FILE).mkdir()
    with pytest.raises(CacheUnusable):
        known_trust(cache)


def test_without_a_disk_nothing_is_kept(
    cache: Cache, connected: Connected, entries: list[Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_synced", full)
    with pytest.raises(CacheUnusable, match="remembered"):
        import_bundle(cache, connected.bundle(entries), TRUST, NOW, connected.digest)
    assert cache.contents().kept == ()


def test_what_has_expired_is_not_exported(cache: Cache, entries: list[Kept]) -> None:
    for each in entries:
        cache.put(each)
    assert len(exportable(cache, NOW)) == 5
    assert TCB.kind not in {e.document.kind for e in exportable(cache, NOW + 7 * DAY)}
