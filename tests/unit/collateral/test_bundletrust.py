"""Attacks on bundles, as TUF names them, and that python-tuf's own client agrees with us."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.ngclient import FetcherInterface, Updater

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.collateral.bundlekeys import key_digest
from keyturn.collateral.bundletrust import BundleTrust, believe, read_trust, root_keys
from keyturn.collateral.errors import BundleMalformed, BundleUntrusted, RolledBack
from support.bundles import NAME, Maker, new_key
from support.vendoranswers import NOW

Files = dict[str, bytes]
DAY = timedelta(days=1)


@pytest.fixture
def maker() -> Maker:
    return Maker(NOW)


def first(maker: Maker, now: datetime = NOW) -> BundleTrust:
    return believe(maker.files(), key_digest(maker.key), now).trust


def test_a_good_bundle(maker: Maker) -> None:
    found = believe(maker.files(), key_digest(maker.key), NOW)
    assert found.entries == {NAME: b"entry"}
    assert (found.version, found.expires) == (10, NOW + 14 * DAY)
    assert root_keys(found.trust) == {key_digest(maker.key)}
    again = believe(maker.files(), found.trust, NOW)
    assert again.trust == found.trust


def test_the_first_root_must_be_of_the_named_key(maker: Maker) -> None:
    """The attack: somebody else's bundle, whole and well signed, on the first day."""
    with pytest.raises(BundleUntrusted, match="key that was named") as refused:
        believe(maker.files(), key_digest(new_key()), NOW)
    assert "1 roots" in refused.value.found


def test_a_root_that_only_names_the_key_is_not_enough(maker: Maker) -> None:
    stranger = Maker(NOW)
    root = Metadata[Root].from_bytes(maker.root())
    root.signatures = Metadata[Root].from_bytes(stranger.root()).signatures
    files = {**maker.files(), "1.root.json": root.to_bytes()}
    with pytest.raises(BundleUntrusted, match="root does not hold"):
        believe(files, key_digest(maker.key), NOW)


def test_a_bundle_of_another_signer_is_refused_later(maker: Maker) -> None:
    trust = first(maker)
    with pytest.raises(BundleUntrusted):
        believe(Maker(NOW, versions={"timestamp": 11}).files(), trust, NOW)


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_each_part_expires(role: str) -> None:
    maker = Maker(NOW, lives={role: DAY})
    believe(maker.files(), key_digest(maker.key), NOW)
    with pytest.raises(BundleUntrusted, match="expired") as refused:
        believe(maker.files(), key_digest(maker.key), NOW + DAY)
    assert refused.value.found.startswith(role)
    assert "clock" in refused.value.hint


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_each_part_never_goes_back(maker: Maker, role: str) -> None:
    """The attack: last month's bundle, still within its dates, brings old lists back."""
    trust = first(maker)
    usual = {"timestamp": 11, "snapshot": 11, "targets": 11}
    old = Maker(NOW, key=maker.key, versions={**usual, role: 9})
    with pytest.raises(RolledBack, match="older") as refused:
        believe(old.files(), trust, NOW)
    assert refused.value.found == f"{role} version 9"
    new = Maker(NOW, key=maker.key, versions=usual)
    assert believe(new.files(), trust, NOW).version == 11


def test_two_bundles_of_one_version_differ(maker: Maker) -> None:
    trust = first(maker)
    other = Maker(NOW, key=maker.key, contents={NAME: b"other"})
    with pytest.raises(BundleUntrusted, match="one version differ"):
        believe(other.files(), trust, NOW)


@pytest.mark.parametrize(
    "name", ["timestamp.json", "snapshot.json", "targets.json", f"targets/{NAME}"]
)
def test_parts_of_two_bundles_do_not_mix(maker: Maker, name: str) -> None:
    other = Maker(
        NOW,
        key=maker.key,
        versions={"timestamp": 11, "snapshot": 11, "targets": 11},
        contents={NAME: b"other"},
    )
    mixed = {**maker.files(), name: other.files()[name]}
    with pytest.raises((BundleUntrusted, RolledBack)):
        believe(mixed, key_digest(maker.key), NOW)


@pytest.mark.parametrize("kept", [("timestamp.json",), ("timestamp.json", "snapshot.json")])
def test_parts_of_one_version_are_told_apart_by_their_digests(
    maker: Maker, kept: tuple[str, ...]
) -> None:
    other = Maker(NOW, key=maker.key, contents={NAME: b"other"}).files()
    mixed = {**other, **{name: maker.files()[name] for name in kept}}
    with pytest.raises(BundleUntrusted, match="do not hold"):
        believe(mixed, key_digest(maker.key), NOW)


@pytest.mark.parametrize("part", ["snapshot", "targets"])
def test_a_part_has_the_version_that_names_it(maker: Maker, part: str) -> None:
    class Skewed(Maker):
        def meta(self, role, raw):  # type: ignore[no-untyped-def]
            found = super().meta(role, raw)
            found.version += role == part
            return found

    with pytest.raises(BundleUntrusted, match=f"different versions; found {part} version 10"):
        believe(Skewed(NOW, key=maker.key).files(), key_digest(maker.key), NOW)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_each_part_is_signed_by_its_role(maker: Maker, role: str) -> None:
    forged = Maker(NOW, key=maker.key, keys={role: new_key()})
    files = {**forged.files(), "1.root.json": maker.root()}
    with pytest.raises(BundleUntrusted, match="do not hold"):
        believe(files, key_digest(maker.key), NOW)


def test_every_byte_counts(maker: Maker) -> None:
    files = maker.files()
    for name, raw in files.items():
        for at in range(0, len(raw), 11):
            bent = bytearray(raw)
            bent[at] ^= 1 << at % 7
            try:
                found = believe({**files, name: bytes(bent)}, key_digest(maker.key), NOW)
            except KeyturnError:
                continue
            # Only what stands outside what is signed may differ: a signature's unread fields.
            assert found.entries == {NAME: b"entry"}


def without(files: Files, name: str) -> Files:
    return {each: raw for each, raw in files.items() if each != name}


def test_a_part_that_is_missing(maker: Maker) -> None:
    for name in ("timestamp.json", "snapshot.json", "targets.json"):
        with pytest.raises(BundleMalformed, match="lacks"):
            believe(without(maker.files(), name), key_digest(maker.key), NOW)
    with pytest.raises(BundleUntrusted, match="not the files"):
        believe(without(maker.files(), f"targets/{NAME}"), key_digest(maker.key), NOW)


def test_a_file_that_nobody_signed(maker: Maker) -> None:
    extra = f"targets/amd-crl-{'cd' * 16}.json"
    with pytest.raises(BundleUntrusted, match="not the files"):
        believe({**maker.files(), extra: b"x"}, key_digest(maker.key), NOW)


Bend = Callable[[dict[str, object]], None]


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"signed":{},"signatures":[]}']
)
@pytest.mark.parametrize("name", ["1.root.json", "timestamp.json", "snapshot.json", "targets.json"])
def test_metadata_that_are_none(maker: Maker, name: str, raw: bytes) -> None:
    with pytest.raises((BundleMalformed, BundleUntrusted)):
        believe({**maker.files(), name: raw}, key_digest(maker.key), NOW)


def test_metadata_of_another_type(maker: Maker) -> None:
    files = maker.files()
    with pytest.raises((BundleMalformed, BundleUntrusted)):
        believe({**files, "timestamp.json": files["snapshot.json"]}, key_digest(maker.key), NOW)
    with pytest.raises(BundleMalformed, match="another type"):
        believe({**files, "1.root.json": files["targets.json"]}, key_digest(maker.key), NOW)


def test_delegations_and_other_metadata_are_refused(maker: Maker) -> None:
    raw = json.loads(maker.files()["targets.json"])["signed"]
    raw["delegations"] = {"keys": {}, "roles": []}
    targets = Targets.from_dict(raw)

    class Delegating(Maker):
        def signed(self, role, signed):  # type: ignore[no-untyped-def]
            return super().signed(role, targets if role == "targets" else signed)

    with pytest.raises(BundleMalformed, match="delegates"):
        believe(Delegating(NOW, key=maker.key).files(), key_digest(maker.key), NOW)

    class Wider(Maker):
        def signed(self, role, signed):  # type: ignore[no-untyped-def]
            if role == "snapshot":
                signed.meta["other.json"] = signed.meta["targets.json"]
            return super().signed(role, signed)

    with pytest.raises(BundleMalformed, match="other metadata"):
        believe(Wider(NOW, key=maker.key).files(), key_digest(maker.key), NOW)


# Rotation


def test_a_new_key_is_followed_where_the_old_one_signed_it(maker: Maker) -> None:
    trust = first(maker)
    new = Maker(NOW, versions={"timestamp": 11, "snapshot": 11, "targets": 11})
    roots = {1: maker.root(), 2: new.root(2, maker.key)}
    found = believe(new.files(roots), trust, NOW)
    assert root_keys(found.trust) == {key_digest(new.key)}
    with pytest.raises(BundleUntrusted):  # the old key is out
        believe(Maker(NOW, key=maker.key).files({1: maker.root()}), found.trust, NOW)


def test_the_first_pin_may_be_of_any_root_in_the_bundle(maker: Maker) -> None:
    new = Maker(NOW)
    files = new.files({1: maker.root(), 2: new.root(2, maker.key)})
    for each in (maker, new):
        found = believe(files, key_digest(each.key), NOW)
        assert root_keys(found.trust) == {key_digest(new.key)}


@pytest.mark.parametrize("by_old", [True, False])
def test_a_root_needs_both_signatures(maker: Maker, by_old: bool) -> None:
    trust = first(maker)
    new = Maker(NOW, versions={"timestamp": 11})
    root = Metadata[Root].from_bytes(new.root(2, maker.key))
    signer = maker if by_old else new
    keyid = Metadata[Root].from_bytes(signer.root()).signed.roles["root"].keyids[0]
    root.signatures = {keyid: root.signatures[keyid]}
    with pytest.raises(BundleUntrusted, match="do not hold"):
        believe(new.files({1: maker.root(), 2: root.to_bytes()}), trust, NOW)


def test_roots_are_not_skipped(maker: Maker) -> None:
    trust = first(maker)
    new = Maker(NOW, versions={"timestamp": 11, "snapshot": 11, "targets": 11})
    files = new.files({1: maker.root(), 3: new.root(3, maker.key)})
    with pytest.raises(BundleUntrusted):
        believe(files, trust, NOW)
    named_wrong = new.files({1: maker.root(), 2: new.root(3, maker.key)})
    with pytest.raises(BundleUntrusted, match="different versions"):
        believe(named_wrong, trust, NOW)


def test_new_keys_end_a_fast_forward(maker: Maker) -> None:
    """A stolen key signed version 2^31; with a new key, versions may start again (§5.3.11)."""
    far = Maker(NOW, key=maker.key, versions={"timestamp": 1 << 31, "snapshot": 1 << 31})
    trust = first(far)
    with pytest.raises(RolledBack):
        believe(maker.files(), trust, NOW)
    new = Maker(NOW)
    roots = {1: far.root(), 2: new.root(2, maker.key)}
    assert believe(new.files(roots), trust, NOW).version == 10


# What is remembered


def test_trust_is_written_and_read_back(maker: Maker) -> None:
    trust = first(maker)
    assert read_trust(trust.to_bytes()) == trust
    bare = BundleTrust(trust.root, None, None)
    assert read_trust(bare.to_bytes()) == bare
    for wrong in (b"", b"{}", trust.to_bytes() + b"x", trust.to_bytes()[:-1] + b',"more":1}'):
        with pytest.raises(MalformedError):
            read_trust(wrong)


# An independent client


class FromFiles(FetcherInterface):
    def __init__(self, files: Files) -> None:
        self._files = files

    def _fetch(self, url: str):  # type: ignore[no-untyped-def]
        name = url.removeprefix("bundle://x/")
        if name not in self._files:
            raise DownloadHTTPError("not there", 404)
        yield self._files[name]


def test_python_tufs_own_client_accepts_what_we_accept(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    maker = Maker(now)
    new = Maker(now)
    files = new.files({1: maker.root(), 2: new.root(2, maker.key)})
    believe(files, key_digest(maker.key), now)
    for name in ("metadata", "targets"):
        (tmp_path / name).mkdir()
    client = Updater(
        str(tmp_path / "metadata"),
        "bundle://x/",
        str(tmp_path / "targets"),
        "bundle://x/targets/",
        FromFiles(files),
        bootstrap=files["1.root.json"],
    )
    client.refresh()
    target = client.get_targetinfo(NAME)
    assert target is not None
    assert Path(client.download_target(target)).read_bytes() == b"entry"
